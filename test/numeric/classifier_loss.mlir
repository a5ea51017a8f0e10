// A classifier with its loss, against values that NumPy computes.

// RUN: qopt-interpret %s

func.func @loss() {
  %x = arith.constant dense<[[-0.802, -1.324], [-0.248, 0.42], [1.136, 0.11]]> : tensor<3x2xf64>
  %w = arith.constant dense<[[-0.553, -0.785], [0.749, 1.635], [0.273, -1.233], [-0.958, 1.6]]> : tensor<4x2xf64>
  %t = arith.constant dense<[3, 0, 2]> : tensor<3xi64>
  %y = train.classifier_loss %x, %w targets %t : tensor<3x2xf64>, tensor<4x2xf64>, tensor<3xi64> -> tensor<3xf64>
  %want = arith.constant dense<[3.5291602507552104, 1.9000664802038763, 1.4116155121586653]> : tensor<3xf64>
  check.close %y, %want within 1.0e-12 : tensor<3xf64>
  return
}

// A row whose dy is 0 does not count.
func.func @gradient() {
  %dy = arith.constant dense<[0.5, 0.0, -2.0]> : tensor<3xf64>
  %x = arith.constant dense<[[-0.802, -1.324], [-0.248, 0.42], [1.136, 0.11]]> : tensor<3x2xf64>
  %w = arith.constant dense<[[-0.553, -0.785], [0.749, 1.635], [0.273, -1.233], [-0.958, 1.6]]> : tensor<4x2xf64>
  %t = arith.constant dense<[3, 0, 2]> : tensor<3xi64>
  %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<3xf64>, tensor<3x2xf64>, tensor<4x2xf64>, tensor<3xi64>
  %wantx = arith.constant dense<[[0.39327846969205316, -1.2530860021908607], [0.0, 0.0], [-0.17836550138354879, -3.847172472160844]]> : tensor<3x2xf64>
  %wantw = arith.constant dense<[[-0.427517978166612, -0.3520232143644758], [-1.306627272708223, -0.13096046205889245], [1.5317018630427919, -0.1415125820246359], [0.20244338783204335, 0.624496258448004]]> : tensor<4x2xf64>
  check.close %dx, %wantx within 1.0e-12 : tensor<3x2xf64>
  check.close %dw, %wantw within 1.0e-12 : tensor<4x2xf64>
  return
}
