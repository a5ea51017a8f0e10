// How far a student is from its teacher; nothing where they agree.

// RUN: qopt-interpret %s

func.func @kl_divergence() {
  %x = arith.constant dense<[[-0.051, -0.283, 1.643], [-1.283, -0.586, -0.473]]> : tensor<2x3xf64>
  %z = arith.constant dense<[[0.586, -0.664, -0.613], [-1.283, -0.586, -0.473]]> : tensor<2x3xf64>
  %y = nn.kl_divergence %x, %z : tensor<2x3xf64>, tensor<2x3xf64>
  %want = arith.constant dense<[0.7834099075405845, 0.0]> : tensor<2xf64>
  check.close %y, %want within 1.0e-12 : tensor<2xf64>
  return
}
