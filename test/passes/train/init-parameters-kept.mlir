// What stays as it is, and what is refused.

// RUN: split-file %s %t
// RUN: qopt-opt %t/kept.mlir --qopt-init-parameters --verify-diagnostics --remarks-filter=qopt.* | FileCheck %s
// RUN: qopt-opt %t/codes.mlir --qopt-init-parameters --verify-diagnostics

//--- kept.mlir
// CHECK: @unknown(dense<3.000000e+00>
// expected-remark @+1 {{what it is to the network is not known}}
ml_program.global private @unknown(dense<3.0> : tensor<6x4xf32>) : tensor<6x4xf32>
// CHECK: @state(dense<3.000000e+00>
ml_program.global private mutable @state(dense<3.0> : tensor<6x4xf32>) : tensor<6x4xf32> {nn.role = #nn.role<matrix>}
// CHECK: @empty : tensor<6x4xf32>
ml_program.global private mutable @empty : tensor<6x4xf32>
func.func @kept(%x: tensor<2x4xf32>) -> tensor<2x6xf32> {
  %w = ml_program.global_load @unknown : tensor<6x4xf32>
  %y = nn.linear %x, %w : tensor<2x4xf32>, tensor<6x4xf32> -> tensor<2x6xf32>
  return %y : tensor<2x6xf32>
}

//--- codes.mlir
// expected-error @+1 {{expects a parameter of floats to begin with random numbers, got 'tensor<6x4xi8>': begin with the model in floats}}
ml_program.global private @codes(dense<3> : tensor<6x4xi8>) : tensor<6x4xi8> {nn.role = #nn.role<matrix>}
