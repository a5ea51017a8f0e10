// qopt-generate: the code of a program of nn ops, as LLVM IR or as an object
// and its weights; for tests of code generation alone.

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/link/Weights.h"
#include "qopt/dialects/Dialects.h"
#include "qopt/frontends/onnx/Import.h"
#include "qopt/passes/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace qopt;
namespace cl = llvm::cl;

/// Hands an open file to `write` and keeps the file if that succeeds.
static LogicalResult
withFile(StringRef path,
         function_ref<LogicalResult(llvm::raw_ostream &)> write) {
  std::string message;
  auto file = openOutputFile(path, &message);
  if (!file) {
    llvm::errs() << message << "\n";
    return failure();
  }
  if (failed(write(file->os())))
    return failure();
  file->keep();
  return success();
}

int main(int argc, char **argv) {
  cl::opt<std::string> input(cl::Positional, cl::Required,
                             cl::desc("<program>"));
  cl::opt<std::string> mcpu("mcpu", cl::init("native"), cl::desc("CPU"));
  cl::opt<bool> importOnly("import-only", cl::desc("print the program"));
  cl::opt<std::string> ir("llvm", cl::desc("LLVM IR"));
  cl::opt<std::string> object("object", cl::desc("object file"));
  cl::opt<std::string> weights("weights", cl::desc("bytes of the weights"));
  cl::ParseCommandLineOptions(argc, argv, "qopt code generator\n");

  MLIRContext context;
  context.printOpOnDiagnostic(false);
  loadDialects(context);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  bool isModel = StringRef(input).ends_with(".onnx");
  auto program = isModel ? onnx::importOnnx(input, context)
                         : parseSourceFile<ModuleOp>(input, sources, &context);
  if (!program)
    return 1;
  if (importOnly) {
    program->print(llvm::outs());
    return 0;
  }
  PassManager passes(&context);
  passes.addPass(createOutlineWeights());
  passes.addPass(createOutlineKernels());
  passes.addPass(createPlanMemory());
  if (failed(passes.run(*program)))
    return 1;

  std::string message;
  FailureOr<Target> target = cpu::targetNamed(mcpu, message);
  if (failed(target)) {
    llvm::errs() << message << "\n";
    return 1;
  }
  auto generated = cpu::generate(*program, *target, {});
  if (!generated)
    return 1;
  if (!ir.empty() && failed(withFile(ir, [&](llvm::raw_ostream &out) {
        return cpu::printLlvmIr(*generated, out);
      })))
    return 1;
  if (!object.empty() && failed(withFile(object, [&](llvm::raw_ostream &out) {
        auto bytes = cpu::compileObject(*generated);
        if (succeeded(bytes))
          out.write(bytes->data(), bytes->size());
        return LogicalResult(bytes);
      })))
    return 1;
  nn::WeightFiles files(nn::folderOf(*program));
  return !weights.empty() &&
         failed(withFile(weights, [&](llvm::raw_ostream &out) {
           return link::writeWeights(*program, files,
                                     [&](ArrayRef<char> bytes) {
                                       out.write(bytes.data(), bytes.size());
                                       return success();
                                     });
         }));
}
