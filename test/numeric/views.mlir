// The ops that move elements. Expected values are NumPy's for the expression
// that the comment names; all are exact.

// RUN: qopt-interpret %s

// reshape: row-major order stays.
func.func @reshape() {
  %x = arith.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi64>
  %y = nn.reshape %x : tensor<3x4xi64> -> tensor<2x6xi64>
  %want = arith.constant dense<[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]> : tensor<2x6xi64>
  check.close %y, %want within 0.0 : tensor<2x6xi64>
  return
}

// One size is static, the others are operands.
func.func @reshape_dynamic() {
  %x = arith.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi64>
  %n = arith.constant 2 : index
  %m = arith.constant 6 : index
  %z = nn.reshape %x [%n, %m] : tensor<3x4xi64> -> tensor<?x1x?xi64>
  %y = nn.reshape %z : tensor<?x1x?xi64> -> tensor<6x2xi64>
  %want = arith.constant dense<[[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]> : tensor<6x2xi64>
  check.close %y, %want within 0.0 : tensor<6x2xi64>
  return
}

// A tensor of rank 0 has one element.
func.func @reshape_scalar() {
  %x = arith.constant dense<7.0> : tensor<f32>
  %y = nn.reshape %x : tensor<f32> -> tensor<1x1xf32>
  %want = arith.constant dense<[[7.0]]> : tensor<1x1xf32>
  check.close %y, %want within 0.0 : tensor<1x1xf32>
  return
}

// broadcast_to: new axes in front, sizes of 1 are repeated.
func.func @broadcast() {
  %x = arith.constant dense<[[1], [2]]> : tensor<2x1xi64>
  %y = nn.broadcast %x : tensor<2x1xi64> -> tensor<2x2x3xi64>
  %want = arith.constant dense<[[[1, 1, 1], [2, 2, 2]], [[1, 1, 1], [2, 2, 2]]]> : tensor<2x2x3xi64>
  check.close %y, %want within 0.0 : tensor<2x2x3xi64>
  return
}

func.func @broadcast_dynamic() {
  %x = arith.constant dense<[[1.0, 0x7FC00000]]> : tensor<1x2xf32>
  %n = arith.constant 3 : index
  %z = nn.broadcast %x [%n] : tensor<1x2xf32> -> tensor<?x2xf32>
  %y = nn.reshape %z : tensor<?x2xf32> -> tensor<3x2xf32>
  %want = arith.constant dense<[[1.0, 0x7FC00000], [1.0, 0x7FC00000], [1.0, 0x7FC00000]]> : tensor<3x2xf32>
  check.close %y, %want within 0.0 : tensor<3x2xf32>
  return
}

// transpose(2, 0, 1): axis i of the result is axis permutation[i] of the input.
func.func @transpose() {
  %x = arith.constant dense<[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x3x4xi64>
  %y = nn.transpose %x [2, 0, 1] : tensor<2x3x4xi64>
  %want = arith.constant dense<[[[0, 4, 8], [12, 16, 20]], [[1, 5, 9], [13, 17, 21]], [[2, 6, 10], [14, 18, 22]], [[3, 7, 11], [15, 19, 23]]]> : tensor<4x2x3xi64>
  check.close %y, %want within 0.0 : tensor<4x2x3xi64>
  return
}

func.func @transpose_matrix() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %y = nn.transpose %x [1, 0] : tensor<1x3xf32>
  %want = arith.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32>
  check.close %y, %want within 0.0 : tensor<3x1xf32>
  return
}

// x[:, 1:3].
func.func @slice() {
  %x = arith.constant dense<[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x3x4xi64>
  %s = arith.constant 1 : index
  %y = nn.slice %x axis 1 from %s : tensor<2x3x4xi64> -> tensor<2x2x4xi64>
  %want = arith.constant dense<[[[4, 5, 6, 7], [8, 9, 10, 11]], [[16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x2x4xi64>
  check.close %y, %want within 0.0 : tensor<2x2x4xi64>
  return
}

// x[::2] of five elements; the last one is reached.
func.func @slice_step() {
  %x = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0]> : tensor<5xf32>
  %s = arith.constant 0 : index
  %y = nn.slice %x axis 0 from %s step 2 : tensor<5xf32> -> tensor<3xf32>
  %want = arith.constant dense<[0.0, 2.0, 4.0]> : tensor<3xf32>
  check.close %y, %want within 0.0 : tensor<3xf32>
  return
}

// x[3:0:-1].
func.func @slice_backwards() {
  %x = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0]> : tensor<5xf32>
  %s = arith.constant 3 : index
  %y = nn.slice %x axis 0 from %s step -1 : tensor<5xf32> -> tensor<3xf32>
  %want = arith.constant dense<[3.0, 2.0, 1.0]> : tensor<3xf32>
  check.close %y, %want within 0.0 : tensor<3xf32>
  return
}

// x[:, 2:2 + n].
func.func @slice_dynamic() {
  %x = arith.constant dense<[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x3x4xi64>
  %s = arith.constant 2 : index
  %n = arith.constant 2 : index
  %z = nn.slice %x axis 2 from %s size %n : tensor<2x3x4xi64> -> tensor<2x3x?xi64>
  %y = nn.reshape %z : tensor<2x3x?xi64> -> tensor<2x3x2xi64>
  %want = arith.constant dense<[[[2, 3], [6, 7], [10, 11]], [[14, 15], [18, 19], [22, 23]]]> : tensor<2x3x2xi64>
  check.close %y, %want within 0.0 : tensor<2x3x2xi64>
  return
}

// concatenate along axis 1, with three inputs and one of them empty.
func.func @concat() {
  %a = arith.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7]]> : tensor<2x4xi64>
  %b = arith.constant dense<[[70], [80]]> : tensor<2x1xi64>
  %s = arith.constant 4 : index
  %n = arith.constant 0 : index
  %none = nn.slice %a axis 1 from %s size %n : tensor<2x4xi64> -> tensor<2x?xi64>
  %z = nn.concat %a, %none, %b axis 1 : tensor<2x4xi64>, tensor<2x?xi64>, tensor<2x1xi64> -> tensor<2x?xi64>
  %y = nn.reshape %z : tensor<2x?xi64> -> tensor<2x5xi64>
  %want = arith.constant dense<[[0, 1, 2, 3, 70], [4, 5, 6, 7, 80]]> : tensor<2x5xi64>
  check.close %y, %want within 0.0 : tensor<2x5xi64>
  return
}

func.func @concat_first_axis() {
  %a = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %b = arith.constant dense<[[3.0, 4.0], [5.0, 6.0]]> : tensor<2x2xf32>
  %y = nn.concat %a, %b axis 0 : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<3x2xf32>
  %want = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  check.close %y, %want within 0.0 : tensor<3x2xf32>
  return
}

// tril.
func.func @triangle_lower() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %y = nn.triangle %x : tensor<3x4xi64>
  %want = arith.constant dense<[[1, 0, 0, 0], [5, 6, 0, 0], [9, 10, 11, 0]]> : tensor<3x4xi64>
  check.close %y, %want within 0.0 : tensor<3x4xi64>
  return
}

// triu(1) of two matrices; NaN below the diagonal does not stay.
func.func @triangle_upper() {
  %x = arith.constant dense<[[[0x7FC00000, 2.0], [0x7FC00000, 0x7FC00000]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %k = arith.constant 1 : index
  %y = nn.triangle upper %x diagonal %k : tensor<2x2x2xf32>
  %want = arith.constant dense<[[[0.0, 2.0], [0.0, 0.0]], [[0.0, 6.0], [0.0, 0.0]]]> : tensor<2x2x2xf32>
  check.close %y, %want within 0.0 : tensor<2x2x2xf32>
  return
}

// tril(-1).
func.func @triangle_negative() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %k = arith.constant -1 : index
  %y = nn.triangle %x diagonal %k : tensor<3x4xi64>
  %want = arith.constant dense<[[0, 0, 0, 0], [5, 0, 0, 0], [9, 10, 0, 0]]> : tensor<3x4xi64>
  check.close %y, %want within 0.0 : tensor<3x4xi64>
  return
}

// arange.
func.func @iota_static() {
  %y = nn.iota : tensor<4xi64>
  %want = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi64>
  check.close %y, %want within 0.0 : tensor<4xi64>
  return
}

// In f16 too.
func.func @iota_dynamic() {
  %n = arith.constant 3 : index
  %z = nn.iota %n : tensor<?xf16>
  %y = nn.reshape %z : tensor<?xf16> -> tensor<3xf16>
  %want = arith.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf16>
  check.close %y, %want within 0.0 : tensor<3xf16>
  return
}

// Index arithmetic on sizes 3 and 4: the product; -7 / 2 rounded down, up and
// toward zero, and its remainder; sum and difference of 12 and -7.
func.func @sizes() {
  %x = arith.constant dense<[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x3x4xi64>
  %i = arith.constant 1 : index
  %j = arith.constant 2 : index
  %rows = tensor.dim %x, %i : tensor<2x3x4xi64>
  %columns = tensor.dim %x, %j : tensor<2x3x4xi64>
  %product = arith.muli %rows, %columns : index
  %minus = arith.constant -7 : index
  %floor = arith.floordivsi %minus, %j : index
  %ceil = arith.ceildivsi %minus, %j : index
  %div = arith.divsi %minus, %j : index
  %rem = arith.remsi %minus, %j : index
  %a = nn.from_index %product : tensor<i64>
  %b = nn.from_index %floor : tensor<i64>
  %c = nn.from_index %ceil : tensor<i64>
  %d = nn.from_index %div : tensor<i64>
  %e = nn.from_index %rem : tensor<i64>
  %sum = arith.addi %product, %minus : index
  %difference = arith.subi %product, %minus : index
  %g = nn.from_index %sum : tensor<i64>
  %h = nn.from_index %difference : tensor<i64>
  %a1 = nn.reshape %a : tensor<i64> -> tensor<1xi64>
  %b1 = nn.reshape %b : tensor<i64> -> tensor<1xi64>
  %c1 = nn.reshape %c : tensor<i64> -> tensor<1xi64>
  %d1 = nn.reshape %d : tensor<i64> -> tensor<1xi64>
  %e1 = nn.reshape %e : tensor<i64> -> tensor<1xi64>
  %g1 = nn.reshape %g : tensor<i64> -> tensor<1xi64>
  %h1 = nn.reshape %h : tensor<i64> -> tensor<1xi64>
  %y = nn.concat %a1, %b1, %c1, %d1, %e1, %g1, %h1 axis 0 : tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<7xi64>
  %want = arith.constant dense<[12, -4, -3, -3, -1, 5, 19]> : tensor<7xi64>
  check.close %y, %want within 0.0 : tensor<7xi64>
  return
}
