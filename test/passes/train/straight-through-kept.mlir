// What has codes of its own, and what is not trained, stays as it is.

// RUN: qopt-opt %s --qopt-straight-through --remarks-filter=".*" --remark-policy=all 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t.remarks
// RUN: qopt-opt %s --qopt-straight-through=train=lora | FileCheck %s --check-prefix=LORA

ml_program.global private @w(dense<0.5> : tensor<2x4xf32>) : tensor<2x4xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @codes(dense<1> : tensor<2x4xi8>) : tensor<2x4xi8> {nn.role = #nn.role<matrix>}
ml_program.global private @scales(dense<1.0> : tensor<2xf32>) : tensor<2xf32> {nn.role = #nn.role<matrix>}

// Codes that the model file holds cannot be trained.
// CHECK-LABEL: func.func @codes_of_the_file(
// CHECK:         lowbit.linear
func.func @codes_of_the_file(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %k = ml_program.global_load @codes : tensor<2x4xi8>
  %s = ml_program.global_load @scales : tensor<2xf32>
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 8, per = channel>
       : tensor<?x4xf32>, tensor<2x4xi8>, tensor<2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Nor can codes that come about without a grid.
// CHECK-LABEL: func.func @integers(
// CHECK:         lowbit.linear
// REMARK: its codes are not made from numbers: they stay frozen
func.func @integers(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load @w : tensor<2x4xf32>
  %k = nn.cast %w : tensor<2x4xf32> -> tensor<2x4xi8>
  %s = ml_program.global_load @scales : tensor<2xf32>
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 8, per = channel>
       : tensor<?x4xf32>, tensor<2x4xi8>, tensor<2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// The base of adapters is frozen.
// LORA-LABEL: func.func @frozen(
// LORA:         lowbit.linear
func.func @frozen(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load @w : tensor<2x4xf32>
  %k, %s = lowbit.quantize %w scheme <sym, bits = 8, per = channel> : tensor<2x4xf32> -> tensor<2x4xi8>, tensor<2xf32>
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 8, per = channel>
       : tensor<?x4xf32>, tensor<2x4xi8>, tensor<2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
