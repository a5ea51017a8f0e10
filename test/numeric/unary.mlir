// Elementwise ops of one operand. Where a comment names no other source,
// expected values are NumPy's, computed in f64 and rounded once.

// RUN: qopt-interpret %s

func.func @neg() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.neg %x : tensor<9xf32>
  %want = arith.constant dense<[2.5, 0.5, -0.0, -0.5, -1.5, -100.0, 0x7F800000, 0xFF800000, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 0.0 : tensor<9xf32>
  return
}

func.func @neg_integer() {
  %x = arith.constant dense<[-3, 0, 9]> : tensor<3xi16>
  %y = nn.neg %x : tensor<3xi16>
  %want = arith.constant dense<[3, 0, -9]> : tensor<3xi16>
  check.close %y, %want within 0.0 : tensor<3xi16>
  return
}

func.func @abs() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.abs %x : tensor<9xf32>
  %want = arith.constant dense<[2.5, 0.5, 0.0, 0.5, 1.5, 100.0, 0x7F800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 0.0 : tensor<9xf32>
  return
}

func.func @abs_integer() {
  %x = arith.constant dense<[-3, 0, 9]> : tensor<3xi32>
  %y = nn.abs %x : tensor<3xi32>
  %want = arith.constant dense<[3, 0, 9]> : tensor<3xi32>
  check.close %y, %want within 0.0 : tensor<3xi32>
  return
}

func.func @exp() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<8xf32>
  %y = nn.exp %x : tensor<8xf32>
  %want = arith.constant dense<[0.0820849985, 0.606530666, 1.0, 1.64872122, 4.48168898, 0.0, 0x7F800000, 0x7FC00000]> : tensor<8xf32>
  check.close %y, %want within 2.0e-7 : tensor<8xf32>
  return
}

// 0 gives -inf, what is below it NaN.
func.func @log() {
  %x = arith.constant dense<[0.0, 1.0, 10.0, -1.0, 0x7F800000, 0x7FC00000]> : tensor<6xf32>
  %y = nn.log %x : tensor<6xf32>
  %want = arith.constant dense<[0xFF800000, 0.0, 2.30258512, 0x7FC00000, 0x7F800000, 0x7FC00000]> : tensor<6xf32>
  check.close %y, %want within 2.0e-7 : tensor<6xf32>
  return
}

func.func @sqrt() {
  %x = arith.constant dense<[0.0, 2.0, 9.0, -1.0, 0x7F800000]> : tensor<5xf32>
  %y = nn.sqrt %x : tensor<5xf32>
  %want = arith.constant dense<[0.0, 1.41421354, 3.0, 0x7FC00000, 0x7F800000]> : tensor<5xf32>
  check.close %y, %want within 2.0e-7 : tensor<5xf32>
  return
}

func.func @rsqrt() {
  %x = arith.constant dense<[0.0, 2.0, 4.0, -1.0, 0x7F800000]> : tensor<5xf32>
  %y = nn.rsqrt %x : tensor<5xf32>
  %want = arith.constant dense<[0x7F800000, 0.707106769, 0.5, 0x7FC00000, 0.0]> : tensor<5xf32>
  check.close %y, %want within 1.0e-7 : tensor<5xf32>
  return
}

func.func @reciprocal() {
  %x = arith.constant dense<[3.0, -4.0, 0.0, 0x7F800000]> : tensor<4xf32>
  %y = nn.reciprocal %x : tensor<4xf32>
  %want = arith.constant dense<[0.333333343, -0.25, 0x7F800000, 0.0]> : tensor<4xf32>
  check.close %y, %want within 1.0e-7 : tensor<4xf32>
  return
}

// Far from zero too; infinity has no sine.
func.func @sin() {
  %x = arith.constant dense<[0.0, 1.0, -3.0, 100.0, 0x7F800000]> : tensor<5xf32>
  %y = nn.sin %x : tensor<5xf32>
  %want = arith.constant dense<[0.0, 0.841470957, -0.141120002, -0.506365657, 0x7FC00000]> : tensor<5xf32>
  check.close %y, %want within 1.0e-7 : tensor<5xf32>
  return
}

func.func @cos() {
  %x = arith.constant dense<[0.0, 1.0, -3.0, 100.0, 0x7F800000]> : tensor<5xf32>
  %y = nn.cos %x : tensor<5xf32>
  %want = arith.constant dense<[1.0, 0.540302277, -0.989992499, 0.862318873, 0x7FC00000]> : tensor<5xf32>
  check.close %y, %want within 1.0e-7 : tensor<5xf32>
  return
}

func.func @tanh() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.tanh %x : tensor<9xf32>
  %want = arith.constant dense<[-0.986614287, -0.462117165, 0.0, 0.462117165, 0.905148268, 1.0, -1.0, 1.0, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 1.0e-7 : tensor<9xf32>
  return
}

// math.erf of Python.
func.func @erf() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.erf %x : tensor<9xf32>
  %want = arith.constant dense<[-0.999593019, -0.520499885, 0.0, 0.520499885, 0.966105163, 1.0, -1.0, 1.0, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 1.0e-7 : tensor<9xf32>
  return
}

func.func @sigmoid() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.sigmoid %x : tensor<9xf32>
  %want = arith.constant dense<[0.0758581832, 0.377540678, 0.5, 0.622459352, 0.817574501, 1.0, 0.0, 1.0, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 1.0e-7 : tensor<9xf32>
  return
}

// -inf gives NaN, as x * sigmoid(x) does.
func.func @silu() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.silu %x : tensor<9xf32>
  %want = arith.constant dense<[-0.189645454, -0.188770339, 0.0, 0.311229676, 1.22636175, 100.0, 0x7FC00000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 2.0e-7 : tensor<9xf32>
  return
}

// NaN stays NaN.
func.func @relu() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.relu %x : tensor<9xf32>
  %want = arith.constant dense<[0.0, 0.0, 0.0, 0.5, 1.5, 100.0, 0.0, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 0.0 : tensor<9xf32>
  return
}

func.func @floor() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.floor %x : tensor<9xf32>
  %want = arith.constant dense<[-3.0, -1.0, 0.0, 0.0, 1.0, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 0.0 : tensor<9xf32>
  return
}

func.func @ceil() {
  %x = arith.constant dense<[-2.5, -0.5, 0.0, 0.5, 1.5, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  %y = nn.ceil %x : tensor<9xf32>
  %want = arith.constant dense<[-2.0, -0.0, 0.0, 1.0, 2.0, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<9xf32>
  check.close %y, %want within 0.0 : tensor<9xf32>
  return
}

// Ties go to the even neighbour.
func.func @round() {
  %x = arith.constant dense<[0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 0x7FC00000, 0x7F800000]> : tensor<8xf32>
  %y = nn.round %x : tensor<8xf32>
  %want = arith.constant dense<[0.0, 2.0, 2.0, -0.0, -2.0, 2.0, 0x7FC00000, 0x7F800000]> : tensor<8xf32>
  check.close %y, %want within 0.0 : tensor<8xf32>
  return
}

func.func @not_bools() {
  %x = arith.constant dense<[true, false]> : tensor<2xi1>
  %y = nn.not %x : tensor<2xi1>
  %want = arith.constant dense<[false, true]> : tensor<2xi1>
  check.close %y, %want within 0.0 : tensor<2xi1>
  return
}

func.func @is_nan() {
  %x = arith.constant dense<[1.0, 0x7FC00000, 0x7F800000, 0xFF800000]> : tensor<4xf32>
  %y = nn.is_nan %x : tensor<4xf32>
  %want = arith.constant dense<[false, true, false, false]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

func.func @is_inf() {
  %x = arith.constant dense<[1.0, 0x7FC00000, 0x7F800000, 0xFF800000]> : tensor<4xf32>
  %y = nn.is_inf %x : tensor<4xf32>
  %want = arith.constant dense<[false, false, true, true]> : tensor<4xi1>
  check.close %y, %want within 0.0 : tensor<4xi1>
  return
}

// In f16: 10 is the last power that stays finite in steps of 1, and 11.1 overflows.
func.func @exp_rounds_once() {
  %x = arith.constant dense<[10.0, 11.1, -20.0]> : tensor<3xf16>
  %y = nn.exp %x : tensor<3xf16>
  %want = arith.constant dense<[22032.0, 0x7C00, 0.0]> : tensor<3xf16>
  check.close %y, %want within 0.0 : tensor<3xf16>
  return
}
