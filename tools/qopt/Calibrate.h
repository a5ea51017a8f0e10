// The flags of calibration and of low-rank branches, and the data they name.

#ifndef QOPT_TOOLS_QOPT_CALIBRATE_H
#define QOPT_TOOLS_QOPT_CALIBRATE_H

#include "qopt/passes/Recipes.h"
#include "qopt/passes/calibrate/Calibration.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

namespace qopt::driver {

/// What was asked for.
struct CalibrationOptions {
  std::string source; ///< text, a folder, ids, or "random"; empty: none
  int64_t samples = 64, length = 512;
  bool resume = false;
};

/// What a binary trains.
enum class Trains { nothing, parameters, branches };

/// Registers its flags for as long as it lives.
class CalibrationFlags {
public:
  explicit CalibrationFlags(llvm::cl::OptionCategory &recipes);

  /// Brings the recipe to do what was asked for. Fails with what makes no sense
  /// in `message`. Branches that are not trained later are stored in f16; to
  /// train branches, there are some, unless one of `adapters` brings them.
  llvm::LogicalResult finish(Recipe &recipe, Trains trains, size_t adapters,
                             CalibrationOptions &options,
                             std::string &message) const;
  /// Fails if the recipe chooses codes by data and none was given.
  llvm::LogicalResult checkData(const Recipe &recipe,
                                std::string &message) const;

private:
  llvm::cl::opt<std::string> source;
  llvm::cl::opt<int64_t> samples, length;
  llvm::cl::opt<bool> resume;
  llvm::cl::opt<int64_t> rank;
  llvm::cl::opt<double> alpha;
  llvm::cl::opt<std::string> targets, init;
};

/// A `.npy` file of token ids for what `source` names: itself, or a temporary
/// one with the tokens of a text, by the blob of a tokenizer. `isTemporary`
/// says which. Refused: a file that is missing, a folder without text and
/// without input_ids.npy, text without a tokenizer.
llvm::Expected<std::string>
tokensOf(llvm::StringRef source, llvm::StringRef tokenizer, bool &isTemporary);

/// The table that ends a calibrated compilation.
void printCalibration(llvm::raw_ostream &out,
                      llvm::ArrayRef<calibrate::LayerReport> layers);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_CALIBRATE_H
