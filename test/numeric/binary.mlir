// Elementwise ops of two operands, with broadcasting. Where a comment
// names no other source, expected values are NumPy's, computed in f64 and
// rounded once to the element type.

// RUN: qopt-interpret %s

// A row is repeated for each row; NaN and infinity stay.
func.func @add_row() {
  %a = arith.constant dense<[[1.5, -2.0, 0.0], [0x7FC00000, 0x7F800000, 7.25]]> : tensor<2x3xf32>
  %b = arith.constant dense<[0.5, -4.0, 0.0]> : tensor<3xf32>
  %y = nn.add %a, %b : tensor<2x3xf32>, tensor<3xf32>
  %want = arith.constant dense<[[2.0, -6.0, 0.0], [0x7FC00000, 0x7F800000, 7.25]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

// Both operands are repeated: [2, 1] and [1, 3].
func.func @sub_column_and_row() {
  %a = arith.constant dense<[[1.0], [10.0]]> : tensor<2x1xf32>
  %b = arith.constant dense<[[0.25, 0.5, -1.0]]> : tensor<1x3xf32>
  %y = nn.sub %a, %b : tensor<2x1xf32>, tensor<1x3xf32>
  %want = arith.constant dense<[[0.75, 0.5, 2.0], [9.75, 9.5, 11.0]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

// A tensor of rank 0 is repeated everywhere; 0 * inf is NaN.
func.func @mul_scalar() {
  %a = arith.constant dense<[[0.0, 0x7F800000, -3.0]]> : tensor<1x3xf32>
  %b = arith.constant dense<0.0> : tensor<f32>
  %y = nn.mul %a, %b : tensor<1x3xf32>, tensor<f32>
  %want = arith.constant dense<[[0.0, 0x7FC00000, -0.0]]> : tensor<1x3xf32>
  check.close %y, %want within 0.0 : tensor<1x3xf32>
  return
}

// By zero: infinity with the sign of the dividend, NaN for 0 / 0.
func.func @div_float() {
  %a = arith.constant dense<[1.0, -1.0, 0.0, 7.0]> : tensor<4xf32>
  %b = arith.constant dense<[0.0, 0.0, 0.0, -2.0]> : tensor<4xf32>
  %y = nn.div %a, %b : tensor<4xf32>, tensor<4xf32>
  %want = arith.constant dense<[0x7F800000, 0xFF800000, 0x7FC00000, -3.5]> : tensor<4xf32>
  check.close %y, %want within 0.0 : tensor<4xf32>
  return
}

// Integers are divided toward zero.
func.func @div_integer() {
  %a = arith.constant dense<[7, -7, 7, -7]> : tensor<4xi32>
  %b = arith.constant dense<[2, 2, -2, -2]> : tensor<4xi32>
  %y = nn.div %a, %b : tensor<4xi32>, tensor<4xi32>
  %want = arith.constant dense<[3, -3, -3, 3]> : tensor<4xi32>
  check.close %y, %want within 0.0 : tensor<4xi32>
  return
}

// The least integer has no opposite: the quotient wraps.
func.func @div_least_integer() {
  %a = arith.constant dense<[-128]> : tensor<1xi8>
  %b = arith.constant dense<[-1]> : tensor<1xi8>
  %y = nn.div %a, %b : tensor<1xi8>, tensor<1xi8>
  %want = arith.constant dense<[-128]> : tensor<1xi8>
  check.close %y, %want within 0.0 : tensor<1xi8>
  return
}

// Integers wrap: 100 + 100 = 200 = -56 modulo 256.
func.func @add_wraps() {
  %a = arith.constant dense<[100]> : tensor<1xi8>
  %b = arith.constant dense<[100]> : tensor<1xi8>
  %y = nn.add %a, %b : tensor<1xi8>, tensor<1xi8>
  %want = arith.constant dense<[-56]> : tensor<1xi8>
  check.close %y, %want within 0.0 : tensor<1xi8>
  return
}

// The sign of the divisor, as in Python and ONNX Mod.
func.func @remainder_integer() {
  %a = arith.constant dense<[7, -7, 7, -7, 6]> : tensor<5xi64>
  %b = arith.constant dense<[3, 3, -3, -3, 3]> : tensor<5xi64>
  %y = nn.remainder %a, %b : tensor<5xi64>, tensor<5xi64>
  %want = arith.constant dense<[1, 2, -2, -1, 0]> : tensor<5xi64>
  check.close %y, %want within 0.0 : tensor<5xi64>
  return
}

// Likewise; -0.25 mod 1 is 0.75.
func.func @remainder_float() {
  %a = arith.constant dense<[5.5, -5.5, 5.5, -0.25]> : tensor<4xf32>
  %b = arith.constant dense<[2.0, 2.0, -2.0, 1.0]> : tensor<4xf32>
  %y = nn.remainder %a, %b : tensor<4xf32>, tensor<4xf32>
  %want = arith.constant dense<[1.5, 0.5, -0.5, 0.75]> : tensor<4xf32>
  check.close %y, %want within 0.0 : tensor<4xf32>
  return
}

// 0 to the 0 is 1; a negative base with a fraction is NaN.
func.func @pow_float() {
  %a = arith.constant dense<[2.0, -8.0, 0.0, -8.0, 9.0]> : tensor<5xf32>
  %b = arith.constant dense<[10.0, 3.0, 0.0, 0.5, -0.5]> : tensor<5xf32>
  %y = nn.pow %a, %b : tensor<5xf32>, tensor<5xf32>
  %want = arith.constant dense<[1024.0, -512.0, 1.0, 0x7FC00000, 0.333333333]> : tensor<5xf32>
  check.close %y, %want within 0.0 : tensor<5xf32>
  return
}

// NaN wins, whichever side it is on.
func.func @maximum_nan() {
  %a = arith.constant dense<[1.0, 0x7FC00000, 3.0, 0xFF800000]> : tensor<4xf32>
  %b = arith.constant dense<[2.0, 1.0, 0x7FC00000, -5.0]> : tensor<4xf32>
  %y = nn.maximum %a, %b : tensor<4xf32>, tensor<4xf32>
  %want = arith.constant dense<[2.0, 0x7FC00000, 0x7FC00000, -5.0]> : tensor<4xf32>
  check.close %y, %want within 0.0 : tensor<4xf32>
  return
}

func.func @minimum_nan() {
  %a = arith.constant dense<[1.0, 0x7FC00000, 3.0, 0xFF800000]> : tensor<4xf32>
  %b = arith.constant dense<[2.0, 1.0, 0x7FC00000, -5.0]> : tensor<4xf32>
  %y = nn.minimum %a, %b : tensor<4xf32>, tensor<4xf32>
  %want = arith.constant dense<[1.0, 0x7FC00000, 0x7FC00000, 0xFF800000]> : tensor<4xf32>
  check.close %y, %want within 0.0 : tensor<4xf32>
  return
}

func.func @maximum_integer() {
  %a = arith.constant dense<[3, -4]> : tensor<2xi64>
  %b = arith.constant dense<[-3, 4]> : tensor<2xi64>
  %y = nn.maximum %a, %b : tensor<2xi64>, tensor<2xi64>
  %want = arith.constant dense<[3, 4]> : tensor<2xi64>
  check.close %y, %want within 0.0 : tensor<2xi64>
  return
}

// All four cases.
func.func @and_table() {
  %a = arith.constant dense<[false, false, true, true]> : tensor<4xi1>
  %b = arith.constant dense<[false, true, false, true]> : tensor<4xi1>
  %y = nn.and %a, %b : tensor<4xi1>, tensor<4xi1>
  %want = arith.constant dense<[false, false, false, true]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @or_table() {
  %a = arith.constant dense<[false, false, true, true]> : tensor<4xi1>
  %b = arith.constant dense<[false, true, false, true]> : tensor<4xi1>
  %y = nn.or %a, %b : tensor<4xi1>, tensor<4xi1>
  %want = arith.constant dense<[false, true, true, true]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @xor_table() {
  %a = arith.constant dense<[false, false, true, true]> : tensor<4xi1>
  %b = arith.constant dense<[false, true, false, true]> : tensor<4xi1>
  %y = nn.xor %a, %b : tensor<4xi1>, tensor<4xi1>
  %want = arith.constant dense<[false, true, true, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}
