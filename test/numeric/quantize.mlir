// Codes and scales, bit for bit: f32's operations in the order of the
// description. Every scheme is computed once more by numpy.

// RUN: qopt-interpret %s
// RUN: %python %S/../support/lowbit.py quantize | qopt-interpret -
// The search of mse is an estimate first: rows that are hard to tell apart.
// RUN: %python %S/../support/lowbit.py search | qopt-interpret -
// What is f32 stays f32 where all else is wider.
// RUN: qopt-interpret %s --f64

// inv = 7 / 7: halves go to the even code.
func.func @ties_to_even() {
  %x = arith.constant dense<[[0.5, 1.5, 2.5, -0.5, -1.5, 7.0]]> : tensor<1x6xf32>
  %k, %s = lowbit.quantize %x scheme <sym, bits = 4, per = token> : tensor<1x6xf32> -> tensor<1x6xi8>, tensor<1xf32>
  %codes = arith.constant dense<[[0, 2, 2, 0, -2, 7]]> : tensor<1x6xi8>
  %scales = arith.constant dense<1.0> : tensor<1xf32>
  check.close %k, %codes within 0.0 : tensor<1x6xi8>
  check.close %s, %scales within 0.0 : tensor<1xf32>
  return
}

// x * (127 / 3) and x / (3 / 127) differ: 63.500004 and 63.5.
func.func @multiplies_by_the_inverse() {
  %x = arith.constant dense<[[3.0, 1.5, -1.5]]> : tensor<1x3xf32>
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<1x3xf32> -> tensor<1x3xi8>, tensor<1xf32>
  %codes = arith.constant dense<[[127, 64, -64]]> : tensor<1x3xi8>
  check.close %k, %codes within 0.0 : tensor<1x3xi8>
  return
}

// The floor keeps scales above 0.
func.func @row_of_zeros() {
  %x = arith.constant dense<0.0> : tensor<2x3xf32>
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<2x3xf32> -> tensor<2x3xi8>, tensor<2xf32>
  %codes = arith.constant dense<0> : tensor<2x3xi8>
  %scales = arith.constant dense<0x33A917DC> : tensor<2xf32> // f32(1e-5 / 127)
  check.close %k, %codes within 0.0 : tensor<2x3xi8>
  check.close %s, %scales within 0.0 : tensor<2xf32>
  %g, %t = lowbit.quantize %x scheme <gptq_sym, bits = 4, per = token> : tensor<2x3xf32> -> tensor<2x3xi8>, tensor<2xf32>
  check.close %g, %codes within 0.0 : tensor<2x3xi8>
  return
}

// 0 has a code of its own, also where all numbers are on one side of it.
func.func @asym_keeps_zero() {
  %x = arith.constant dense<[[3.0, 15.0, 7.0], [-3.0, -15.0, 0.0]]> : tensor<2x3xf32>
  %k, %s, %z = lowbit.quantize %x scheme <asym, bits = 4, per = token> : tensor<2x3xf32> -> tensor<2x3xi8>, tensor<2xf32>, tensor<2xi8>
  %codes = arith.constant dense<[[-5, 7, -1], [4, -8, 7]]> : tensor<2x3xi8>
  %zeros = arith.constant dense<[-8, 7]> : tensor<2xi8>
  check.close %k, %codes within 0.0 : tensor<2x3xi8>
  check.close %z, %zeros within 0.0 : tensor<2xi8>
  return
}

// BitNet's: the mean of the sizes is the scale.
func.func @ternary() {
  %x = arith.constant dense<[[1.0, -3.0, 0.25], [0.5, -1.5, 2.75]]> : tensor<2x3xf32>
  %k, %s = lowbit.quantize %x scheme <ternary, bits = 2, per = tensor> : tensor<2x3xf32> -> tensor<2x3xi8>, tensor<1xf32>
  %codes = arith.constant dense<[[1, -1, 0], [0, -1, 1]]> : tensor<2x3xi8>
  %scales = arith.constant dense<1.5> : tensor<1xf32>
  check.close %k, %codes within 0.0 : tensor<2x3xi8>
  check.close %s, %scales within 0.0 : tensor<1xf32>
  return
}

// A weight that is ternary already keeps its scale: its mean is 0.4.
func.func @ternary_twice() {
  %x = arith.constant dense<[[0.6, -0.6, 0.0]]> : tensor<1x3xf32>
  %k, %s = lowbit.quantize %x scheme <ternary, bits = 2, per = tensor> : tensor<1x3xf32> -> tensor<1x3xi8>, tensor<1xf32>
  %codes = arith.constant dense<[[1, -1, 0]]> : tensor<1x3xi8>
  %scales = arith.constant dense<0.6> : tensor<1xf32>
  check.close %k, %codes within 0.0 : tensor<1x3xi8>
  check.close %s, %scales within 0.0 : tensor<1xf32>
  return
}

// What is coded once keeps codes and scale: the largest of a row comes back.
func.func @sym_twice() {
  %x = arith.constant dense<[[0.3, -0.71, 1.9, 0.0], [5.0, 4.9, -4.7, 0.1]]> : tensor<2x4xf32>
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<2x4xf32> -> tensor<2x4xi8>, tensor<2xf32>
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<2x4xi8>, tensor<2xf32> -> tensor<2x4xf32>
  %l, %t = lowbit.quantize %y scheme <sym, bits = 8, per = token> : tensor<2x4xf32> -> tensor<2x4xi8>, tensor<2xf32>
  check.close %l, %k within 0.0 : tensor<2x4xi8>
  check.close %t, %s within 1.0e-8 : tensor<2xf32>
  return
}
