// What a tool tells passes that look at data, and what they tell it back.

#ifndef QOPT_PASSES_CALIBRATE_CALIBRATION_H
#define QOPT_PASSES_CALIBRATE_CALIBRATION_H

#include <string>
#include <vector>

#include "mlir/IR/DialectInterface.h"

namespace qopt::calibrate {

/// Where the data is, and where what was found goes.
struct Settings {
  std::string data;     ///< .npy of token ids, or "random"; empty: none
  int64_t samples = 64; ///< sequences
  int64_t length = 512; ///< tokens of each
  std::string spill;    ///< the file that results lie in
  bool resume = false;  ///< go on with that file
};

/// How a layer came out. Errors are shares of the energy of its output.
struct LayerReport {
  std::string name, scheme;
  double before = 0; ///< of rounding to nearest
  double after = 0;  ///< of the codes that data chose, alone
  double branch = 0; ///< of codes and branch; `after` if there is none
  double damping = 0;
  std::string recovery; ///< what the layer needed beyond; usually empty
};

/// How a tool hands settings to the passes of a context.
class SettingsInterface
    : public mlir::DialectInterface::Base<SettingsInterface> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SettingsInterface)
  SettingsInterface(mlir::Dialect *dialect, Settings settings)
      : Base(dialect), settings(std::move(settings)) {}

  const Settings settings;
  mutable std::vector<LayerReport> report; ///< in the order of the layers
};

/// What the tool said; null if there is none that says anything.
const SettingsInterface *getSettings(mlir::MLIRContext *context);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_CALIBRATION_H
