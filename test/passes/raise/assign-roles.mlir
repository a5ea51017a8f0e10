// Each parameter is what the first layer that reads it makes of it; a table that
// is also the head stays an embedding.

// RUN: qopt-opt %s --split-input-file --qopt-assign-roles | FileCheck %s

// CHECK: @table({{.*}} {nn.role = #nn.role<embedding>}
ml_program.global private @table(dense<1.0> : tensor<32x8xf32>) : tensor<32x8xf32>
// CHECK: @gain({{.*}} {nn.role = #nn.role<norm>}
ml_program.global private @gain(dense<1.0> : tensor<8xf32>) : tensor<8xf32>
// CHECK: @weight({{.*}} {nn.role = #nn.role<matrix>}
ml_program.global private @weight(dense<1.0> : tensor<6x8xf32>) : tensor<6x8xf32>
// CHECK: @bias({{.*}} {nn.role = #nn.role<bias>}
ml_program.global private @bias(dense<1.0> : tensor<6xf32>) : tensor<6xf32>
// The result of its layer is returned, in another type.
// CHECK: @head({{.*}} {nn.role = #nn.role<head>}
ml_program.global private @head(dense<1.0> : tensor<32x6xf32>) : tensor<32x6xf32>
// A factor that no layer reads.
// CHECK: @factor({{.*}} : tensor<6xf32>{{$}}
ml_program.global private @factor(dense<1.0> : tensor<6xf32>) : tensor<6xf32>

func.func @run(%ids: tensor<?xi64>) -> tensor<?x32xf16> {
  %table = ml_program.global_load @table : tensor<32x8xf32>
  %x = nn.embedding %ids, %table : tensor<?xi64>, tensor<32x8xf32>
  %gain = ml_program.global_load @gain : tensor<8xf32>
  %n = nn.rms_norm %x, %gain eps 1.0e-6 : tensor<?x8xf32>, tensor<8xf32>
  %weight = ml_program.global_load @weight : tensor<6x8xf32>
  %bias = ml_program.global_load @bias : tensor<6xf32>
  %y = nn.linear %n, %weight bias %bias : tensor<?x8xf32>, tensor<6x8xf32>, tensor<6xf32> -> tensor<?x6xf32>
  %factor = ml_program.global_load @factor : tensor<6xf32>
  %z = nn.mul %y, %factor : tensor<?x6xf32>, tensor<6xf32>
  %head = ml_program.global_load @head : tensor<32x6xf32>
  %logits = nn.linear %z, %head : tensor<?x6xf32>, tensor<32x6xf32> -> tensor<?x32xf32>
  %result = nn.cast %logits : tensor<?x32xf32> -> tensor<?x32xf16>
  return %result : tensor<?x32xf16>
}

// -----

// CHECK: @tied({{.*}} {nn.role = #nn.role<embedding>}
ml_program.global private @tied(dense<1.0> : tensor<32x8xf32>) : tensor<32x8xf32>

func.func @run(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %table = ml_program.global_load @tied : tensor<32x8xf32>
  %x = nn.embedding %ids, %table : tensor<?xi64>, tensor<32x8xf32>
  %logits = nn.linear %x, %table : tensor<?x8xf32>, tensor<32x8xf32> -> tensor<?x32xf32>
  return %logits : tensor<?x32xf32>
}
