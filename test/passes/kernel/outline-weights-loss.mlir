// What the loss of a frozen head reads lies in rows, for its logits, too.

// RUN: qopt-opt %s --qopt-outline-weights -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

// CHECK:      kernel.weight @[[$HEAD:.*]] layout <panel = 0> {
// CHECK-NEXT:   ml_program.global_load @head
// CHECK-NOT:  kernel.weight

ml_program.global private @head(dense<2.0> : tensor<32x4xf32>) : tensor<32x4xf32>

// CHECK-LABEL: func @logits(
func.func @logits(%x: tensor<?x4xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[H:.*]] = kernel.load @[[$HEAD]]
  // CHECK: nn.linear %{{.*}}, %[[H]]
  %w = ml_program.global_load @head : tensor<32x4xf32>
  %y = nn.linear %x, %w : tensor<?x4xf32>, tensor<32x4xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: func @nll(
func.func @nll(%x: tensor<?x4xf32>, %t: tensor<?xi64>) -> tensor<?xf32> {
  // CHECK: %[[H:.*]] = kernel.load @[[$HEAD]]
  // CHECK: train.classifier_loss %{{.*}}, %[[H]]
  %w = ml_program.global_load @head : tensor<32x4xf32>
  %y = train.classifier_loss %x, %w targets %t : tensor<?x4xf32>, tensor<32x4xf32>, tensor<?xi64> -> tensor<?xf32>
  return %y : tensor<?xf32>
}
