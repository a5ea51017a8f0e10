// Reads the flags that make a binary train.

#include "qopt/tools/qopt/Train.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
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
      teacher("teacher", cl::cat(training), cl::value_desc("FILE"),
              cl::desc("float model whose logits are learned, too; it is read "
                       "from its file in each run")),
      klWeight("kl-weight", cl::cat(training), cl::init(1), cl::value_desc("W"),
               cl::desc("of the divergence from the teacher, a mean over "
                        "tokens (default: 1)")),
      ceWeight("ce-weight", cl::cat(training), cl::init(0.1),
               cl::value_desc("W"),
               cl::desc("of the cross-entropy beside it (default: 0.1)")),
      optimBits("optim-bits", cl::cat(training), cl::init(32),
                cl::value_desc("32|8"),
                cl::desc("bits of its states (default: 32)")),
      recompute("recompute", cl::cat(training), cl::init(0),
                cl::value_desc("N"),
                cl::desc("keep every N-th sum of the residual stream and "
                         "compute the rest again; 2: a layer (default: 0, "
                         "keep all)")) {}

Trains TrainFlags::trains() const {
  if (!train.getNumOccurrences())
    return Trains::nothing;
  return train == "lora" ? Trains::branches : Trains::parameters;
}

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
          static_cast<const cl::Option *>(&teacher),
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
  bool isWeighted =
      klWeight.getNumOccurrences() || ceWeight.getNumOccurrences();
  if (teacher.empty() && isWeighted)
    return fail("--kl-weight and --ce-weight need --teacher");
  if (!(klWeight >= 0 && ceWeight >= 0 && klWeight + ceWeight > 0 &&
        klWeight + ceWeight < 1e6))
    return fail("expects --kl-weight and --ce-weight to be at least 0, and not "
                "both 0");
  if (!teacher.empty() &&
      (!StringRef(teacher).ends_with(".onnx") || !sys::fs::exists(teacher)))
    return fail("expects --teacher to name a file .onnx, got '" + teacher +
                "'");
  std::string error;
  if (!pattern.empty() && !Regex(pattern).isValid(error))
    return fail("--train-only is no regular expression: " + error);
  passes = "qopt-train{train=" + what + " optim=" + optim +
           " states=" + (optimBits == 8 ? "8bit" : "f32") +
           " recompute=" + std::to_string(recompute);
  if (!teacher.empty())
    passes += formatv(" kl-weight={0} ce-weight={1}", double(klWeight),
                      double(ceWeight))
                  .str();
  if (!pattern.empty())
    passes += " pattern={" + pattern + "}";
  passes += "}";
  return success();
}

} // namespace qopt::driver
