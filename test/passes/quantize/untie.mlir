// A table that the head shares becomes two parameters with roles of their own.

// RUN: qopt-opt %s --qopt-untie -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

!t = tensor<4x3xf32>
!x = tensor<?x3xf32>

ml_program.global private @table(dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [-1.0, 0.5, 2.0], [0.0, 1.0, -3.0]]> : !t) : !t {nn.role = #nn.role<embedding>}
ml_program.global private @other(dense<[[0.5, 1.0, 2.0], [4.0, -5.0, 6.0], [1.0, 0.5, 2.0], [0.0, 1.5, -3.0]]> : !t) : !t

// CHECK: ml_program.global private @table(
// CHECK-SAME: nn.role = #nn.role<embedding>
// CHECK: ml_program.global private @lm_head.weight(dense<{{\[\[}}1.0
// CHECK-SAME: nn.role = #nn.role<head>
// CHECK: ml_program.global private @other.head(
// CHECK-SAME: nn.role = #nn.role<head>

// CHECK-LABEL: func @tied(
func.func @tied(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %t = ml_program.global_load @table : !t
  // CHECK: nn.embedding %{{.*}}, %table
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // CHECK: %[[H:.*]] = ml_program.global_load @lm_head.weight
  // CHECK: nn.linear %{{.*}}, %[[H]]
  %y = nn.linear %x, %t : !x, !t -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Exporters write the table transposed twice; the name is taken by now.
// CHECK-LABEL: func @tied_transposed(
func.func @tied_transposed(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %t = ml_program.global_load @other : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  %a = nn.transpose %t [1, 0] : !t
  %b = nn.transpose %a [1, 0] : tensor<3x4xf32>
  // CHECK: %[[H:.*]] = ml_program.global_load @other.head
  // CHECK: %[[A:.*]] = nn.transpose %[[H]] [1, 0]
  // CHECK: %[[B:.*]] = nn.transpose %[[A]] [1, 0]
  // CHECK: nn.linear %{{.*}}, %[[B]]
  %y = nn.linear %x, %b : !x, !t -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
