// What keeps the op.

// RUN: qopt-opt %s --qopt-lower-muon | FileCheck %s

// Arithmetic of f64.
// CHECK-LABEL: func.func @wide
// CHECK: train.muon
// CHECK-NOT: nn.matmul
func.func @wide(%p: tensor<4x6xf64>, %g: tensor<4x6xf64>, %b: tensor<4x6xf64>, %lr: tensor<f32>, %s: tensor<f32>) -> (tensor<4x6xf64>, tensor<4x6xf64>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %s scale %s : tensor<4x6xf64>, tensor<4x6xf64>
  return %p1, %b1 : tensor<4x6xf64>, tensor<4x6xf64>
}
