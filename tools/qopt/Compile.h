// What `qopt` was asked to do, and the doing of it.

#ifndef QOPT_TOOLS_QOPT_COMPILE_H
#define QOPT_TOOLS_QOPT_COMPILE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "qopt/passes/Recipes.h"
#include "qopt/tools/qopt/Calibrate.h"
#include "qopt/tools/qopt/Progress.h"
#include "qopt/tools/qopt/Stages.h"

namespace qopt::driver {

enum class Emit { exe, lib, obj, llvm, ptx, cubin };
/// What runs the kernels.
enum class Device { cpu, cuda };

/// The command line.
struct Options {
  std::string input, output, tokenizer;
  std::vector<std::string> adapters; ///< PEFT folders, the first is active
  std::string bundle;                ///< folder of what models are linked with
  Recipe recipe;
  std::string train;           ///< passes of the stage train; empty: none
  std::string teacher;         ///< model that it learns from; empty: none
  std::optional<int64_t> init; ///< seed of random weights; none: the model's
  std::string state; ///< file with trained weights; empty: the model's own
  Emit emit = Emit::exe;
  Stage stopAfter = Stage::link;
  std::vector<std::string> cpus;
  Device device = Device::cpu;
  std::vector<std::string> chips; ///< of that device
  std::string instructions;       ///< of that CPU alone; empty: of each its own
  int64_t maxBatch = 8, maxSeq = 2048;
  unsigned threads = 0; ///< 0: MLIR's default
  bool elideWeights = false;
  CalibrationOptions calibration;
  bool compare = false;
  std::string compareFolder; ///< stored cases; empty: random inputs
  double tolerance = 1e-3;
  ProgressKind progress = ProgressKind::automatic;
  int verbosity = 1; ///< 0 quiet, 2 verbose
  bool dryRun = false;
  std::string report; ///< a file for programs; empty: none
};

/// The exit code: 0, or 1 and the reason on stderr.
int compile(const Options &options);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_COMPILE_H
