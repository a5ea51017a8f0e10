// The kernel families of the CPU; the first that accepts a kernel emits it.

#include "qopt/codegen/cpu/Families.h"

namespace qopt::cpu {

llvm::ArrayRef<const KernelFamily *> families() {
  static const KernelFamily *const all[] = {&lowbitLinearFamily,
                                            &quantizeFamily,
                                            &rotateColumnsFamily,
                                            &linearFamily,
                                            &matmulFamily,
                                            &normFamily,
                                            &attentionFamily,
                                            &softmaxFamily,
                                            &scatterFamily,
                                            &normGradFamily,
                                            &attentionGradFamily,
                                            &swigluGradFamily,
                                            &embeddingGradFamily,
                                            &classifierFamily,
                                            &clipNormFamily,
                                            &optimizerFamily,
                                            &mapFamily};
  return all;
}

} // namespace qopt::cpu
