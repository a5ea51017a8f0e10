// The CPUs that code is generated for, as facts.

#include "qopt/codegen/cpu/Cpu.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace mlir;

namespace qopt::cpu {

namespace {

/// What LLVM must say of a CPU for it to have a feature of ours.
struct FeatureFacts {
  FeatureSet bit;
  llvm::StringLiteral llvm; ///< all of them, and enabled in the code
};

/// A kind of machine, best first.
struct TargetFacts {
  llvm::StringLiteral name;
  FeatureSet features;
  int vectorBytes, vectorRegisters;
};

} // namespace

using namespace feature;

// clang-format off
static const FeatureFacts features[] = {
    {avx2,       "avx2,fma,f16c,bmi,bmi2"},
    {avxVnni,    "avxvnni"},
    {avx512,     "avx512f,avx512bw,avx512cd,avx512dq,avx512vl"},
    {avx512Vnni, "avx512vnni"},
    {avx512Bf16, "avx512bf16"},
};

static const TargetFacts targets[] = {
    // name         features                                 bytes registers
    {"avx512bf16", avx2 | avx512 | avx512Vnni | avx512Bf16,  64,   32},
    {"avx512vnni", avx2 | avx512 | avx512Vnni,               64,   32},
    {"avx512",     avx2 | avx512,                            64,   32},
    {"avxvnni",    avx2 | avxVnni,                           32,   16},
    {"avx2",       avx2,                                     32,   16},
    {"plain",      none,                                     16,   16}, // SSE4.1
};
// clang-format on

static Target make(const TargetFacts &facts) {
  // Caches of one core; no machine of the last ten years has less.
  return {facts.name.str(),  facts.features,        facts.features,
          facts.vectorBytes, facts.vectorRegisters, 32 << 10,
          512 << 10};
}

/// The features that LLVM knows under names that `has` knows.
template <typename Has> static FeatureSet featuresIf(Has has) {
  FeatureSet found = 0;
  for (const FeatureFacts &facts : features) {
    SmallVector<StringRef> names;
    StringRef(facts.llvm).split(names, ',');
    if (llvm::all_of(names, has))
      found |= facts.bit;
  }
  return found;
}

/// The best kind of machine that has no more than these.
static const TargetFacts &best(FeatureSet features) {
  return *llvm::find_if(targets, [&](const TargetFacts &facts) {
    return (facts.features & ~features) == 0;
  });
}

StringRef kindOf(FeatureSet features) { return best(features).name; }

FeatureSet hostFeatures() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return featuresIf([&](StringRef feature) { return host.lookup(feature); });
}

FailureOr<FeatureSet> featuresNamed(StringRef name, std::string &message) {
  if (name == "native")
    return hostFeatures();
  for (const TargetFacts &facts : targets)
    if (facts.name == name)
      return facts.features;
  SmallVector<StringRef> known;
  llvm::X86::fillValidCPUArchList(known, /*Only64Bit=*/true);
  if (llvm::is_contained(known, name)) {
    SmallVector<StringRef> has;
    llvm::X86::getFeaturesForCPU(name, has);
    return featuresIf(
        [&](StringRef feature) { return llvm::is_contained(has, feature); });
  }
  message = "unknown CPU '" + name.str() + "', expects native";
  for (const TargetFacts &facts : targets)
    message += ", " + facts.name.str();
  message += ", or a name of LLVM's such as x86-64-v3 or znver4";
  return failure();
}

FailureOr<Target> targetNamed(StringRef name, std::string &message) {
  FailureOr<FeatureSet> features = featuresNamed(name, message);
  if (failed(features))
    return failure();
  return make(best(*features));
}

Target emulate(Target target, FeatureSet instructions) {
  target.instructions = target.features & instructions;
  return target;
}

LayoutFacts layoutFacts(ArrayRef<Target> targets) {
  LayoutFacts facts;
  for (const Target &target : targets)
    if (target.vectorBytes < 64)
      facts.lanes = 8;
  return facts;
}

std::string llvmFeatures(const Target &target) {
  std::string text = "+sse4.1,+popcnt";
  for (const FeatureFacts &facts : features) {
    SmallVector<StringRef> names;
    StringRef(facts.llvm).split(names, ',');
    if (target.mayUse(facts.bit))
      for (StringRef name : names)
        text += ",+" + name.str();
  }
  return text;
}

} // namespace qopt::cpu
