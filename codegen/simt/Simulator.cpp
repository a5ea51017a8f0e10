// Launches: blocks one after the other, their warps between barriers.

#include "qopt/codegen/simt/Simulator.h"

#include <algorithm>

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"

using namespace mlir;

namespace qopt::simt {

Simulator::Simulator(ModuleOp program, const Options &options)
    : module(program), how(options), random(options.seed) {
  for (auto device : program.getOps<gpu::GPUModuleOp>())
    for (auto function : device.getOps<LLVM::LLVMFuncOp>())
      if (function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
        kernels.insert({function.getSymName(), function});
}

Operation *Simulator::lookup(Operation *user, SymbolRefAttr name) {
  return symbols.lookupNearestSymbolFrom(user, name);
}

LLVM::LLVMFuncOp Simulator::functionAt(uint64_t address) const {
  uint64_t index = offsetOf(address);
  return spaceOf(address) == Space::function && index < functions.size()
             ? functions[index]
             : LLVM::LLVMFuncOp();
}

FailureOr<const Code *> Simulator::codeOf(LLVM::LLVMFuncOp function) {
  std::unique_ptr<Code> &code = codes[function];
  if (code)
    return code.get();
  auto made = std::make_unique<Code>();
  if (failed(Decoder(*this, function, *made).run()))
    return failure();
  codes[function] = std::move(made);
  return codes[function].get();
}

FailureOr<uint64_t> Simulator::call(LLVM::LLVMFuncOp function,
                                    ArrayRef<uint64_t> words) {
  auto code = codeOf(function);
  if (failed(code))
    return failure();
  Warp warp(*this, **code, nullptr, 0, 1);
  warp.start(words);
  if (warp.run() != Warp::State::done)
    return failure();
  return warp.result;
}

/// What is wrong with a launch; empty if nothing.
static std::string problemOf(const Code &code, ArrayRef<uint64_t> words,
                             const Grid &grid) {
  auto wrong = [&](StringRef what, uint64_t want, uint64_t got) {
    return ("launch of '" + Twine(code.name) + "': expects " + what + " " +
            Twine(want) + ", got " + Twine(got))
        .str();
  };
  constexpr uint64_t mostThreads = 1024, mostShared = 227 << 10,
                     mostStatic = 48 << 10, mostBlocks = 0x7fffffff;
  uint64_t sharedBytes = 0; // without what lies between variables
  for (const SharedVariable &variable : code.shared)
    sharedBytes += variable.bytes;
  if (words.size() != code.parameters.size())
    return wrong("parameters", code.parameters.size(), words.size());
  if (grid.threads == 0 || grid.threads > mostThreads)
    return wrong("threads of a block, up to", mostThreads, grid.threads);
  if (code.blockSize && grid.threads != code.blockSize)
    return wrong("threads of a block", code.blockSize, grid.threads);
  if (grid.blocks > mostBlocks)
    return wrong("blocks, up to", mostBlocks, grid.blocks);
  if (sharedBytes > mostStatic)
    return wrong("bytes of static shared memory, up to", mostStatic,
                 sharedBytes);
  if (grid.sharedBytes > mostShared)
    return wrong("bytes of dynamic shared memory, up to", mostShared,
                 grid.sharedBytes);
  if (grid.sharedBytes && !code.hasDynamicShared)
    return wrong("bytes of dynamic shared memory", 0, grid.sharedBytes);
  return {};
}

LogicalResult Simulator::launch(Operation *caller, LLVM::LLVMFuncOp kernel,
                                ArrayRef<uint64_t> words, Grid grid) {
  auto code = codeOf(kernel);
  if (failed(code))
    return failure();
  if (grid.threads == 0)
    grid.threads = (*code)->blockSize;
  std::string problem = problemOf(**code, words, grid);
  if (!problem.empty())
    return caller->emitError(problem);

  ThreadBlock block;
  block.launch = ++total.launches;
  block.grid = grid.blocks;
  block.size = grid.threads;
  block.names = (*code)->shared;
  for (SharedVariable &variable : block.names)
    if (variable.bytes == 0)
      variable.bytes = grid.sharedBytes;
  block.shared.resize((*code)->sharedBytes + grid.sharedBytes);
  block.shadow =
      std::make_unique<Shadow>(block.shared.size(), false, /*shared=*/true);
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<Warp *> order;
  for (uint64_t first = 0; first < grid.threads; first += warpSize) {
    warps.push_back(std::make_unique<Warp>(
        *this, **code, &block, first / warpSize, grid.threads - first));
    order.push_back(warps.back().get());
  }
  for (uint64_t index = 0; index < grid.blocks; ++index) {
    block.index = index;
    block.time = block.barrier = 1;
    std::fill(block.shared.begin(), block.shared.end(), 0x7f);
    block.shadow->forget();
    if (failed(runBlock(block, order, words)))
      return failure();
  }
  for (auto &warp : warps)
    total.laneSteps += warp->laneSteps;
  return success();
}

/// Other orders of warps for other seeds; 0 keeps them as they are.
static void shuffle(MutableArrayRef<Warp *> warps, uint64_t &random) {
  if (random == 0)
    return;
  for (size_t i = warps.size(); i > 1; --i) {
    random = random * 6364136223846793005 + 1442695040888963407;
    std::swap(warps[i - 1], warps[(random >> 33) % i]);
  }
}

LogicalResult Simulator::runBlock(ThreadBlock &block,
                                  MutableArrayRef<Warp *> warps,
                                  ArrayRef<uint64_t> words) {
  ++total.blocks;
  for (Warp *warp : warps)
    warp->start(words);
  while (true) {
    shuffle(warps, random);
    Warp *waiting = nullptr, *done = nullptr;
    for (Warp *warp : warps) {
      Warp::State state = warp->run();
      if (state == Warp::State::failed)
        return failure();
      Warp *&last = state == Warp::State::done ? done : waiting;
      if (!waiting || state == Warp::State::done)
        last = warp;
      else if (waiting->barrier() != warp->barrier()) {
        waiting->reportApart(*warp);
        return failure();
      }
    }
    if (!waiting)
      return success();
    if (done) {
      waiting->reportApart(*done);
      return failure();
    }
    block.barrier = ++block.time;
    for (Warp *warp : warps)
      warp->release();
  }
}

} // namespace qopt::simt
