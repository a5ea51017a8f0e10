// Reads the flags that make a binary train.

#include "qopt/tools/qopt/Train.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Regex.h"

using namespace llvm;

namespace qopt::driver {

TrainFlags::TrainFlags(cl::OptionCategory &training)
    : train("train", cl::cat(training), cl::ValueOptional,
            cl::value_desc("full|lora"),
            cl::desc("add the command train: of all parameters (default), or "
                     "of adapters")),
      pattern("train-only", cl::cat(training), cl::value_desc("REGEX"),
              cl::desc("train the parameters whose names match")),
      optim("optim", cl::cat(training), cl::init("adamw"),
            cl::value_desc("adamw|muon|sgd"),
            cl::desc("optimizer (default: adamw); muon is for hidden matrices, "
                     "adamw for the rest")),
      optimBits("optim-bits", cl::cat(training), cl::init(32),
                cl::value_desc("32|8"),
                cl::desc("bits of its states (default: 32)")),
      recompute("recompute", cl::cat(training), cl::init(0),
                cl::value_desc("N"),
                cl::desc("keep every N-th sum of the residual stream and "
                         "compute the rest again; 2: a layer (default: 0, "
                         "keep all)")) {}

LogicalResult TrainFlags::finish(std::string &passes,
                                 std::string &message) const {
  auto fail = [&](const Twine &why) {
    message = why.str();
    return failure();
  };
  if (!train.getNumOccurrences()) {
    for (const cl::Option *option :
         {static_cast<const cl::Option *>(&pattern),
          static_cast<const cl::Option *>(&optim),
          static_cast<const cl::Option *>(&optimBits),
          static_cast<const cl::Option *>(&recompute)})
      if (option->getNumOccurrences())
        return fail("--" + option->ArgStr +
                    " says how to train: it needs --train");
    return success();
  }
  std::string what = train.empty() ? "full" : train.getValue();
  if (what != "full" && what != "lora")
    return fail("expects --train to be full or lora, got '" + what + "'");
  if (!is_contained({"adamw", "muon", "sgd"}, StringRef(optim)))
    return fail("expects --optim to be adamw, muon or sgd, got '" + optim +
                "'");
  if (optimBits != 32 && optimBits != 8)
    return fail("expects --optim-bits to be 32 or 8, got " +
                Twine(optimBits.getValue()));
  if (recompute < 0)
    return fail("expects --recompute to be at least 0, got " +
                Twine(recompute.getValue()));
  std::string error;
  if (!pattern.empty() && !Regex(pattern).isValid(error))
    return fail("--train-only is no regular expression: " + error);
  passes = "qopt-train{train=" + what + " optim=" + optim +
           " states=" + (optimBits == 8 ? "8bit" : "f32") +
           " recompute=" + std::to_string(recompute);
  if (!pattern.empty())
    passes += " pattern={" + pattern + "}";
  passes += "}";
  return success();
}

} // namespace qopt::driver
