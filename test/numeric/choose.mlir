// RUN: qopt-interpret %s

// The lambda of the layer decides, not that of another; it is clamped.
func.func @by_lambda() {
  %lambda = arith.constant dense<[0.0, 0.5, 1.0, -1.0, 2.0]> : tensor<5xf32>
  %a = arith.constant dense<1.0> : tensor<1xf32>
  %b = arith.constant dense<2.0> : tensor<1xf32>
  %c = arith.constant dense<3.0> : tensor<1xf32>
  %0 = train.choose %lambda at 0 none %a some %b whole %c : tensor<5xf32>, tensor<1xf32>
  %1 = train.choose %lambda at 1 none %a some %b whole %c : tensor<5xf32>, tensor<1xf32>
  %2 = train.choose %lambda at 2 none %a some %b whole %c : tensor<5xf32>, tensor<1xf32>
  %3 = train.choose %lambda at 3 none %a some %b whole %c : tensor<5xf32>, tensor<1xf32>
  %4 = train.choose %lambda at 4 none %a some %b whole %c : tensor<5xf32>, tensor<1xf32>
  %all = nn.concat %0, %1, %2, %3, %4 axis 0 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<5xf32>
  %want = arith.constant dense<[1.0, 2.0, 3.0, 1.0, 3.0]> : tensor<5xf32>
  check.close %all, %want within 0.0 : tensor<5xf32>
  return
}
