// What is no weight: numbers that stand in the code, what depends on an input,
// and what a run changes.

// RUN: qopt-opt %s --qopt-outline-weights | FileCheck %s

// CHECK-NOT: kernel.weight
ml_program.global private mutable @keys : tensor<?x2x?x8xf32>

// CHECK-LABEL: func @splat_kept(
func.func @splat_kept(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[TWO:.*]] = arith.constant dense<2.0
  %two = arith.constant dense<2.0> : tensor<f32>
  // CHECK: nn.mul %{{.*}}, %[[TWO]]
  %y = nn.mul %x, %two : tensor<?x8xf32>, tensor<f32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @input_kept(
// CHECK-SAME:    %[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x6xf32>)
func.func @input_kept(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> {
  // CHECK: %[[T:.*]] = nn.transpose %[[W]]
  %wt = nn.transpose %w [1, 0] : tensor<8x6xf32>
  // CHECK: nn.linear %[[X]], %[[T]]
  %y = nn.linear %x, %wt : tensor<4x8xf32>, tensor<6x8xf32> -> tensor<4x6xf32>
  return %y : tensor<4x6xf32>
}

// CHECK-LABEL: func @state_kept(
func.func @state_kept() -> tensor<?x2x?x8xf32> {
  // CHECK: ml_program.global_load @keys
  %k = ml_program.global_load @keys : tensor<?x2x?x8xf32>
  %n = nn.neg %k : tensor<?x2x?x8xf32>
  return %n : tensor<?x2x?x8xf32>
}

// Zeros that a sum of gradients begins with anew are written, not copied from the
// file.
ml_program.global private mutable @w.grad(dense<0.0> : tensor<6x8xf32>) : tensor<6x8xf32>
// CHECK-LABEL: func @cleared_kept(
func.func @cleared_kept() {
  // CHECK: %[[ZEROS:.*]] = arith.constant dense<0.0
  %zeros = arith.constant dense<0.0> : tensor<6x8xf32>
  // CHECK: ml_program.global_store @w.grad = %[[ZEROS]]
  ml_program.global_store @w.grad = %zeros : tensor<6x8xf32>
  return
}
