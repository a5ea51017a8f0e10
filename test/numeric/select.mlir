// Comparing, choosing, converting; swiglu. Expected values are NumPy's, or follow
// from the comment.

// RUN: qopt-interpret %s

// NaN is not equal to anything.
func.func @compare_eq() {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %b = arith.constant dense<2.0> : tensor<f32>
  %y = nn.compare eq, %a, %b : tensor<4xf32>, tensor<f32>
  %want = arith.constant dense<[false, true, false, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @compare_ne() {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %b = arith.constant dense<2.0> : tensor<f32>
  %y = nn.compare ne, %a, %b : tensor<4xf32>, tensor<f32>
  %want = arith.constant dense<[true, false, true, true]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @compare_lt() {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %b = arith.constant dense<2.0> : tensor<f32>
  %y = nn.compare lt, %a, %b : tensor<4xf32>, tensor<f32>
  %want = arith.constant dense<[true, false, false, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @compare_le() {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %b = arith.constant dense<2.0> : tensor<f32>
  %y = nn.compare le, %a, %b : tensor<4xf32>, tensor<f32>
  %want = arith.constant dense<[true, true, false, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @compare_gt() {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %b = arith.constant dense<2.0> : tensor<f32>
  %y = nn.compare gt, %a, %b : tensor<4xf32>, tensor<f32>
  %want = arith.constant dense<[false, false, true, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @compare_ge() {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %b = arith.constant dense<2.0> : tensor<f32>
  %y = nn.compare ge, %a, %b : tensor<4xf32>, tensor<f32>
  %want = arith.constant dense<[false, true, true, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

// [2, 1] with [3].
func.func @compare_integers_broadcast() {
  %a = arith.constant dense<[[1], [2]]> : tensor<2x1xi64>
  %b = arith.constant dense<[1, 2, 3]> : tensor<3xi64>
  %y = nn.compare ge, %a, %b : tensor<2x1xi64>, tensor<3xi64>
  %want = arith.constant dense<[[true, false, false], [true, true, false]]> : tensor<2x3xi1>
  check.close %y, %want within 0.0 : tensor<2x3xi1>
  return
}

// Condition [2, 1], a row and a scalar; what is not chosen does not matter.
func.func @select_broadcast() {
  %c = arith.constant dense<[[true], [false]]> : tensor<2x1xi1>
  %a = arith.constant dense<[1.0, 0x7FC00000, 3.0]> : tensor<3xf32>
  %b = arith.constant dense<0xFF800000> : tensor<f32>
  %y = nn.select %c, %a, %b : tensor<2x1xi1>, tensor<3xf32>, tensor<f32>
  %want = arith.constant dense<[[1.0, 0x7FC00000, 3.0], [0xFF800000, 0xFF800000, 0xFF800000]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

func.func @select_integers() {
  %c = arith.constant dense<[true, false]> : tensor<2xi1>
  %a = arith.constant dense<[1, 2]> : tensor<2xi64>
  %b = arith.constant dense<[-1, -2]> : tensor<2xi64>
  %y = nn.select %c, %a, %b : tensor<2xi1>, tensor<2xi64>, tensor<2xi64>
  %want = arith.constant dense<[1, -2]> : tensor<2xi64>
  check.close %y, %want within 0.0 : tensor<2xi64>
  return
}

// Toward zero; beyond the range its end; NaN is 0.
func.func @cast_to_integer() {
  %x = arith.constant dense<[2.9, -2.9, 300.0, -300.0, 0x7F800000, 0x7FC00000]> : tensor<6xf32>
  %y = nn.cast %x : tensor<6xf32> -> tensor<6xi8>
  %want = arith.constant dense<[2, -2, 127, -128, 127, 0]> : tensor<6xi8>
  check.close %y, %want within 0.0 : tensor<6xi8>
  return
}

func.func @cast_to_i64() {
  %x = arith.constant dense<[1.0e+19, -1.0e+19, -0.5]> : tensor<3xf64>
  %y = nn.cast %x : tensor<3xf64> -> tensor<3xi64>
  %want = arith.constant dense<[9223372036854775807, -9223372036854775808, 0]> : tensor<3xi64>
  check.close %y, %want within 0.0 : tensor<3xi64>
  return
}

// NaN is not 0.
func.func @cast_to_bool() {
  %x = arith.constant dense<[0.0, -0.0, 0.5, 0x7FC00000]> : tensor<4xf32>
  %y = nn.cast %x : tensor<4xf32> -> tensor<4xi1>
  %want = arith.constant dense<[false, false, true, true]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @cast_integer_to_bool() {
  %x = arith.constant dense<[0, 2, -1]> : tensor<3xi64>
  %y = nn.cast %x : tensor<3xi64> -> tensor<3xi1>
  %want = arith.constant dense<[false, true, true]> : tensor<3xi1>
  check.close %y, %want within 0.0 : tensor<3xi1>
  return
}

func.func @cast_bool_to_float() {
  %x = arith.constant dense<[false, true]> : tensor<2xi1>
  %y = nn.cast %x : tensor<2xi1> -> tensor<2xf32>
  %want = arith.constant dense<[0.0, 1.0]> : tensor<2xf32>
  check.close %y, %want within 0.0 : tensor<2xf32>
  return
}

// 2^24 + 1 is a tie, which goes to the even neighbour.
func.func @cast_integer_to_float() {
  %x = arith.constant dense<[3, -7, 16777217]> : tensor<3xi32>
  %y = nn.cast %x : tensor<3xi32> -> tensor<3xf32>
  %want = arith.constant dense<[3.0, -7.0, 16777216.0]> : tensor<3xf32>
  check.close %y, %want within 0.0 : tensor<3xf32>
  return
}

// One rounding: through f64 this would be a tie and become 2^62.
func.func @cast_large_integer() {
  %x = arith.constant dense<[4611686293305294849]> : tensor<1xi64>
  %y = nn.cast %x : tensor<1xi64> -> tensor<1xf32>
  %want = arith.constant dense<[4.61168657e+18]> : tensor<1xf32>
  check.close %y, %want within 0.0 : tensor<1xf32>
  return
}

// Integers wrap.
func.func @cast_wraps() {
  %x = arith.constant dense<[300, -1]> : tensor<2xi32>
  %y = nn.cast %x : tensor<2xi32> -> tensor<2xi8>
  %want = arith.constant dense<[44, -1]> : tensor<2xi8>
  check.close %y, %want within 0.0 : tensor<2xi8>
  return
}

func.func @cast_to_f16() {
  %x = arith.constant dense<[1.0, 65520.0, 1.0e-8]> : tensor<3xf32>
  %y = nn.cast %x : tensor<3xf32> -> tensor<3xf16>
  %want = arith.constant dense<[1.0, 0x7C00, 0.0]> : tensor<3xf16>
  check.close %y, %want within 0.0 : tensor<3xf16>
  return
}

// silu(gate) * up.
func.func @swiglu() {
  %g = arith.constant dense<[[1.0, -2.0, 0.5]]> : tensor<1x3xf32>
  %u = arith.constant dense<[[2.0, 3.0, 0x7FC00000]]> : tensor<1x3xf32>
  %y = nn.swiglu %g, %u : tensor<1x3xf32>
  %want = arith.constant dense<[[1.4621172, -0.715217531, 0x7FC00000]]> : tensor<1x3xf32>
  check.close %y, %want within 2.0e-7 : tensor<1x3xf32>
  return
}

// Sizes that only the run knows, one of them 1.
func.func @add_dynamic() {
  %a = arith.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %b = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %s = arith.constant 1 : index
  %n = arith.constant 3 : index
  %p = nn.reshape %a [%s, %n] : tensor<1x3xf32> -> tensor<?x?xf32>
  %q = nn.reshape %b [%n] : tensor<3xf32> -> tensor<?xf32>
  %z = nn.add %p, %q : tensor<?x?xf32>, tensor<?xf32>
  %y = nn.reshape %z : tensor<?x?xf32> -> tensor<1x3xf32>
  %want = arith.constant dense<[[11.0, 22.0, 33.0]]> : tensor<1x3xf32>
  check.close %y, %want within 0.0 : tensor<1x3xf32>
  return
}
