// The tables of a run: for people on stderr, for programs in a file.

#ifndef QOPT_TOOLS_QOPT_REPORT_H
#define QOPT_TOOLS_QOPT_REPORT_H

#include "qopt/tools/qopt/Compile.h"
#include "qopt/tools/qopt/Tensors.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

namespace qopt::driver {

/// The flags that say what is reported. Registers them for as long as it lives.
class ReportFlags {
public:
  explicit ReportFlags(llvm::cl::OptionCategory &reports);

  /// Fails with what makes no sense in `message`; `options` is otherwise
  /// complete.
  llvm::LogicalResult finish(Options &options, std::string &message) const;

private:
  llvm::cl::opt<bool> dryRun;
  llvm::cl::opt<std::string> file, compare;
  llvm::cl::opt<double> tolerance;
  llvm::cl::opt<ProgressKind> progress;
  llvm::cl::opt<bool> verbose, quiet;
};

/// Bytes, as foreseen and as they came out; 0: not known.
struct Size {
  int64_t predicted = 0, real = 0;
};

/// All that a run has to tell.
struct Report {
  std::string model;
  Recipe recipe;
  Remarks remarks;
  std::vector<TensorReport> tensors;
  uint64_t parameters = 0;
  int64_t maxSeq = 0;
  int64_t cache = 0, arena = 0; ///< at one sequence of `maxSeq`
  Size weights, file, memory;   ///< `memory`: peak of the compiler

  double bitsPerWeight() const;
  /// What can be told before code is made: sizes, from the kernel stage.
  void predict(mlir::ModuleOp kernels, const Options &options,
               llvm::StringRef tokenizer);
  void printTable(llvm::raw_ostream &out) const;
  /// What passes left as it was: each reason once.
  void printRemarks(llvm::raw_ostream &out) const;
  llvm::Error writeJson(llvm::StringRef path) const;
};

/// A recipe without what needs data or evaluates weights: the same shapes.
std::string dryPipeline(llvm::StringRef pipeline);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_REPORT_H
