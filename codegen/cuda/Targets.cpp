// The chips that code is generated for, as facts.

#include "qopt/codegen/cuda/Cuda.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace qopt::cuda {

namespace {

struct TargetFacts {
  llvm::StringLiteral name;
  int version;
  llvm::StringLiteral features; ///< the oldest PTX that knows the chip
  bool isFamily;                ///< "a" is of this chip alone
};

} // namespace

// PTX 7.0 knows sm_80, 8.0 sm_90a; MLIR's default knows neither.
// clang-format off
static constexpr TargetFacts targets[] = {
    // name    version features  family
    {"sm_80",  80,     "+ptx70", true},
    {"sm_86",  86,     "+ptx71", true},
    {"sm_89",  89,     "+ptx78", true},
    {"sm_90",  90,     "+ptx80", true},
    {"sm_90a", 90,     "+ptx80", false},
};
// clang-format on

FailureOr<Target> targetNamed(StringRef name, std::string &message) {
  for (const TargetFacts &facts : targets)
    if (facts.name == name)
      return Target{facts.name.str(), facts.features.str(), facts.version,
                    facts.isFamily};
  message = "unknown chip '" + name.str() + "', expects ";
  llvm::interleave(
      targets, [&](const TargetFacts &facts) { message += facts.name.str(); },
      [&] { message += ", "; });
  return failure();
}

LayoutFacts layoutFacts() {
  LayoutFacts facts;
  facts.fragments = true;
  return facts;
}

} // namespace qopt::cuda
