// The flags that make a binary train.

#ifndef QOPT_TOOLS_QOPT_TRAIN_H
#define QOPT_TOOLS_QOPT_TRAIN_H

#include "qopt/tools/qopt/Calibrate.h"
#include "llvm/Support/CommandLine.h"

namespace qopt::driver {

/// Registers its flags for as long as it lives.
class TrainFlags {
public:
  explicit TrainFlags(llvm::cl::OptionCategory &training);

  /// The passes of the stage train; none without --train. Fails with what is
  /// wrong in `message`.
  llvm::LogicalResult finish(std::string &passes, std::string &message) const;

  Trains trains() const;
  /// The model that it learns from; empty: none.
  std::string teacherFile() const { return teacher; }

private:
  llvm::cl::opt<std::string> train, pattern, optim, teacher;
  llvm::cl::opt<double> klWeight, ceWeight;
  llvm::cl::opt<unsigned> optimBits;
  llvm::cl::opt<int64_t> recompute;
};

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_TRAIN_H
