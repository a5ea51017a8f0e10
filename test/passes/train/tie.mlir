// A head that holds the table's numbers, transposed or as they are, becomes
// the table.
// RUN: qopt-opt %s --qopt-tie -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir

// CHECK-NOT: @head
// CHECK-NOT: @copy
// CHECK-LABEL: func @both(
// CHECK: %[[T:.*]] = ml_program.global_load @table
// CHECK: nn.embedding %{{.*}}, %[[T]]
// CHECK: %[[AGAIN:.*]] = ml_program.global_load @table
// CHECK: nn.transpose %[[AGAIN]] [1, 0] : tensor<3x2xf32>
// CHECK: ml_program.global_load @table
ml_program.global private @table(dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>) : tensor<3x2xf32>
ml_program.global private @head(dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]> : tensor<2x3xf32>) : tensor<2x3xf32>
ml_program.global private @copy(dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>) : tensor<3x2xf32>
func.func @both(%ids: tensor<?xi64>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  %table = ml_program.global_load @table : tensor<3x2xf32>
  %x = nn.embedding %ids, %table : tensor<?xi64>, tensor<3x2xf32>
  %head = ml_program.global_load @head : tensor<2x3xf32>
  %w = nn.transpose %head [1, 0] : tensor<2x3xf32>
  %y = nn.linear %x, %w : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
  %copy = ml_program.global_load @copy : tensor<3x2xf32>
  %z = nn.linear %x, %copy : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
  return %y, %z : tensor<?x3xf32>, tensor<?x3xf32>
}
