// A head and its loss become one op, and no logits are left.
// RUN: qopt-opt %s --qopt-fuse-loss -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir --tolerance 1e-6

// CHECK-LABEL: func @nll(
// CHECK-SAME: %[[X:.*]]: tensor<?x3x4xf32>, %[[W:.*]]: tensor<5x4xf32>, %[[T:.*]]: tensor<?x3xi64>
// CHECK-NOT: nn.linear
// CHECK: train.classifier_loss %[[X]], %[[W]] targets %[[T]] : tensor<?x3x4xf32>, tensor<5x4xf32>, tensor<?x3xi64> -> tensor<?x3xf32>
func.func @nll(%x: tensor<?x3x4xf32>, %w: tensor<5x4xf32>, %t: tensor<?x3xi64>) -> tensor<?x3xf32> {
  %z = nn.linear %x, %w : tensor<?x3x4xf32>, tensor<5x4xf32> -> tensor<?x3x5xf32>
  %y = nn.cross_entropy %z, %t : tensor<?x3x5xf32>, tensor<?x3xi64>
  return %y : tensor<?x3xf32>
}
