// The ops that look elements up. Expected values are those of ONNX Gather,
// GatherND, GatherElements and ScatterND by their specification, written with
// NumPy's take, take_along_axis and fancy indexing; all are exact.

// RUN: qopt-interpret %s

// take(axis=0); -1 is the last row.
func.func @gather_rows() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %i = arith.constant dense<[[2, 0], [-1, 1]]> : tensor<2x2xi64>
  %y = nn.gather %x, %i axis 0 : tensor<3x4xi64>, tensor<2x2xi64>
  %want = arith.constant dense<[[[9, 10, 11, 12], [1, 2, 3, 4]], [[9, 10, 11, 12], [5, 6, 7, 8]]]> : tensor<2x2x4xi64>
  check.close %y, %want within 0.0 : tensor<2x2x4xi64>
  return
}

// take(axis=1).
func.func @gather_columns() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %i = arith.constant dense<[3, -4, 1]> : tensor<3xi32>
  %y = nn.gather %x, %i axis 1 : tensor<3x4xi64>, tensor<3xi32>
  %want = arith.constant dense<[[4, 1, 2], [8, 5, 6], [12, 9, 10]]> : tensor<3x3xi64>
  check.close %y, %want within 0.0 : tensor<3x3xi64>
  return
}

// A scalar index takes the axis away.
func.func @gather_scalar() {
  %x = arith.constant dense<[[1.0, 2.0], [4.0, 0x7FC00000]]> : tensor<2x2xf32>
  %i = arith.constant dense<-1> : tensor<i64>
  %y = nn.gather %x, %i axis 0 : tensor<2x2xf32>, tensor<i64>
  %want = arith.constant dense<[4.0, 0x7FC00000]> : tensor<2xf32>
  check.close %y, %want within 0.0 : tensor<2xf32>
  return
}

// x[1, 0], x[0, -1].
func.func @gather_nd() {
  %x = arith.constant dense<[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x3x4xi64>
  %i = arith.constant dense<[[1, 0], [0, -1]]> : tensor<2x2xi64>
  %y = nn.gather_nd %x, %i : tensor<2x3x4xi64>, tensor<2x2xi64>
  %want = arith.constant dense<[[12, 13, 14, 15], [8, 9, 10, 11]]> : tensor<2x4xi64>
  check.close %y, %want within 0.0 : tensor<2x4xi64>
  return
}

// Row b of the indices looks into x[b].
func.func @gather_nd_batch() {
  %x = arith.constant dense<[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]]> : tensor<2x3x4xi64>
  %i = arith.constant dense<[[[2], [1]], [[0], [-1]]]> : tensor<2x2x1xi64>
  %y = nn.gather_nd %x, %i batch_dims 1 : tensor<2x3x4xi64>, tensor<2x2x1xi64>
  %want = arith.constant dense<[[[8, 9, 10, 11], [4, 5, 6, 7]], [[12, 13, 14, 15], [20, 21, 22, 23]]]> : tensor<2x2x4xi64>
  check.close %y, %want within 0.0 : tensor<2x2x4xi64>
  return
}

// take_along_axis(axis=1); the other axis is as long as the indices.
func.func @gather_elements() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %i = arith.constant dense<[[0, -1], [1, 0], [-1, 2]]> : tensor<3x2xi64>
  %y = nn.gather_elements %x, %i axis 1 : tensor<3x4xi64>, tensor<3x2xi64>
  %want = arith.constant dense<[[1, 4], [6, 5], [12, 11]]> : tensor<3x2xi64>
  check.close %y, %want within 0.0 : tensor<3x2xi64>
  return
}

// ONNX allows fewer rows of indices than of the input.
func.func @gather_elements_fewer() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %i = arith.constant dense<[[0, -1]]> : tensor<1x2xi64>
  %y = nn.gather_elements %x, %i axis 1 : tensor<3x4xi64>, tensor<1x2xi64>
  %want = arith.constant dense<[[1, 4]]> : tensor<1x2xi64>
  check.close %y, %want within 0.0 : tensor<1x2xi64>
  return
}

// x[2], x[-3] = updates.
func.func @scatter_nd_rows() {
  %x = arith.constant dense<[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]> : tensor<3x2xf32>
  %i = arith.constant dense<[[2], [-3]]> : tensor<2x1xi64>
  %u = arith.constant dense<[[5.0, 6.0], [7.0, 0x7FC00000]]> : tensor<2x2xf32>
  %y = nn.scatter_nd %x, %i, %u : tensor<3x2xf32>, tensor<2x1xi64>, tensor<2x2xf32>
  %want = arith.constant dense<[[7.0, 0x7FC00000], [0.0, 0.0], [5.0, 6.0]]> : tensor<3x2xf32>
  check.close %y, %want within 0.0 : tensor<3x2xf32>
  return
}

// x[0, 1], x[2, -1] = updates.
func.func @scatter_nd_elements() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi64>
  %i = arith.constant dense<[[0, 1], [2, -1]]> : tensor<2x2xi64>
  %u = arith.constant dense<[-1, -2]> : tensor<2xi64>
  %y = nn.scatter_nd %x, %i, %u : tensor<3x4xi64>, tensor<2x2xi64>, tensor<2xi64>
  %want = arith.constant dense<[[1, -1, 3, 4], [5, 6, 7, 8], [9, 10, 11, -2]]> : tensor<3x4xi64>
  check.close %y, %want within 0.0 : tensor<3x4xi64>
  return
}

// Row of the table by id.
func.func @embedding() {
  %i = arith.constant dense<[[1, 0, 1]]> : tensor<1x3xi64>
  %t = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = nn.embedding %i, %t : tensor<1x3xi64>, tensor<2x3xf32>
  %want = arith.constant dense<[[[4.0, 5.0, 6.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]> : tensor<1x3x3xf32>
  check.close %y, %want within 0.0 : tensor<1x3x3xf32>
  return
}
