// Runs a CUDA program, or one of its kernels, in the simulator.

#include "qopt/tools/qopt-interpret/Simt.h"

#include "qopt/codegen/simt/RunSimt.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qopt::driver {

/// The file that was named, or the one beside the program if it is there.
static std::string fileOr(const std::string &named, StringRef program,
                          StringRef ending) {
  if (!named.empty())
    return named;
  SmallString<256> path(program);
  llvm::sys::path::replace_extension(path, ending);
  return llvm::sys::fs::exists(path) ? path.str().str() : std::string();
}

int SimtOptions::run(ModuleOp program, StringRef path, StringRef entry,
                     ArrayRef<std::string> inputs, StringRef folder,
                     uint64_t seed) const {
  simt::Options options;
  options.maxSteps = maxSteps;
  options.seed = seed;
  simt::Simulator simulator(program, options);
  LogicalResult result = success();
  if (!kernel.empty()) {
    result = runKernel(simulator, {kernel,
                                   {arguments.begin(), arguments.end()},
                                   {grid, threads, shared},
                                   folder.str()});
  } else {
    result = runEntry(simulator, {entry.str(),
                                  inputs.vec(),
                                  {sizes.begin(), sizes.end()},
                                  fileOr(weights, path, "weights.bin"),
                                  fileOr(variables, path, "variables.bin"),
                                  folder.str()});
  }
  if (failed(result))
    return 1;
  const simt::Statistics &total = simulator.statistics();
  llvm::outs() << total.launches << " launches of " << total.blocks
               << " blocks, " << total.laneSteps
               << " instructions of lanes, no fault\n";
  return 0;
}

} // namespace qopt::driver
