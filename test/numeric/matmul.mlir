// Products of activations. Expected values are NumPy's matmul in f64.

// RUN: qopt-interpret %s

// [2, 3] x [3, 4]
func.func @matmul() {
  %a = arith.constant dense<[[1.82, -0.05, 0.09], [-1.49, 1.65, 0.92]]> : tensor<2x3xf64>
  %b = arith.constant dense<[[1.07, 0.05, 0.92, 0.37], [0.61, -0.15, -1.47, 1.03], [-1.93, -0.24, -0.2, -1.04]]> : tensor<3x4xf64>
  %y = nn.matmul %a, %b : tensor<2x3xf64>, tensor<3x4xf64>
  %want = arith.constant dense<[[1.7432000000000003, 0.07690000000000002, 1.7299, 0.5283], [-2.3634, -0.5428, -3.9803, 0.19139999999999982]]> : tensor<2x4xf64>
  check.close %y, %want within 1.0e-14 : tensor<2x4xf64>
  return
}

// Both as they are stored the other way round.
func.func @matmul_transposed() {
  %a = arith.constant dense<[[1.82, -1.49], [-0.05, 1.65], [0.09, 0.92]]> : tensor<3x2xf64>
  %b = arith.constant dense<[[1.07, 0.61, -1.93], [0.05, -0.15, -0.24], [0.92, -1.47, -0.2], [0.37, 1.03, -1.04]]> : tensor<4x3xf64>
  %y = nn.matmul %a transposed, %b transposed : tensor<3x2xf64>, tensor<4x3xf64>
  %want = arith.constant dense<[[1.7432000000000003, 0.07690000000000002, 1.7299, 0.5283], [-2.3634, -0.5428, -3.9803, 0.19139999999999982]]> : tensor<2x4xf64>
  check.close %y, %want within 1.0e-14 : tensor<2x4xf64>
  return
}

// [2, 1, 2, 3] x [2, 3, 1]: batches broadcast to [2, 2].
func.func @matmul_batches() {
  %a = arith.constant dense<[[[[0.61, -0.2, -0.44], [0.52, -0.48, 1.39]]], [[[0.35, -0.47, -1.94], [-1.31, 1.09, -0.05]]]]> : tensor<2x1x2x3xf64>
  %b = arith.constant dense<[[[-0.28], [1.64], [-1.28]], [[-0.59], [-0.47], [0.59]]]> : tensor<2x3x1xf64>
  %y = nn.matmul %a, %b : tensor<2x1x2x3xf64>, tensor<2x3x1xf64>
  %want = arith.constant dense<[[[[0.0644], [-2.7119999999999997]], [[-0.5255], [0.7388999999999999]]], [[[1.6144], [2.2184000000000004]], [[-1.1301999999999999], [0.2311]]]]> : tensor<2x2x2x1xf64>
  check.close %y, %want within 1.0e-14 : tensor<2x2x2x1xf64>
  return
}
