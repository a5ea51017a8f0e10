// RUN: qopt-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @gradient_of_transposed_weight(
// CHECK-SAME:    %[[DY:.*]]: tensor<?x6xf32>, %[[X:.*]]: tensor<?x8xf32>)
// CHECK-NEXT:    %[[T:.*]] = train.linear_weight_grad %[[X]], %[[DY]] : tensor<?x8xf32>, tensor<?x6xf32> -> tensor<8x6xf32>
// CHECK-NEXT:    return %[[T]]
func.func @gradient_of_transposed_weight(%dy: tensor<?x6xf32>, %x: tensor<?x8xf32>) -> tensor<8x6xf32> {
  %dw = train.linear_weight_grad %dy, %x : tensor<?x6xf32>, tensor<?x8xf32> -> tensor<6x8xf32>
  %t = nn.transpose %dw [1, 0] : tensor<6x8xf32>
  return %t : tensor<8x6xf32>
}

// Both are read: nothing is saved.
// CHECK-LABEL: func.func @also_read_as_it_is
// CHECK:         train.linear_weight_grad
// CHECK-NEXT:    nn.transpose
func.func @also_read_as_it_is(%dy: tensor<?x6xf32>, %x: tensor<?x8xf32>) -> (tensor<6x8xf32>, tensor<8x6xf32>) {
  %dw = train.linear_weight_grad %dy, %x : tensor<?x6xf32>, tensor<?x8xf32> -> tensor<6x8xf32>
  %t = nn.transpose %dw [1, 0] : tensor<6x8xf32>
  return %dw, %t : tensor<6x8xf32>, tensor<8x6xf32>
}
