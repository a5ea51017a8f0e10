// The edges of products, reductions, softmax and losses: odd sizes, nothing, NaN,
// wrapping. Expected values are NumPy's, in f64.

// RUN: qopt-interpret %s

// [3, 5] x [7, 5], transposed.
func.func @matmul_odd() {
  %a = arith.constant dense<[[0.71, -0.96, 0.33, -0.56, -0.31], [-0.4, 1.09, 0.24, 1.06, -0.38], [-0.26, 1.59, -1.67, -0.9, -0.2]]> : tensor<3x5xf64>
  %b = arith.constant dense<[[1.8, -0.63, 0.77, 1.56, -0.26], [-0.2, 1.65, -0.58, -1.08, 0.8], [-0.54, 1.27, 0.51, -1.78, 0.25], [-0.01, -0.69, 1.08, -1.8, -1.28], [-0.52, 0.77, -1.57, -0.67, -0.75], [-1.54, -0.42, -1.19, -0.49, 0.25], [-0.95, -0.91, -1.03, -0.89, -1.61]]> : tensor<7x5xf64>
  %y = nn.matmul %a, %b transposed : tensor<3x5xf64>, tensor<7x5xf64>
  %want = arith.constant dense<[[1.3439, -1.5605999999999998, -0.5149999999999998, 2.4164999999999996, -1.0188000000000001, -0.886, 0.8567], [0.5305000000000002, 0.29049999999999987, -0.2591, -1.9105, 0.24530000000000002, -0.7417999999999999, -1.1907], [-4.107600000000001, 4.4561, 2.8600000000000003, -1.0220999999999998, 4.734400000000001, 2.1109, 1.6431999999999998]]> : tensor<3x7xf64>
  check.close %y, %want within 1.0e-14 : tensor<3x7xf64>
  return
}

// [3, 1, 5, 2] transposed x [2, 5, 3].
func.func @matmul_odd_batches() {
  %a = arith.constant dense<[[[[-1.23, 0.08], [-0.92, 3.23], [-0.86, 0.42], [-1.55, -0.31], [-0.59, -0.12]]], [[[1.29, -0.21], [-1.25, 0.08], [-1.0, -0.15], [1.57, 0.93], [1.07, 0.52]]], [[[-0.03, -1.56], [-0.48, -0.54], [0.68, 0.99], [0.48, -0.8], [1.85, 1.42]]]]> : tensor<3x1x5x2xf64>
  %b = arith.constant dense<[[[-0.22, 0.2, 0.64], [0.1, -0.1, 0.49], [0.01, 0.2, -1.61], [-1.61, 1.74, -1.52], [0.49, 0.32, 0.22]], [[-0.69, 1.02, 0.35], [-0.34, -1.41, -0.23], [-0.6, -1.26, 0.38], [0.58, 0.84, 0.12], [-0.24, 1.15, 0.78]]]> : tensor<2x5x3xf64>
  %y = nn.matmul %a transposed, %b : tensor<3x1x5x2xf64>, tensor<2x5x3xf64>
  %want = arith.constant dense<[[[[2.3764000000000003, -3.2118, 2.3728000000000002], [0.7499, -0.8008, 1.4024999999999999]], [[0.9201, -0.8542999999999998, -1.1919], [-1.5564, -5.4003, -0.6861]]], [[[-2.4222, 3.2572, -0.3278999999999999], [-1.1898000000000002, 1.7046000000000001, -1.1529]], [[0.7887000000000001, 6.887600000000001, 1.3820000000000001], [0.6223, 1.2411999999999999, 0.3683]]], [[[0.09910000000000002, 1.6052, -1.6718000000000002], [2.2829, -0.9976000000000002, -1.3284999999999998]], [[-0.38970000000000005, 2.3200999999999996, 1.8589000000000002], [-0.13879999999999992, -1.1162000000000007, 0.9660000000000001]]]]> : tensor<3x2x2x3xf64>
  check.close %y, %want within 1.0e-14 : tensor<3x2x2x3xf64>
  return
}

// K = 0: sums of nothing.
func.func @matmul_no_channels() {
  %a = arith.constant dense<> : tensor<2x0xf32>
  %b = arith.constant dense<> : tensor<0x3xf32>
  %y = nn.matmul %a, %b : tensor<2x0xf32>, tensor<0x3xf32>
  %want = arith.constant dense<[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

// 300 is 44 in eight bits, -129 is 127; means are toward zero, of sums in 64 bits.
func.func @reduce_wraps() {
  %x = arith.constant dense<[[100, 100, 100], [-128, -1, 0]]> : tensor<2x3xi8>
  %s = nn.reduce sum, %x axes [1] keep_dims : tensor<2x3xi8>
  %m = nn.reduce mean, %x axes [1] keep_dims : tensor<2x3xi8>
  %y = nn.concat %s, %m axis 1 : tensor<2x1xi8>, tensor<2x1xi8> -> tensor<2x2xi8>
  %want = arith.constant dense<[[44, 100], [127, -43]]> : tensor<2x2xi8>
  check.close %y, %want within 0.0 : tensor<2x2xi8>
  return
}

// mean over the outer axes of [3, 5, 7].
func.func @reduce_odd() {
  %x = arith.constant dense<[[[2.32, 0.58, -0.92, 0.99, 2.36, 0.3, -0.16], [-0.57, 1.94, -0.15, -0.21, 0.34, -1.39, -0.23], [-1.23, -0.1, 0.54, 0.97, -0.37, 0.87, -0.34], [-1.61, 0.63, -0.15, 0.16, -2.57, 0.27, 0.31], [0.31, 1.11, -0.29, 2.22, 0.8, 0.62, -2.42]], [[-1.89, 1.58, 0.48, 1.02, -0.29, -0.03, 0.69], [-0.69, 1.43, -1.0, 0.33, -0.16, 0.47, 1.37], [-1.0, 0.58, 0.25, 0.98, 0.11, -0.35, 0.64], [1.48, 0.96, 0.3, 0.57, -1.39, -0.39, -0.1], [-0.39, -0.55, 0.1, 0.55, 2.09, -0.55, -0.76]], [[1.15, 0.3, -0.74, 1.68, -0.06, -0.18, -0.47], [-0.78, 0.25, -0.81, 2.6, 0.47, -0.11, -0.64], [0.39, 1.12, 0.36, -1.02, -0.11, -1.59, 1.55], [0.79, 0.32, 0.4, -0.46, -0.04, 1.07, 0.06], [0.7, 0.33, 0.34, 0.43, 1.15, -0.18, 0.79]]]> : tensor<3x5x7xf64>
  %y = nn.reduce mean, %x axes [2, 0] : tensor<3x5x7xf64>
  %want = arith.constant dense<[0.4147619047619047, 0.11714285714285716, 0.10714285714285714, 0.02904761904761904, 0.3047619047619048]> : tensor<5xf64>
  check.close %y, %want within 1.0e-15 : tensor<5xf64>
  return
}

// No rows: none in the result.
func.func @reduce_nothing_left() {
  %x = arith.constant dense<> : tensor<0x3xf32>
  %s = nn.reduce max, %x axes [1] : tensor<0x3xf32>
  %n = nn.reduce sum, %s axes [0] : tensor<0xf32>
  %want = arith.constant dense<0.0> : tensor<f32>
  check.close %n, %want within 0.0 : tensor<f32>
  return
}

// NaN stays for the rest of its line; inf - inf is one.
func.func @cumsum_nan() {
  %x = arith.constant dense<[[1.0, 0x7FC00000, 2.0], [0x7F800000, 0xFF800000, 1.0], [0.5, 0.25, 0.25]]> : tensor<3x3xf32>
  %y = nn.cumsum %x axis 1 : tensor<3x3xf32>
  %want = arith.constant dense<[[1.0, 0x7FC00000, 0x7FC00000], [0x7F800000, 0x7FC00000, 0x7FC00000], [0.5, 0.75, 1.0]]> : tensor<3x3xf32>
  check.close %y, %want within 0.0 : tensor<3x3xf32>
  return
}

// cumsum(axis=1) of [2, 3, 5], in eight bits: 100 + 100 is -56.
func.func @cumsum_middle() {
  %x = arith.constant dense<[[[100, 100, 100, 100, 100], [100, 100, 100, 100, 100], [100, 100, 100, 100, 100]], [[100, 100, 100, 100, 100], [100, 100, 100, 100, 100], [100, 100, 100, 100, 100]]]> : tensor<2x3x5xi8>
  %y = nn.cumsum %x axis 1 : tensor<2x3x5xi8>
  %want = arith.constant dense<[[[100, 100, 100, 100, 100], [-56, -56, -56, -56, -56], [44, 44, 44, 44, 44]], [[100, 100, 100, 100, 100], [-56, -56, -56, -56, -56], [44, 44, 44, 44, 44]]]> : tensor<2x3x5xi8>
  check.close %y, %want within 0.0 : tensor<2x3x5xi8>
  return
}

// Along the middle axis of [2, 3, 5].
func.func @softmax_middle() {
  %x = arith.constant dense<[[[-0.68, -0.47, -0.6, 0.97, -0.18], [1.35, -0.9, 0.51, -1.03, 1.25], [-0.57, 0.58, -0.56, -0.64, 0.37]], [[-1.59, -1.07, 1.63, -0.7, 0.94], [-0.74, -1.52, -0.29, 0.99, 0.1], [-0.17, 0.97, -0.64, 0.84, 0.43]]]> : tensor<2x3x5xf64>
  %y = nn.softmax %x axis 1 : tensor<2x3x5xf64>
  %want = arith.constant dense<[[[0.10277107371180182, 0.2218199781728483, 0.19703776697365208, 0.7489386244149414, 0.14467692623561837], [0.7825078304262016, 0.14429591319276533, 0.5978832022373616, 0.1013578208620352, 0.6045613547507176], [0.11472109586199661, 0.6338841086343864, 0.20507903078898615, 0.1497035547230234, 0.25076171901366406]], [[0.13374764265383202, 0.10720138890401588, 0.800051752331055, 0.09021955941589542, 0.49207607382788954], [0.3129222510875605, 0.06835462345815452, 0.11729315695631926, 0.48894316147988365, 0.2124344193991647], [0.5533301062586076, 0.8244439876378296, 0.08265509071262582, 0.4208372791042209, 0.29548950677294583]]]> : tensor<2x3x5xf64>
  check.close %y, %want within 1.0e-15 : tensor<2x3x5xf64>
  return
}

// NaN and +inf spoil their own line.
func.func @softmax_nan() {
  %x = arith.constant dense<[[1.0, 0x7FF8000000000000, 2.0], [0x7FF0000000000000, 0.0, 1.0], [0.0, 0.0, 0.0]]> : tensor<3x3xf64>
  %y = nn.softmax %x axis 1 : tensor<3x3xf64>
  %want = arith.constant dense<[[0x7FF8000000000000, 0x7FF8000000000000, 0x7FF8000000000000], [0x7FF8000000000000, 0x7FF8000000000000, 0x7FF8000000000000], [0.3333333333333333, 0.3333333333333333, 0.3333333333333333]]> : tensor<3x3xf64>
  check.close %y, %want within 1.0e-15 : tensor<3x3xf64>
  return
}

// Rows [2, 3] of seven logits, targets of 32 bits.
func.func @cross_entropy_odd() {
  %x = arith.constant dense<[[[-0.91, 1.04, 1.24, -0.13, 0.23, -0.17, -1.01], [0.9, -0.9, 0.63, -0.43, -0.93, 0.71, 0.33], [1.94, 0.03, 0.24, 0.21, -0.15, 1.41, 1.6]], [[0.78, -0.91, 0.55, 0.16, -0.35, -1.45, 0.99], [1.3, 0.42, 0.56, 1.86, 2.04, 0.33, -2.75], [0.82, 0.26, 0.79, -0.41, -0.9, 0.61, -0.2]]]> : tensor<2x3x7xf64>
  %t = arith.constant dense<[[3, 3, 6], [5, 5, 2]]> : tensor<2x3xi32>
  %y = nn.cross_entropy %x, %t : tensor<2x3x7xf64>, tensor<2x3xi32>
  %want = arith.constant dense<[[2.4357733989571835, 2.650702961707489, 1.4157225557791517], [3.6606072100571003, 2.784011749675084, 1.46131373649119]]> : tensor<2x3xf64>
  check.close %y, %want within 1.0e-14 : tensor<2x3xf64>
  return
}

// -inf for a target that cannot be; NaN and +inf give NaN.
func.func @cross_entropy_nan() {
  %x = arith.constant dense<[[0.0, 0xFF800000], [0.0, 0x7FC00000], [0x7F800000, 0.0]]> : tensor<3x2xf32>
  %t = arith.constant dense<[1, 0, 1]> : tensor<3xi64>
  %y = nn.cross_entropy %x, %t : tensor<3x2xf32>, tensor<3xi64>
  %want = arith.constant dense<[0x7F800000, 0x7FC00000, 0x7FC00000]> : tensor<3xf32>
  check.close %y, %want within 0.0 : tensor<3xf32>
  return
}

// The largest and the least of no integers are the ends of their range, of no
// bools false and true.
func.func @reduce_no_integers() {
  %x = arith.constant dense<> : tensor<0x1xi8>
  %max = nn.reduce max, %x axes [0] : tensor<0x1xi8>
  %min = nn.reduce min, %x axes [0] : tensor<0x1xi8>
  %y = nn.concat %max, %min axis 0 : tensor<1xi8>, tensor<1xi8> -> tensor<2xi8>
  %want = arith.constant dense<[-128, 127]> : tensor<2xi8>
  check.close %y, %want within 0.0 : tensor<2xi8>
  %b = arith.constant dense<> : tensor<0x1xi1>
  %any = nn.reduce max, %b axes [0] : tensor<0x1xi1>
  %all = nn.reduce min, %b axes [0] : tensor<0x1xi1>
  %z = nn.concat %any, %all axis 0 : tensor<1xi1>, tensor<1xi1> -> tensor<2xi1>
  %none = arith.constant dense<[false, true]> : tensor<2xi1>
  check.close %z, %none within 0.0 : tensor<2xi1>
  return
}
