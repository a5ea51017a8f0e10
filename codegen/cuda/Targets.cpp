// The chips that code is generated for, as facts.

#include "qopt/codegen/cuda/Cuda.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/DynamicLibrary.h"

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

/// The chip of this machine's first GPU, asked of its driver; empty if there is
/// none.
static std::string hostChip() {
  std::string error;
  auto driver =
      llvm::sys::DynamicLibrary::getPermanentLibrary("libcuda.so.1", &error);
  auto symbol = [&](const char *name) {
    return driver.isValid() ? driver.getAddressOfSymbol(name) : nullptr;
  };
  auto init = reinterpret_cast<int (*)(unsigned)>(symbol("cuInit"));
  auto get = reinterpret_cast<int (*)(int *, int)>(symbol("cuDeviceGet"));
  auto ask = reinterpret_cast<int (*)(int *, int, int)>(
      symbol("cuDeviceGetAttribute"));
  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
  constexpr int majorAttribute = 75, minorAttribute = 76;
  int device = 0, major = 0, minor = 0;
  if (!init || !get || !ask || init(0) || get(&device, 0) ||
      ask(&major, majorAttribute, device) ||
      ask(&minor, minorAttribute, device))
    return "";
  return "sm_" + std::to_string(10 * major + minor);
}

FailureOr<Target> targetNamed(StringRef name, std::string &message) {
  std::string host;
  if (name == "native") {
    host = hostChip();
    if (host.empty()) {
      message = "'native' needs a GPU and its driver (libcuda.so.1), and this "
                "machine shows none: name the chip, such as sm_80";
      return failure();
    }
    name = host;
    if (name == "sm_90") // all that it has
      name = "sm_90a";
  }
  for (const TargetFacts &facts : targets)
    if (facts.name == name)
      return Target{facts.name.str(), facts.features.str(), facts.version,
                    facts.isFamily};
  message = "unknown chip '" + name.str() + "', expects native, ";
  llvm::interleave(
      targets, [&](const TargetFacts &facts) { message += facts.name.str(); },
      [&] { message += ", "; });
  return failure();
}

/// Arguments of a launch that fuses others: LLVM holds the pointers that it has
/// to choose from in registers, two each.
static constexpr int64_t mostArguments = 32;

LayoutFacts layoutFacts() {
  LayoutFacts facts;
  facts.fragments = true;
  facts.arguments = mostArguments;
  return facts;
}

} // namespace qopt::cuda
