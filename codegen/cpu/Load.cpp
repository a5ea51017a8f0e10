// Links objects into this process.

#include "qopt/codegen/cpu/Load.h"

#include <cstdlib>
#include <cstring>

#include "qopt/codegen/cpu/Cpu.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;

namespace qopt::cpu {

Memory::Memory(size_t bytes)
    : data(static_cast<uint8_t *>(
          std::aligned_alloc(64, alignTo(bytes + 1, 64)))) {
  std::memset(data, 0, alignTo(bytes + 1, 64));
}

/// What the code of a launch calls.
static void launch(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                   int64_t tasks) {
  if (pool)
    return pool->parallel(pool, kernel, args, tasks);
  Memory scratch(QOPT_SCRATCH_BYTES);
  kernel(args, 0, tasks, scratch.data);
}

struct LoadedCode::Linked {
  std::unique_ptr<orc::LLJIT> jit;
  const qopt_program *program = nullptr; ///< null: kernels only
};

LoadedCode::LoadedCode(std::unique_ptr<Linked> linked)
    : linked(std::move(linked)) {}
LoadedCode::~LoadedCode() = default;

Expected<std::unique_ptr<LoadedCode>> LoadedCode::load(ArrayRef<char> object) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // All else that objects call is in the C library and the compiler's own.
  orc::JITDylib &library = (*jit)->getMainJITDylib();
  orc::SymbolMap symbols;
  symbols[(*jit)->mangleAndIntern("qopt_parallel")] = {
      orc::ExecutorAddr::fromPtr(&launch),
      JITSymbolFlags::Exported | JITSymbolFlags::Callable};
  if (Error error = library.define(orc::absoluteSymbols(std::move(symbols))))
    return error;
  if (Error error = (*jit)->addObjectFile(MemoryBuffer::getMemBufferCopy(
          StringRef(object.data(), object.size()), "generated code")))
    return error;
  auto linked = std::make_unique<Linked>();
  linked->jit = std::move(*jit);
  std::unique_ptr<LoadedCode> code(new LoadedCode(std::move(linked)));
  if (auto program = code->find("qopt_program"))
    code->linked->program = static_cast<const qopt_program *>(*program);
  else
    return program.takeError();
  return code;
}

Expected<void *> LoadedCode::find(StringRef symbol) const {
  auto address = linked->jit->lookup(symbol);
  if (!address)
    return address.takeError();
  return address->toPtr<void *>();
}

const qopt_variant *LoadedCode::variant() const {
  const qopt_program &program = *linked->program;
  FeatureSet host = hostFeatures();
  for (uint32_t i = 0; i < program.variant_count; ++i)
    if ((program.variants[i].features & ~host) == 0)
      return &program.variants[i];
  return nullptr;
}

const qopt_entry *findEntry(const qopt_variant &variant, StringRef name) {
  for (uint32_t i = 0; i < variant.entry_count; ++i)
    if (name == variant.entries[i].name)
      return &variant.entries[i];
  return nullptr;
}

SmallVector<SmallVector<int64_t>> shapesOf(const qopt_entry &entry,
                                           ArrayRef<int64_t> symbols) {
  SmallVector<const qopt_tensor_spec *> specs;
  for (uint32_t i = 0; i < entry.input_count; ++i)
    specs.push_back(&entry.inputs[i]);
  for (uint32_t i = 0; i < entry.output_count; ++i)
    specs.push_back(&entry.outputs[i]);
  size_t total = 0;
  for (const qopt_tensor_spec *spec : specs)
    total += spec->rank;
  for (uint32_t i = 0; i < entry.state_count; ++i)
    total += entry.states[i].rank;
  std::vector<int64_t> dims(total + 1);
  entry.shapes(symbols.data(), dims.data());
  SmallVector<SmallVector<int64_t>> shapes;
  const int64_t *next = dims.data();
  for (const qopt_tensor_spec *spec : specs) {
    shapes.emplace_back(next, next + spec->rank);
    next += spec->rank;
  }
  return shapes;
}

} // namespace qopt::cpu
