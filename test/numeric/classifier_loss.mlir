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
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<3xf64>, tensor<3x2xf64>, tensor<4x2xf64>, tensor<3xi64> -> tensor<4x2xf64>
  %wantx = arith.constant dense<[[0.39327846969205316, -1.2530860021908607], [0.0, 0.0], [-0.17836550138354879, -3.847172472160844]]> : tensor<3x2xf64>
  %wantw = arith.constant dense<[[-0.427517978166612, -0.3520232143644758], [-1.306627272708223, -0.13096046205889245], [1.5317018630427919, -0.1415125820246359], [0.20244338783204335, 0.624496258448004]]> : tensor<4x2xf64>
  %wanty = arith.constant dense<[3.5291602507552104, 1.9000664802038763, 1.4116155121586653]> : tensor<3xf64>
  check.close %y, %wanty within 1.0e-12 : tensor<3xf64>
  check.close %dx, %wantx within 1.0e-12 : tensor<3x2xf64>
  check.close %dw, %wantw within 1.0e-12 : tensor<4x2xf64>
  return
}

// A teacher of three channels has a say.
func.func @taught() {
  %dy = arith.constant dense<[0.5, 0.0, -2.0]> : tensor<3xf64>
  %x = arith.constant dense<[[-0.802, -1.324], [-0.248, 0.42], [1.136, 0.11]]> : tensor<3x2xf64>
  %w = arith.constant dense<[[-0.553, -0.785], [0.749, 1.635], [0.273, -1.233], [-0.958, 1.6]]> : tensor<4x2xf64>
  %t = arith.constant dense<[3, 0, 2]> : tensor<3xi64>
  %u = arith.constant dense<[[0.31, -0.77, 1.2], [0.05, 0.64, -0.9], [-1.1, 0.2, 0.4]]> : tensor<3x3xf64>
  %tw = arith.constant dense<[[0.5, -0.2, 0.9], [-0.7, 0.3, 0.1], [0.8, 1.1, -0.6], [0.2, -0.4, 0.7]]> : tensor<4x3xf64>
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 2.0 ce 0.25
       : tensor<3x2xf64>, tensor<4x2xf64>, tensor<3xi64> teacher tensor<3x3xf64>, tensor<4x3xf64> -> tensor<3xf64>
  %again, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 2.0 ce 0.25
       : tensor<3xf64>, tensor<3x2xf64>, tensor<4x2xf64>, tensor<3xi64> teacher tensor<3x3xf64>, tensor<4x3xf64> -> tensor<4x2xf64>
  %want = arith.constant dense<[3.2065917490506974, 2.3925567553634295, 0.6791496643772545]> : tensor<3xf64>
  %wantx = arith.constant dense<[[0.503747727961054, -1.5864361183449056], [0.0, 0.0], [-1.0376673031732506, 0.08120819013414218]]> : tensor<3x2xf64>
  %wantw = arith.constant dense<[[0.2135431303270747, -0.07971361250636831], [-0.49647973094969233, 0.04943513803974187], [-0.6675790424702832, -0.6768539096167779], [0.9505156430929007, 0.7071323840834042]]> : tensor<4x2xf64>
  check.close %y, %want within 1.0e-12 : tensor<3xf64>
  check.close %again, %want within 1.0e-12 : tensor<3xf64>
  check.close %dx, %wantx within 1.0e-12 : tensor<3x2xf64>
  check.close %dw, %wantw within 1.0e-12 : tensor<4x2xf64>
  return
}

// From a teacher that says the same there is nothing to learn.
func.func @alike() {
  %dy = arith.constant dense<1.0> : tensor<3xf64>
  %zero = arith.constant dense<0.0> : tensor<3xf64>
  %zeros = arith.constant dense<0.0> : tensor<3x2xf64>
  %x = arith.constant dense<[[-0.802, -1.324], [-0.248, 0.42], [1.136, 0.11]]> : tensor<3x2xf64>
  %w = arith.constant dense<[[-0.553, -0.785], [0.749, 1.635], [0.273, -1.233], [-0.958, 1.6]]> : tensor<4x2xf64>
  %t = arith.constant dense<[3, 0, 2]> : tensor<3xi64>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %x, %w kl 2.0 ce 0.0
       : tensor<3xf64>, tensor<3x2xf64>, tensor<4x2xf64>, tensor<3xi64> teacher tensor<3x2xf64>, tensor<4x2xf64>
  check.close %y, %zero within 0.0 : tensor<3xf64>
  check.close %dx, %zeros within 0.0 : tensor<3x2xf64>
  return
}
