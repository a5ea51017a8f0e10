// The reductions: each Example of the documentation parses, prints as it was
// written, and has the result type that the function returns.

// RUN: qopt-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @reduce(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4x8xf32>)
func.func @reduce(%x: tensor<?x4x8xf32>) -> (tensor<4xf32>, tensor<?x4x1xf32>) {
  // CHECK: nn.reduce sum, %[[X]] axes [0, 2] : tensor<?x4x8xf32>
  %y = nn.reduce sum, %x axes [0, 2] : tensor<?x4x8xf32>
  // CHECK: nn.reduce mean, %[[X]] axes [2] keep_dims : tensor<?x4x8xf32>
  %z = nn.reduce mean, %x axes [2] keep_dims : tensor<?x4x8xf32>
  return %y, %z : tensor<4xf32>, tensor<?x4x1xf32>
}

// CHECK-LABEL: func @cumsum(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xi64>)
func.func @cumsum(%x: tensor<?x8xi64>) -> (tensor<?x8xi64>, tensor<?x8xi64>) {
  // CHECK: nn.cumsum %[[X]] axis 1 : tensor<?x8xi64>
  %y = nn.cumsum %x axis 1 : tensor<?x8xi64>
  // CHECK: nn.cumsum %[[X]] axis 1 exclusive reverse : tensor<?x8xi64>
  %z = nn.cumsum %x axis 1 exclusive reverse : tensor<?x8xi64>
  return %y, %z : tensor<?x8xi64>, tensor<?x8xi64>
}

// CHECK-LABEL: func @softmax(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @softmax(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.softmax %[[X]] axis 1 : tensor<?x8xf32>
  %y = nn.softmax %x axis 1 : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @cross_entropy(
// CHECK-SAME:    %[[X:.*]]: tensor<?x32xf32>, %[[T:.*]]: tensor<?xi64>)
func.func @cross_entropy(%x: tensor<?x32xf32>, %t: tensor<?xi64>) -> tensor<?xf32> {
  // CHECK: nn.cross_entropy %[[X]], %[[T]] : tensor<?x32xf32>, tensor<?xi64>
  %y = nn.cross_entropy %x, %t : tensor<?x32xf32>, tensor<?xi64>
  return %y : tensor<?xf32>
}

// CHECK-LABEL: func @kl_divergence(
func.func @kl_divergence(%student: tensor<?x32xf32>, %teacher: tensor<?x32xf32>) {
  // CHECK: nn.kl_divergence %{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<?x32xf32>
  %y = nn.kl_divergence %student, %teacher : tensor<?x32xf32>, tensor<?x32xf32>
  return
}
