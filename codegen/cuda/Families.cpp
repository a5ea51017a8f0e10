// The kernel families of the GPU; the first that accepts a kernel emits it.

#include "qopt/codegen/cuda/Families.h"

namespace qopt::cuda {

llvm::ArrayRef<const KernelFamily *> families() {
  static const KernelFamily *const all[] = {
      &packFamily,         &lowbitLinearFamily,
      &matmulFamily,       &rowFamily,
      &attentionFamily,    &softmaxFamily,
      &normGradFamily,     &attentionGradFamily,
      &swigluGradFamily,   &embeddingGradFamily,
      &classifierFamily,   &clipNormFamily,
      &optimizerFamily,    &lossGradFamily,
      &fakeQuantizeFamily, &reduceFamily,
      &mapFamily};
  return all;
}

/// Whether all results lie row-major, as all families but one write them.
static bool isRowMajor(kernel::FuncOp kernel) {
  for (unsigned i = 0; i < kernel.getResultValues().size(); ++i)
    if (kernel.getResultLayout(i).getPanel() > 0)
      return false;
  return true;
}

const KernelFamily *familyFor(kernel::FuncOp kernel) {
  for (const KernelFamily *family : families())
    if (family->accepts(kernel) &&
        (family == &packFamily || isRowMajor(kernel)))
      return family;
  return nullptr;
}

llvm::StringRef familyOf(kernel::FuncOp kernel) {
  const KernelFamily *family = familyFor(kernel);
  return family ? family->name : "";
}

} // namespace qopt::cuda
