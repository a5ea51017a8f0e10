// The kernel families of the GPU; the first that accepts a kernel emits it.

#include "qopt/codegen/cuda/Families.h"

namespace qopt::cuda {

llvm::ArrayRef<const KernelFamily *> families() {
  static const KernelFamily *const all[] = {
      &lowbitLinearFamily,  &matmulFamily,     &rowFamily,
      &attentionFamily,     &softmaxFamily,    &normGradFamily,
      &attentionGradFamily, &swigluGradFamily, &embeddingGradFamily,
      &classifierFamily,    &clipNormFamily,   &optimizerFamily,
      &lossGradFamily,      &mapFamily};
  return all;
}

llvm::StringRef familyOf(kernel::FuncOp kernel) {
  for (const KernelFamily *family : families())
    if (family->accepts(kernel))
      return family->name;
  return "";
}

} // namespace qopt::cuda
