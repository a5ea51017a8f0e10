// Verifiers of the ops that look at more than one element; what result types
// follow from is checked in NnInference.cpp.

#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/nn/Verify.h"

using namespace mlir;
using namespace qopt::nn;

LogicalResult CumsumOp::verify() {
  // cumsum_c1
  return expectAxis(*this, getAxis(), getInput().getType());
}

LogicalResult SoftmaxOp::verify() {
  // softmax_c2
  return expectAxis(*this, getAxis(), getInput().getType());
}
