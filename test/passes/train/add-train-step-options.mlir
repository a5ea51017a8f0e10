// Options that name nothing.
// RUN: not qopt-opt %s --qopt-add-train-step="optim=lion" 2>&1 | FileCheck %s
// CHECK: expects optim to be sgd, adamw or muon and states to be f32 or 8bit, got 'lion' and 'f32'
ml_program.global private @x(dense<1.0> : tensor<4x5xf32>) : tensor<4x5xf32> {nn.role = #nn.role<matrix>}
func.func @nll(%t: tensor<4xi64>) -> tensor<4xf32> {
  %x = ml_program.global_load @x : tensor<4x5xf32>
  %y = nn.cross_entropy %x, %t : tensor<4x5xf32>, tensor<4xi64>
  return %y : tensor<4xf32>
}
