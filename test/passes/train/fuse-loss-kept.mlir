// A bias, logits that something else reads, and logits of no layer stay.
// RUN: qopt-opt %s --qopt-fuse-loss | FileCheck %s
// CHECK-NOT: train.classifier_loss

func.func @bias(%x: tensor<3x4xf32>, %w: tensor<5x4xf32>, %b: tensor<5xf32>, %t: tensor<3xi64>) -> tensor<3xf32> {
  %z = nn.linear %x, %w bias %b : tensor<3x4xf32>, tensor<5x4xf32>, tensor<5xf32> -> tensor<3x5xf32>
  %y = nn.cross_entropy %z, %t : tensor<3x5xf32>, tensor<3xi64>
  return %y : tensor<3xf32>
}

func.func @read_again(%x: tensor<3x4xf32>, %w: tensor<5x4xf32>, %t: tensor<3xi64>) -> (tensor<3xf32>, tensor<3x5xf32>) {
  %z = nn.linear %x, %w : tensor<3x4xf32>, tensor<5x4xf32> -> tensor<3x5xf32>
  %y = nn.cross_entropy %z, %t : tensor<3x5xf32>, tensor<3xi64>
  return %y, %z : tensor<3xf32>, tensor<3x5xf32>
}

func.func @no_layer(%z: tensor<3x5xf32>, %t: tensor<3xi64>) -> tensor<3xf32> {
  %y = nn.cross_entropy %z, %t : tensor<3x5xf32>, tensor<3xi64>
  return %y : tensor<3xf32>
}
