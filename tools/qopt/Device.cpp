// The flags that say what a program is compiled for beside the CPU.

#include "qopt/tools/qopt/Device.h"

#include "qopt/codegen/link/Output.h"
#include "qopt/codegen/link/Weights.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace qopt::driver {

DeviceFlags::DeviceFlags(cl::OptionCategory &category)
    : device(
          "target", cl::cat(category), cl::init(Device::cpu),
          cl::desc("what runs the kernels:"),
          cl::values(clEnumValN(Device::cpu, "cpu", "this machine (default)"),
                     clEnumValN(Device::cuda, "cuda", "an NVIDIA GPU"))),
      chips("cuda-arch", cl::cat(category), cl::CommaSeparated,
            cl::value_desc("A,B"),
            cl::desc("chips to compile for (default: sm_80,sm_90a)")) {}

LogicalResult DeviceFlags::finish(Options &options, std::string &message) {
  options.device = device;
  options.chips.assign(chips.begin(), chips.end());
  bool isCode = options.emit == Emit::ptx || options.emit == Emit::cubin;
  auto refuse = [&](const Twine &text) {
    message = text.str();
    return failure();
  };
  if (device == Device::cpu) {
    if (!chips.empty())
      return refuse("--cuda-arch is for --target=cuda only");
    if (isCode)
      return refuse("--emit=ptx and --emit=cubin are for --target=cuda only");
    return success();
  }
  if (chips.empty())
    options.chips = isCode ? std::vector<std::string>{"sm_80"}
                           : std::vector<std::string>{"sm_80", "sm_90a"};
  if (isCode && options.chips.size() != 1)
    return refuse("expects one chip for --emit=ptx or cubin, got " +
                  Twine(options.chips.size()) + ": --cuda-arch=sm_80");
  if (options.compare)
    return refuse("--compare runs code on the CPU: leave out --target=cuda");
  return success();
}

/// What ptxas says, where it is asked for or bad.
static void printResources(ArrayRef<cuda::Resources> resources,
                           const Options &options) {
  for (const cuda::Resources &own : resources)
    if (options.verbosity > 1 || own.spillBytes)
      llvm::errs() << own.kernel << ": " << own.registers << " registers, "
                   << own.sharedBytes << " bytes shared, " << own.spillBytes
                   << " bytes spilled\n";
}

llvm::Error writeDeviceCode(ModuleOp generated, const cuda::Target &target,
                            const Options &options, llvm::raw_ostream &out) {
  FailureOr<std::string> ptx = cuda::printPtx(generated, target);
  if (failed(ptx))
    return llvm::createStringError("no code for " + target.name);
  if (options.emit == Emit::ptx) {
    out << *ptx;
    return llvm::Error::success();
  }
  std::string assembler = cuda::findAssembler();
  if (assembler.empty())
    return llvm::createStringError(
        "--emit=cubin needs ptxas, and it is neither in PATH nor in "
        "/usr/local/cuda/bin: install the CUDA toolkit (cuda-nvcc), or take "
        "--emit=ptx");
  std::vector<cuda::Resources> resources;
  auto cubin = cuda::assemble(*ptx, target, assembler, resources);
  if (!cubin)
    return cubin.takeError();
  out << *cubin;
  printResources(resources, options);
  return llvm::Error::success();
}

llvm::Error embedDeviceCode(ModuleOp generated, ArrayRef<cuda::Target> chips,
                            const Options &options) {
  std::vector<cuda::Resources> resources;
  std::string assembler = cuda::findAssembler();
  if (assembler.empty() && options.verbosity > 0)
    llvm::errs() << "note: no ptxas in PATH or /usr/local/cuda/bin: the driver "
                    "assembles the kernels each time that the program begins\n";
  if (llvm::Error error =
          cuda::embedCode(generated, chips, assembler, resources))
    return error;
  printResources(resources, options);
  return llvm::Error::success();
}

llvm::Error writeDeviceData(ModuleOp program, nn::WeightFiles &files,
                            StringRef text) {
  using Write = LogicalResult (*)(ModuleOp, nn::WeightFiles &, link::Sink);
  auto write = [&](StringRef extension, Write evaluate) {
    SmallString<128> file(text);
    llvm::sys::path::replace_extension(file, extension);
    return link::writeFile(file, 0666, [&](StringRef temporary) -> llvm::Error {
      std::error_code code;
      llvm::raw_fd_ostream out(temporary, code);
      bool fine = !code;
      if (fine)
        fine = succeeded(evaluate(program, files, [&](ArrayRef<char> part) {
          out.write(part.data(), part.size());
          return success(!out.has_error());
        }));
      out.close();
      out.clear_error();
      return fine
                 ? llvm::Error::success()
                 : llvm::createStringError("cannot write '" + file.str() + "'");
    });
  };
  if (llvm::Error error = write(".weights.bin", link::writeWeights))
    return error;
  return write(".variables.bin", link::writeVariables);
}

} // namespace qopt::driver
