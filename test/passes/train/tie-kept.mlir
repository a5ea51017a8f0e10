// What differs in one element or in its type, what is all the same, and what a
// step changes already.
// RUN: qopt-opt %s --qopt-tie | FileCheck %s

// CHECK: @table
// CHECK: @other
// CHECK: @wide
// CHECK: @mutable
// CHECK: @ones
// CHECK: @zeros
// CHECK: @more_zeros
// CHECK-LABEL: func @kept(
ml_program.global private @table(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
ml_program.global private @other(dense<[[1.0, 3.0], [2.0, 5.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
ml_program.global private @wide(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf64>) : tensor<2x2xf64>
ml_program.global private mutable @mutable(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
ml_program.global private @ones(dense<1.0> : tensor<4xf32>) : tensor<4xf32>
ml_program.global private @zeros(dense<0.0> : tensor<3x2xf32>) : tensor<3x2xf32>
ml_program.global private @more_zeros(dense<0.0> : tensor<3x2xf32>) : tensor<3x2xf32>
func.func @kept(%ids: tensor<?xi64>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %table = ml_program.global_load @table : tensor<2x2xf32>
  %x = nn.embedding %ids, %table : tensor<?xi64>, tensor<2x2xf32>
  %zeros = ml_program.global_load @zeros : tensor<3x2xf32>
  %y = nn.embedding %ids, %zeros : tensor<?xi64>, tensor<3x2xf32>
  return %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
}
