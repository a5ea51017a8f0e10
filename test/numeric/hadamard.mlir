// Rotations: matrices by hand, by numpy (products, blocks, signs, both axes),
// and, in integers, every order that there is.

// RUN: qopt-interpret %s --f64
// RUN: %python %S/../support/lowbit.py hadamard | qopt-interpret -
// RUN: qopt-hadamard | FileCheck %s
// CHECK: all hold

func.func @sylvester() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf64>
  %y = lowbit.hadamard %x axis 1 orders [4] : tensor<1x4xf64>
  %want = arith.constant dense<[[5.0, -1.0, -2.0, 0.0]]> : tensor<1x4xf64>
  check.close %y, %want within 0.0 : tensor<1x4xf64>
  return
}

// Blocks of two along the first axis.
func.func @blocks() {
  %x = arith.constant dense<[[1.0], [1.0], [3.0], [1.0]]> : tensor<4x1xf64>
  %y = lowbit.hadamard %x axis 0 orders [2] : tensor<4x1xf64>
  %want = arith.constant dense<[[1.4142135623730951], [0.0], [2.8284271247461903], [1.4142135623730951]]> : tensor<4x1xf64>
  check.close %y, %want within 1.0e-15 : tensor<4x1xf64>
  return
}

// A norm without a gain does not see a rotation, eps included.
func.func @norm_commutes() {
  %x = arith.constant dense<[[1.0, -2.0, 0.5, 3.0, 0.0, 1.0, 1.0, 1.0, -4.0, 2.0, 0.25, 7.0]]> : tensor<1x12xf64>
  %r = lowbit.hadamard %x axis 1 orders [12] seed 3 : tensor<1x12xf64>
  %rn = nn.rms_norm %r eps 0.1 : tensor<1x12xf64>
  %n = nn.rms_norm %x eps 0.1 : tensor<1x12xf64>
  %nr = lowbit.hadamard %n axis 1 orders [12] seed 3 : tensor<1x12xf64>
  check.close %rn, %nr within 1.0e-12 : tensor<1x12xf64>
  return
}

// The result is rounded once, to its type.
func.func @rounds_once() {
  %x = arith.constant dense<[[1.0, 0x33800000]]> : tensor<1x2xf32>
  %y = lowbit.hadamard %x axis 1 orders [1] : tensor<1x2xf32>
  check.close %y, %x within 0.0 : tensor<1x2xf32>
  return
}
