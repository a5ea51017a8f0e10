// The kernel families of the GPU.

#ifndef QOPT_CODEGEN_CUDA_FAMILIES_H
#define QOPT_CODEGEN_CUDA_FAMILIES_H

#include "qopt/codegen/cuda/KernelFamily.h"

namespace qopt::cuda {

extern const KernelFamily attentionFamily;     ///< Attention.cpp
extern const KernelFamily attentionGradFamily; ///< AttentionGrad.cpp
extern const KernelFamily classifierFamily;    ///< Classifier.cpp
extern const KernelFamily clipNormFamily;      ///< ClipNorm.cpp
extern const KernelFamily embeddingGradFamily; ///< EmbeddingGrad.cpp
extern const KernelFamily fakeQuantizeFamily;  ///< FakeQuantize.cpp
extern const KernelFamily lossGradFamily;      ///< LossGrad.cpp
extern const KernelFamily lowbitLinearFamily;  ///< LowbitLinear.cpp
extern const KernelFamily mapFamily;           ///< Map.cpp
extern const KernelFamily matmulFamily;        ///< Matmul.cpp
extern const KernelFamily normGradFamily;      ///< NormGrad.cpp
extern const KernelFamily optimizerFamily;     ///< Optimizer.cpp
extern const KernelFamily packFamily;          ///< Pack.cpp
extern const KernelFamily reduceFamily;        ///< Reduce.cpp
extern const KernelFamily rowFamily;           ///< RowChain.cpp
extern const KernelFamily softmaxFamily;       ///< Softmax.cpp
extern const KernelFamily swigluGradFamily;    ///< SwigluGrad.cpp

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_FAMILIES_H
