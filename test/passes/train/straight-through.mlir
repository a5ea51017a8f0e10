// Layers on codes of trained weights become float layers on rounded numbers,
// and compute the same; what is frozen keeps its codes.

// RUN: qopt-opt %s --qopt-straight-through | FileCheck %s
// RUN: qopt-opt %s --qopt-straight-through -o %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir --tolerance 1e-6
// RUN: qopt-opt %t.mlir --qopt-straight-through -o %t.again.mlir
// RUN: diff %t.mlir %t.again.mlir
// RUN: qopt-opt %s --qopt-straight-through=pattern=^w$ | FileCheck %s --check-prefix=PATTERN

ml_program.global private @w(dense<[[0.5, -1.0, 0.25, 0.0], [1.5, 0.75, -0.125, 2.0]]> : tensor<2x4xf32>) : tensor<2x4xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @table(dense<[[0.5, -1.0, 0.25, 0.0], [1.5, 0.75, -0.125, 2.0], [1.0, 1.0, -3.0, 0.5]]> : tensor<3x4xf32>) : tensor<3x4xf32> {nn.role = #nn.role<embedding>}

// CHECK-LABEL: func.func @both_sides(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4xf32>
// CHECK:         %[[W:.*]] = ml_program.global_load @w
// CHECK:         %[[WF:.*]] = lowbit.fake_quantize %[[W]] scheme <ternary, bits = 2, per = tensor>
// CHECK:         %[[XF:.*]] = lowbit.fake_quantize %[[X]] scheme <sym, bits = 8, per = token>
// CHECK:         nn.linear %[[XF]], %[[WF]]
func.func @both_sides(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load @w : tensor<2x4xf32>
  %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<2x4xf32> -> tensor<2x4xi8>, tensor<1xf32>
  %kx, %sx = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x4xf32> -> tensor<?x4xi8>, tensor<?xf32>
  %y = lowbit.linear %kx scales %sx, %k scales %s scheme <ternary, bits = 2, per = tensor>
       : tensor<?x4xi8>, tensor<?xf32>, tensor<2x4xi8>, tensor<1xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Each matrix of a fused one has its own scale.
// CHECK-LABEL: func.func @splits(
// CHECK-COUNT-2: lowbit.fake_quantize {{.*}} scheme <ternary, bits = 2, per = tensor>
// CHECK:         nn.concat
// CHECK:         nn.linear
func.func @splits(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = ml_program.global_load @w : tensor<2x4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = nn.slice %w axis 0 from %c0 : tensor<2x4xf32> -> tensor<1x4xf32>
  %b = nn.slice %w axis 0 from %c1 : tensor<2x4xf32> -> tensor<1x4xf32>
  %ka, %sa = lowbit.quantize %a scheme <ternary, bits = 2, per = tensor> : tensor<1x4xf32> -> tensor<1x4xi8>, tensor<1xf32>
  %kb, %sb = lowbit.quantize %b scheme <ternary, bits = 2, per = tensor> : tensor<1x4xf32> -> tensor<1x4xi8>, tensor<1xf32>
  %k = nn.concat %ka, %kb axis 0 : tensor<1x4xi8>, tensor<1x4xi8> -> tensor<2x4xi8>
  %s = nn.concat %sa, %sb axis 0 : tensor<1xf32>, tensor<1xf32> -> tensor<2xf32>
  %y = lowbit.linear %x, %k scales %s scheme <ternary, bits = 2, per = channel>
       : tensor<3x4xf32>, tensor<2x4xi8>, tensor<2xf32> -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: func.func @rows(
// CHECK:         lowbit.fake_quantize {{.*}} scheme <sym, bits = 8, per = channel>
// CHECK:         nn.embedding
// PATTERN-LABEL: func.func @rows(
// PATTERN:         lowbit.embedding
func.func @rows() -> tensor<2x4xf32> {
  %one = arith.constant dense<[2, 0]> : tensor<2xi64>
  %t = ml_program.global_load @table : tensor<3x4xf32>
  %k, %s = lowbit.quantize %t scheme <sym, bits = 8, per = channel> : tensor<3x4xf32> -> tensor<3x4xi8>, tensor<3xf32>
  %y = lowbit.embedding %one, %k, %s scheme <sym, bits = 8, per = channel> : tensor<2xi64>, tensor<3x4xi8>, tensor<3xf32> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
