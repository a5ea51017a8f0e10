// The kernel families of the CPU; the first that accepts a kernel emits it.

#include "qopt/codegen/cpu/Families.h"

namespace qopt::cpu {

llvm::ArrayRef<const KernelFamily *> families() {
  static const KernelFamily *const all[] = {
      &lowbitLinearFamily, &packFamily,
      &quantizeFamily,     &rotateColumnsFamily,
      &linearFamily,       &matmulFamily,
      &normFamily,         &attentionFamily,
      &softmaxFamily,      &scatterFamily,
      &normGradFamily,     &attentionGradFamily,
      &swigluGradFamily,   &embeddingGradFamily,
      &classifierFamily,   &clipNormFamily,
      &optimizerFamily,    &lossGradFamily,
      &fakeQuantizeFamily, &mapFamily};
  return all;
}

llvm::StringRef familyOf(kernel::FuncOp kernel, const Target &target) {
  for (const KernelFamily *family : families())
    if (family->accepts(kernel, target))
      return family->name;
  return "";
}

Phases phasesOf(const KernelFamily &family, kernel::FuncOp kernel,
                const Target &target) {
  if (family.phases)
    return family.phases(kernel, target);
  return {{{family.tasks(kernel, target), family.emit}}, {}, {}};
}

std::string symbolOf(const KernelFamily &family, kernel::FuncOp kernel,
                     const Target &target, size_t phase) {
  std::string number = phase ? "_" + std::to_string(phase + 1) : "";
  return ("qopt_" + family.name + "_" + kernel.getSymName() + number + "__" +
          target.name)
      .str();
}

} // namespace qopt::cpu
