// What is no bias, no outer product and no part of a fused layer stays as it is.

// RUN: qopt-opt %s --qopt-raise-linear | FileCheck %s

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
#x = affine_map<()[s0, s1] -> (s0, s1, 4)>

// One number for each row is no bias of the features.
// CHECK-LABEL: func @number_of_a_row_kept(
// CHECK:         nn.linear %{{.*}}, %{{.*}} : tensor<?x?x4xf32>
// CHECK-NEXT:    nn.add
func.func @number_of_a_row_kept(%x: !x {nn.dims = #x}, %w: !w, %n: tensor<1xf32>) -> !y
    attributes {nn.symbols = ["batch", "seq"]} {
  %p = nn.linear %x, %w : !x, !w -> !y
  %y = nn.add %p, %n : !y, tensor<1xf32>
  return %y : !y
}

// A second sum after a bias is not the bias.
// CHECK-LABEL: func @second_bias_kept(
// CHECK:         nn.linear %{{.*}}, %{{.*}} bias %{{.*}}
// CHECK-NEXT:    nn.add
func.func @second_bias_kept(%x: !x {nn.dims = #x}, %w: !w, %b: tensor<6xf32>, %c: tensor<6xf32>) -> !y
    attributes {nn.symbols = ["batch", "seq"]} {
  %p = nn.linear %x, %w bias %b : !x, !w, tensor<6xf32> -> !y
  %y = nn.add %p, %c : !y, tensor<6xf32>
  return %y : !y
}

// Slices that overlap are no parts.
// CHECK-LABEL: func @overlapping_slices_kept(
// CHECK:         nn.linear
// CHECK-NOT:     splits
// CHECK:         return
func.func @overlapping_slices_kept(%x: !x {nn.dims = #x}, %w: !w) -> (tensor<?x?x4xf32>, tensor<?x?x3xf32>)
    attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %p = nn.linear %x, %w : !x, !w -> !y
  %a = nn.slice %p axis 2 from %c0 : !y -> tensor<?x?x4xf32>
  %b = nn.slice %p axis 2 from %c3 : !y -> tensor<?x?x3xf32>
  return %a, %b : tensor<?x?x4xf32>, tensor<?x?x3xf32>
}

// A product over more than one element is a product of matrices.
// CHECK-LABEL: func @product_kept(
// CHECK:         nn.matmul
func.func @product_kept(%a: tensor<3x2xf32>, %b: tensor<2x4xf32>) -> tensor<3x4xf32> {
  %y = nn.matmul %a, %b : tensor<3x2xf32>, tensor<2x4xf32>
  return %y : tensor<3x4xf32>
}

// One number for all is no bias: it has no axis of features.
// CHECK-LABEL: func @number_kept(
// CHECK:         nn.linear %{{.*}}, %{{.*}} : tensor<?x?x4xf32>
// CHECK-NEXT:    nn.add
func.func @number_kept(%x: !x {nn.dims = #x}, %w: !w, %n: tensor<f32>) -> !y
    attributes {nn.symbols = ["batch", "seq"]} {
  %p = nn.linear %x, %w : !x, !w -> !y
  %y = nn.add %p, %n : !y, tensor<f32>
  return %y : !y
}
