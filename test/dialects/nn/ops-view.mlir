// The ops that move elements: each Example of the documentation parses, prints
// as it was written, and has the result type that the function returns.

// RUN: qopt-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @reshape(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[N:.*]]: index)
func.func @reshape(%x: tensor<?x8xf32>, %n: index) -> tensor<?x2x4xf32> {
  // CHECK: nn.reshape %[[X]]{{\[}}%[[N]]] : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %y = nn.reshape %x [%n] : tensor<?x8xf32> -> tensor<?x2x4xf32>
  return %y : tensor<?x2x4xf32>
}

// CHECK-LABEL: func @broadcast(
// CHECK-SAME:    %[[X:.*]]: tensor<1x8xf32>, %[[N:.*]]: index)
func.func @broadcast(%x: tensor<1x8xf32>, %n: index) -> tensor<4x?x8xf32> {
  // CHECK: nn.broadcast %[[X]]{{\[}}%[[N]]] : tensor<1x8xf32> -> tensor<4x?x8xf32>
  %y = nn.broadcast %x [%n] : tensor<1x8xf32> -> tensor<4x?x8xf32>
  return %y : tensor<4x?x8xf32>
}

// CHECK-LABEL: func @transpose(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4x8xf32>)
func.func @transpose(%x: tensor<?x4x8xf32>) -> tensor<?x8x4xf32> {
  // CHECK: nn.transpose %[[X]] [0, 2, 1] : tensor<?x4x8xf32>
  %y = nn.transpose %x [0, 2, 1] : tensor<?x4x8xf32>
  return %y : tensor<?x8x4xf32>
}

// CHECK-LABEL: func @slice(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[I:.*]]: index, %[[N:.*]]: index)
func.func @slice(%x: tensor<?x8xf32>, %i: index, %n: index) -> (tensor<?x4xf32>, tensor<?x8xf32>) {
  // CHECK: nn.slice %[[X]] axis 1 from %[[I]] : tensor<?x8xf32> -> tensor<?x4xf32>
  %y = nn.slice %x axis 1 from %i : tensor<?x8xf32> -> tensor<?x4xf32>
  // CHECK: nn.slice %[[X]] axis 0 from %[[I]] size %[[N]] step 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  %z = nn.slice %x axis 0 from %i size %n step 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y, %z : tensor<?x4xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func @concat(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<1x8xf32>)
func.func @concat(%x: tensor<?x8xf32>, %y: tensor<1x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.concat %[[X]], %[[Y]] axis 0 : tensor<?x8xf32>, tensor<1x8xf32> -> tensor<?x8xf32>
  %z = nn.concat %x, %y axis 0 : tensor<?x8xf32>, tensor<1x8xf32> -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @triangle(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8x8xf32>, %[[K:.*]]: index)
func.func @triangle(%x: tensor<?x8x8xf32>, %k: index) -> (tensor<?x8x8xf32>, tensor<?x8x8xf32>) {
  // CHECK: nn.triangle %[[X]] : tensor<?x8x8xf32>
  %y = nn.triangle %x : tensor<?x8x8xf32>
  // CHECK: nn.triangle upper %[[X]] diagonal %[[K]] : tensor<?x8x8xf32>
  %z = nn.triangle upper %x diagonal %k : tensor<?x8x8xf32>
  return %y, %z : tensor<?x8x8xf32>, tensor<?x8x8xf32>
}

// CHECK-LABEL: func @gather(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[I:.*]]: tensor<2x?xi64>)
func.func @gather(%x: tensor<?x8xf32>, %i: tensor<2x?xi64>) -> tensor<2x?x8xf32> {
  // CHECK: nn.gather %[[X]], %[[I]] axis 0 : tensor<?x8xf32>, tensor<2x?xi64>
  %y = nn.gather %x, %i axis 0 : tensor<?x8xf32>, tensor<2x?xi64>
  return %y : tensor<2x?x8xf32>
}

// CHECK-LABEL: func @gather_nd(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4x8xf32>, %[[I:.*]]: tensor<3x2xi64>, %[[J:.*]]: tensor<?x3x1xi64>)
func.func @gather_nd(%x: tensor<?x4x8xf32>, %i: tensor<3x2xi64>, %j: tensor<?x3x1xi64>) -> (tensor<3x8xf32>, tensor<?x3x8xf32>) {
  // CHECK: nn.gather_nd %[[X]], %[[I]] : tensor<?x4x8xf32>, tensor<3x2xi64>
  %y = nn.gather_nd %x, %i : tensor<?x4x8xf32>, tensor<3x2xi64>
  // CHECK: nn.gather_nd %[[X]], %[[J]] batch_dims 1 : tensor<?x4x8xf32>, tensor<?x3x1xi64>
  %z = nn.gather_nd %x, %j batch_dims 1 : tensor<?x4x8xf32>, tensor<?x3x1xi64>
  return %y, %z : tensor<3x8xf32>, tensor<?x3x8xf32>
}

// CHECK-LABEL: func @gather_elements(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[I:.*]]: tensor<?x2xi64>)
func.func @gather_elements(%x: tensor<?x8xf32>, %i: tensor<?x2xi64>) -> tensor<?x2xf32> {
  // CHECK: nn.gather_elements %[[X]], %[[I]] axis 1 : tensor<?x8xf32>, tensor<?x2xi64>
  %y = nn.gather_elements %x, %i axis 1 : tensor<?x8xf32>, tensor<?x2xi64>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: func @scatter_nd(
// CHECK-SAME:    %[[X:.*]]: tensor<4x8xf32>, %[[I:.*]]: tensor<?x1xi64>, %[[U:.*]]: tensor<?x8xf32>)
func.func @scatter_nd(%x: tensor<4x8xf32>, %i: tensor<?x1xi64>, %u: tensor<?x8xf32>) -> tensor<4x8xf32> {
  // CHECK: nn.scatter_nd %[[X]], %[[I]], %[[U]] : tensor<4x8xf32>, tensor<?x1xi64>, tensor<?x8xf32>
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<?x1xi64>, tensor<?x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @iota(
// CHECK-SAME:    %[[N:.*]]: index)
func.func @iota(%n: index) -> (tensor<8xi64>, tensor<?xf32>) {
  // CHECK: nn.iota : tensor<8xi64>
  %y = nn.iota : tensor<8xi64>
  // CHECK: nn.iota %[[N]] : tensor<?xf32>
  %z = nn.iota %n : tensor<?xf32>
  return %y, %z : tensor<8xi64>, tensor<?xf32>
}

// CHECK-LABEL: func @from_index(
// CHECK-SAME:    %[[N:.*]]: index)
func.func @from_index(%n: index) -> tensor<i64> {
  // CHECK: nn.from_index %[[N]] : tensor<i64>
  %y = nn.from_index %n : tensor<i64>
  return %y : tensor<i64>
}
