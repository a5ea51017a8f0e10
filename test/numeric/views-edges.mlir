// The edges of the ops that move, make and find elements: odd sizes, nothing,
// wrapping. Expected values are NumPy's for the expression that the comment names;
// all are exact.

// RUN: qopt-interpret %s

// x[:, 99:99]: nothing is read, wherever it would begin.
// Behind it x stands unchanged.
func.func @slice_nothing() {
  %x = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  %s = arith.constant 99 : index
  %n = arith.constant 0 : index
  %none = nn.slice %x axis 1 from %s size %n : tensor<3x5xi64> -> tensor<3x?xi64>
  %y = nn.concat %none, %x axis 1 : tensor<3x?xi64>, tensor<3x5xi64> -> tensor<3x5xi64>
  %want = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  check.close %y, %want within 0.0 : tensor<3x5xi64>
  return
}

// x[:, 4::-3].
func.func @slice_odd() {
  %x = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  %s = arith.constant 4 : index
  %y = nn.slice %x axis 1 from %s step -3 : tensor<3x5xi64> -> tensor<3x2xi64>
  %want = arith.constant dense<[[4, 1], [9, 6], [14, 11]]> : tensor<3x2xi64>
  check.close %y, %want within 0.0 : tensor<3x2xi64>
  return
}

// broadcast_to of a scalar, zero times and three.
func.func @broadcast_scalar() {
  %x = arith.constant dense<2.5> : tensor<f32>
  %n = arith.constant 0 : index
  %a = nn.broadcast %x [%n] : tensor<f32> -> tensor<?x5xf32>
  %b = nn.broadcast %x : tensor<f32> -> tensor<3x5xf32>
  %y = nn.concat %a, %b axis 0 : tensor<?x5xf32>, tensor<3x5xf32> -> tensor<3x5xf32>
  %want = arith.constant dense<[[2.5, 2.5, 2.5, 2.5, 2.5], [2.5, 2.5, 2.5, 2.5, 2.5], [2.5, 2.5, 2.5, 2.5, 2.5]]> : tensor<3x5xf32>
  check.close %y, %want within 0.0 : tensor<3x5xf32>
  return
}

// Bools are repeated too.
func.func @broadcast_bools() {
  %x = arith.constant dense<[[true], [false], [true]]> : tensor<3x1xi1>
  %y = nn.broadcast %x : tensor<3x1xi1> -> tensor<3x5xi1>
  %want = arith.constant dense<[[true, true, true, true, true], [false, false, false, false, false], [true, true, true, true, true]]> : tensor<3x5xi1>
  check.close %y, %want within 0.0 : tensor<3x5xi1>
  return
}

// No elements: sizes move all the same.
func.func @transpose_nothing() {
  %x = arith.constant dense<> : tensor<3x0x5xf32>
  %z = nn.transpose %x [1, 2, 0] : tensor<3x0x5xf32>
  %y = nn.reduce sum, %z axes [0] : tensor<0x5x3xf32>
  %want = arith.constant dense<[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<5x3xf32>
  check.close %y, %want within 0.0 : tensor<5x3xf32>
  return
}

// A diagonal that is far away keeps all or nothing.
func.func @triangle_far() {
  %x = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  %k = arith.constant 99 : index
  %a = nn.triangle %x diagonal %k : tensor<3x5xi64>
  %b = nn.triangle upper %x diagonal %k : tensor<3x5xi64>
  %y = nn.concat %a, %b axis 0 : tensor<3x5xi64>, tensor<3x5xi64> -> tensor<6x5xi64>
  %want = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]> : tensor<6x5xi64>
  check.close %y, %want within 0.0 : tensor<6x5xi64>
  return
}

// triu(2) of [2, 3, 5].
func.func @triangle_odd() {
  %x = arith.constant dense<[[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]], [[0, -1, -2, -3, -4], [-5, -6, -7, -8, -9], [-10, -11, -12, -13, -14]]]> : tensor<2x3x5xi64>
  %k = arith.constant 2 : index
  %y = nn.triangle upper %x diagonal %k : tensor<2x3x5xi64>
  %want = arith.constant dense<[[[0, 0, 2, 3, 4], [0, 0, 0, 8, 9], [0, 0, 0, 0, 14]], [[0, 0, -2, -3, -4], [0, 0, 0, -8, -9], [0, 0, 0, 0, -14]]]> : tensor<2x3x5xi64>
  check.close %y, %want within 0.0 : tensor<2x3x5xi64>
  return
}

// arange(0), and what bools can count.
func.func @iota_nothing() {
  %n = arith.constant 0 : index
  %none = nn.iota %n : tensor<?xi1>
  %b = nn.iota : tensor<5xi1>
  %y = nn.concat %none, %b axis 0 : tensor<?xi1>, tensor<5xi1> -> tensor<5xi1>
  %want = arith.constant dense<[false, true, false, true, false]> : tensor<5xi1>
  check.close %y, %want within 0.0 : tensor<5xi1>
  return
}

// 2049 lies between two numbers of f16 and goes to the even one.
func.func @iota_rounds() {
  %s = arith.constant 2047 : index
  %x = nn.iota : tensor<2052xf16>
  %y = nn.slice %x axis 0 from %s : tensor<2052xf16> -> tensor<5xf16>
  %want = arith.constant dense<[2047.0, 2048.0, 2048.0, 2050.0, 2052.0]> : tensor<5xf16>
  check.close %y, %want within 0.0 : tensor<5xf16>
  return
}

// 300 in eight bits.
func.func @from_index_wraps() {
  %n = arith.constant 300 : index
  %y = nn.from_index %n : tensor<i8>
  %want = arith.constant dense<44> : tensor<i8>
  check.close %y, %want within 0.0 : tensor<i8>
  return
}

// x[2, -5], x[0, 4], x[-1, 0].
func.func @gather_nd_elements() {
  %x = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  %i = arith.constant dense<[[2, -5], [0, 4], [-1, 0]]> : tensor<3x2xi32>
  %y = nn.gather_nd %x, %i : tensor<3x5xi64>, tensor<3x2xi32>
  %want = arith.constant dense<[10, 4, 10]> : tensor<3xi64>
  check.close %y, %want within 0.0 : tensor<3xi64>
  return
}

// No indices find nothing, in a table without rows too.
func.func @gather_nothing() {
  %x = arith.constant dense<> : tensor<0x3xf32>
  %i = arith.constant dense<> : tensor<0x2xi64>
  %none = nn.gather %x, %i axis 0 : tensor<0x3xf32>, tensor<0x2xi64>
  %y = nn.reduce sum, %none axes [0] : tensor<0x2x3xf32>
  %want = arith.constant dense<[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<2x3xf32>
  check.close %y, %want within 0.0 : tensor<2x3xf32>
  return
}

// take_along_axis(axis=1) of the first two rows of bools.
func.func @gather_elements_rows() {
  %x = arith.constant dense<[[true, false, false, true, false], [false, true, false, false, true], [false, false, true, false, false]]> : tensor<3x5xi1>
  %i = arith.constant dense<[[4, 0, -2], [1, -1, 3]]> : tensor<2x3xi64>
  %y = nn.gather_elements %x, %i axis 1 : tensor<3x5xi1>, tensor<2x3xi64>
  %want = arith.constant dense<[[false, true, true], [true, true, false]]> : tensor<2x3xi1>
  check.close %y, %want within 0.0 : tensor<2x3xi1>
  return
}

// x[-1], x[2], x[0] = updates: of two for one row the last one stays.
func.func @scatter_nd_twice() {
  %x = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  %i = arith.constant dense<[[-1], [2], [0]]> : tensor<3x1xi64>
  %u = arith.constant dense<[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]> : tensor<3x5xi64>
  %y = nn.scatter_nd %x, %i, %u : tensor<3x5xi64>, tensor<3x1xi64>, tensor<3x5xi64>
  %want = arith.constant dense<[[11, 12, 13, 14, 15], [5, 6, 7, 8, 9], [6, 7, 8, 9, 10]]> : tensor<3x5xi64>
  check.close %y, %want within 0.0 : tensor<3x5xi64>
  return
}

// No updates change nothing.
func.func @scatter_nd_nothing() {
  %x = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  %i = arith.constant dense<> : tensor<0x1xi64>
  %u = arith.constant dense<> : tensor<0x5xi64>
  %y = nn.scatter_nd %x, %i, %u : tensor<3x5xi64>, tensor<0x1xi64>, tensor<0x5xi64>
  %want = arith.constant dense<[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]> : tensor<3x5xi64>
  check.close %y, %want within 0.0 : tensor<3x5xi64>
  return
}

// Ids of eight bits; NaN in a row that is looked up stays.
func.func @embedding_odd() {
  %t = arith.constant dense<[[-1.34, 0.67, -0.4], [-0.12, 0.51, -1.37], [-0.18, 0x7FC00000, -0.48], [0.41, -0.08, -0.22], [0.63, -0.36, -1.55]]> : tensor<5x3xf32>
  %i = arith.constant dense<[4, 2, 0]> : tensor<3xi8>
  %y = nn.embedding %i, %t : tensor<3xi8>, tensor<5x3xf32>
  %want = arith.constant dense<[[0.63, -0.36, -1.55], [-0.18, 0x7FC00000, -0.48], [-1.34, 0.67, -0.4]]> : tensor<3x3xf32>
  check.close %y, %want within 0.0 : tensor<3x3xf32>
  return
}
