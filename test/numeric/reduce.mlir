// Reductions, cumulative sums, softmax and its loss. Expected values are
// NumPy's for the expression that the comment names, in f64, rounded once.

// RUN: qopt-interpret %s

// sum(axis=2, keepdims)
func.func @sum_last() {
  %x = arith.constant dense<[[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], [[7.0, 8.0, 9.0], [-1.0, -2.0, -3.0]]]> : tensor<2x2x3xf32>
  %y = nn.reduce sum, %x axes [2] keep_dims : tensor<2x2x3xf32>
  %want = arith.constant dense<[[[2.0], [-1.5]], [[24.0], [-6.0]]]> : tensor<2x2x1xf32>
  check.close %y, %want within 0.0 : tensor<2x2x1xf32>
  return
}

// sum(axis=(0, 2))
func.func @sum_two_axes() {
  %x = arith.constant dense<[[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], [[7.0, 8.0, 9.0], [-1.0, -2.0, -3.0]]]> : tensor<2x2x3xf32>
  %y = nn.reduce sum, %x axes [0, 2] : tensor<2x2x3xf32>
  %want = arith.constant dense<[26.0, -7.5]> : tensor<2xf32>
  check.close %y, %want within 0.0 : tensor<2xf32>
  return
}

// sum(): a tensor of rank 0.
func.func @sum_all() {
  %x = arith.constant dense<[[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], [[7.0, 8.0, 9.0], [-1.0, -2.0, -3.0]]]> : tensor<2x2x3xf32>
  %y = nn.reduce sum, %x axes [0, 1, 2] : tensor<2x2x3xf32>
  %want = arith.constant dense<18.5> : tensor<f32>
  check.close %y, %want within 0.0 : tensor<f32>
  return
}

// Without axes each element is its own group.
func.func @sum_of_no_axis() {
  %x = arith.constant dense<[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]]> : tensor<2x3xf32>
  %y = nn.reduce sum, %x axes [] : tensor<2x3xf32>
  %want = arith.constant dense<[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

// mean(axis=1)
func.func @mean_middle() {
  %x = arith.constant dense<[[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], [[7.0, 8.0, 9.0], [-1.0, -2.0, -3.0]]]> : tensor<2x2x3xf32>
  %y = nn.reduce mean, %x axes [1] : tensor<2x2x3xf32>
  %want = arith.constant dense<[[2.5, -0.75, -1.5], [3.0, 3.0, 3.0]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

// Toward zero: 5 / 3 and -5 / 3.
func.func @mean_integers() {
  %x = arith.constant dense<[[1, 2, 2], [-1, -2, -2]]> : tensor<2x3xi32>
  %y = nn.reduce mean, %x axes [1] : tensor<2x3xi32>
  %want = arith.constant dense<[1, -1]> : tensor<2xi32>
  check.close %y, %want within 0.0 : tensor<2xi32>
  return
}

// NaN wins; -inf is the least.
func.func @max_nan() {
  %x = arith.constant dense<[[1.0, 0x7FC00000, 2.0], [0xFF800000, 0xFF800000, 0xFF800000]]> : tensor<2x3xf32>
  %y = nn.reduce max, %x axes [1] : tensor<2x3xf32>
  %want = arith.constant dense<[0x7FC00000, 0xFF800000]> : tensor<2xf32>
  check.close %y, %want within 0.0 : tensor<2xf32>
  return
}

// min(axis=0, keepdims)
func.func @min() {
  %x = arith.constant dense<[[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], [[7.0, 8.0, 9.0], [-1.0, -2.0, -3.0]]]> : tensor<2x2x3xf32>
  %y = nn.reduce min, %x axes [0] keep_dims : tensor<2x2x3xf32>
  %want = arith.constant dense<[[[1.0, -2.0, 3.0], [-1.0, -2.0, -6.0]]]> : tensor<1x2x3xf32>
  check.close %y, %want within 0.0 : tensor<1x2x3xf32>
  return
}

// prod(axis=2)
func.func @prod() {
  %x = arith.constant dense<[[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], [[7.0, 8.0, 9.0], [-1.0, -2.0, -3.0]]]> : tensor<2x2x3xf32>
  %y = nn.reduce prod, %x axes [2] : tensor<2x2x3xf32>
  %want = arith.constant dense<[[-6.0, -12.0], [504.0, -6.0]]> : tensor<2x2xf32>
  check.close %y, %want within 0.0 : tensor<2x2xf32>
  return
}

func.func @max_integers() {
  %x = arith.constant dense<[[3, -9], [-4, -5]]> : tensor<2x2xi64>
  %y = nn.reduce max, %x axes [1] : tensor<2x2xi64>
  %want = arith.constant dense<[3, -4]> : tensor<2xi64>
  check.close %y, %want within 0.0 : tensor<2xi64>
  return
}

// The largest of bools says whether one is true.
func.func @sum_bools_any() {
  %x = arith.constant dense<[[false, true], [false, false]]> : tensor<2x2xi1>
  %y = nn.reduce max, %x axes [1] : tensor<2x2xi1>
  %want = arith.constant dense<[true, false]> : tensor<2xi1>
  check.close %y, %want within 0.0 : tensor<2xi1>
  return
}

// 1e8 + 1 - 1e8 is 1: the sum is not rounded on the way.
func.func @sum_is_exact_inside() {
  %x = arith.constant dense<[100000000.0, 1.0, -100000000.0]> : tensor<3xf32>
  %y = nn.reduce sum, %x axes [0] : tensor<3xf32>
  %want = arith.constant dense<1.0> : tensor<f32>
  check.close %y, %want within 0.0 : tensor<f32>
  return
}

// Of no elements: 0, 1, -inf, and for the mean NaN.
func.func @nothing() {
  %x = arith.constant dense<[[5.0]]> : tensor<1x1xf32>
  %s = arith.constant 0 : index
  %none = nn.slice %x axis 0 from %s size %s : tensor<1x1xf32> -> tensor<?x1xf32>
  %a = nn.reduce sum, %none axes [0] : tensor<?x1xf32>
  %b = nn.reduce prod, %none axes [0] : tensor<?x1xf32>
  %c = nn.reduce max, %none axes [0] : tensor<?x1xf32>
  %d = nn.reduce mean, %none axes [0] : tensor<?x1xf32>
  %y = nn.concat %a, %b, %c, %d axis 0 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>
  %want = arith.constant dense<[0.0, 1.0, 0xFF800000, 0x7FC00000]> : tensor<4xf32>
  check.close %y, %want within 0.0 : tensor<4xf32>
  return
}

func.func @sum_dynamic() {
  %x = arith.constant dense<[[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]]> : tensor<2x3xf32>
  %n = arith.constant 2 : index
  %m = arith.constant 3 : index
  %d = nn.reshape %x [%n, %m] : tensor<2x3xf32> -> tensor<?x?xf32>
  %z = nn.reduce sum, %d axes [1] : tensor<?x?xf32>
  %y = nn.reshape %z : tensor<?xf32> -> tensor<2xf32>
  %want = arith.constant dense<[2.0, -1.5]> : tensor<2xf32>
  check.close %y, %want within 0.0 : tensor<2xf32>
  return
}

// cumsum(axis=1)
func.func @cumsum() {
  %x = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %y = nn.cumsum %x axis 1 : tensor<2x3xi64>
  %want = arith.constant dense<[[1, 3, 6], [4, 9, 15]]> : tensor<2x3xi64>
  check.close %y, %want within 0.0 : tensor<2x3xi64>
  return
}

// cumsum(axis=0)
func.func @cumsum_first_axis() {
  %x = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %y = nn.cumsum %x axis 0 : tensor<2x3xi64>
  %want = arith.constant dense<[[1, 2, 3], [5, 7, 9]]> : tensor<2x3xi64>
  check.close %y, %want within 0.0 : tensor<2x3xi64>
  return
}

// Sums of what stands before.
func.func @cumsum_exclusive() {
  %x = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %y = nn.cumsum %x axis 1 exclusive : tensor<2x3xi64>
  %want = arith.constant dense<[[0, 1, 3], [0, 4, 9]]> : tensor<2x3xi64>
  check.close %y, %want within 0.0 : tensor<2x3xi64>
  return
}

// From the end.
func.func @cumsum_reverse() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = nn.cumsum %x axis 1 reverse : tensor<2x3xf32>
  %want = arith.constant dense<[[6.0, 5.0, 3.0], [15.0, 11.0, 6.0]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

func.func @cumsum_exclusive_reverse() {
  %x = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %y = nn.cumsum %x axis 1 exclusive reverse : tensor<2x3xi64>
  %want = arith.constant dense<[[5, 3, 0], [11, 6, 0]]> : tensor<2x3xi64>
  check.close %y, %want within 0.0 : tensor<2x3xi64>
  return
}

// Large logits do not overflow; -inf gets nothing.
func.func @softmax() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [1000.0, 1001.0, -1000.0], [0xFF800000, 0.0, 0xFF800000]]> : tensor<3x3xf32>
  %y = nn.softmax %x axis 1 : tensor<3x3xf32>
  %want = arith.constant dense<[[0.0900305733, 0.244728476, 0.665240943], [0.268941432, 0.731058598, 0.0], [0.0, 1.0, 0.0]]> : tensor<3x3xf32>
  check.close %y, %want within 6.0e-8 : tensor<3x3xf32>
  return
}

func.func @softmax_first_axis() {
  %x = arith.constant dense<[[1.0, 2.0], [1000.0, 1001.0]]> : tensor<2x2xf32>
  %y = nn.softmax %x axis 0 : tensor<2x2xf32>
  %want = arith.constant dense<[[0.0, 0.0], [1.0, 1.0]]> : tensor<2x2xf32>
  check.close %y, %want within 6.0e-8 : tensor<2x2xf32>
  return
}

// A row of -inf is 0 / 0.
func.func @softmax_nothing_left() {
  %x = arith.constant dense<[[0xFF800000, 0xFF800000]]> : tensor<1x2xf32>
  %y = nn.softmax %x axis 1 : tensor<1x2xf32>
  %want = arith.constant dense<[[0x7FC00000, 0x7FC00000]]> : tensor<1x2xf32>
  check.close %y, %want within 0.0 : tensor<1x2xf32>
  return
}

// One element is certain.
func.func @softmax_one() {
  %x = arith.constant dense<[[5.0], [-7.0]]> : tensor<2x1xf32>
  %y = nn.softmax %x axis 1 : tensor<2x1xf32>
  %want = arith.constant dense<[[1.0], [1.0]]> : tensor<2x1xf32>
  check.close %y, %want within 0.0 : tensor<2x1xf32>
  return
}

// log(sum(exp(x))) - x[target]; the second row is off by 1000 nats.
func.func @cross_entropy() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]]> : tensor<2x3xf32>
  %t = arith.constant dense<[2, 1]> : tensor<2xi64>
  %y = nn.cross_entropy %x, %t : tensor<2x3xf32>, tensor<2xi64>
  %want = arith.constant dense<[0.407605976, 1000.0]> : tensor<2xf32>
  check.close %y, %want within 6.0e-8 : tensor<2xf32>
  return
}
