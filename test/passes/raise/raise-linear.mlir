// A bias belongs to its linear layer, rows keep their axes, and the parts of a
// fused layer are named.

// RUN: qopt-opt %s --qopt-raise-linear --canonicalize --cse | FileCheck %s
// RUN: qopt-opt %s --qopt-raise-linear -o %t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!b = tensor<6xf32>
#x = affine_map<()[s0, s1] -> (s0, s1, 4)>

// CHECK-LABEL: func @bias(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x4xf32> {{.*}}, %[[W:.*]]: tensor<6x4xf32>, %[[B:.*]]: tensor<6xf32>)
// CHECK-NEXT:    %[[Y:.*]] = nn.linear %[[X]], %[[W]] bias %[[B]]
// CHECK-NEXT:    return %[[Y]]
func.func @bias(%x: !x {nn.dims = #x}, %w: !w, %b: !b) -> !y
    attributes {nn.symbols = ["batch", "seq"]} {
  %p = nn.linear %x, %w : !x, !w -> !y
  %y = nn.add %b, %p : !b, !y
  return %y : !y
}

// What is also used without the bias stays.
// CHECK-LABEL: func @both_kept(
// CHECK:         nn.linear %{{.*}}, %{{.*}} : tensor<?x?x4xf32>
// CHECK:         nn.add
func.func @both_kept(%x: !x {nn.dims = #x}, %w: !w, %b: !b) -> (!y, !y)
    attributes {nn.symbols = ["batch", "seq"]} {
  %p = nn.linear %x, %w : !x, !w -> !y
  %y = nn.add %p, %b : !y, !b
  return %p, %y : !y, !y
}

// As Gemm wants it: [batch seq, 4].
// CHECK-LABEL: func @flattened(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x4xf32> {{.*}}, %[[W:.*]]: tensor<6x4xf32>, %[[B:.*]]: tensor<6xf32>)
// CHECK:         %[[Y:.*]] = nn.linear %[[X]], %[[W]] bias %[[B]]
// CHECK-NEXT:    return %[[Y]]
func.func @flattened(%x: !x {nn.dims = #x}, %w: !w, %b: !b) -> !y
    attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %x, %c0 : !x
  %T = tensor.dim %x, %c1 : !x
  %n = arith.muli %B, %T : index
  %flat = nn.reshape %x[%n] : !x -> tensor<?x4xf32>
  %p = nn.linear %flat, %w : tensor<?x4xf32>, !w -> tensor<?x6xf32>
  %s = nn.add %p, %b : tensor<?x6xf32>, !b
  %y = nn.reshape %s[%B, %T] : tensor<?x6xf32> -> !y
  return %y : !y
}

// CHECK-LABEL: func @fused(
// CHECK:         nn.linear %{{.*}}, %{{.*}} splits [4, 2] :
func.func @fused(%x: !x {nn.dims = #x}, %w: !w) -> (tensor<?x?x4xf32>, tensor<?x?x2xf32>)
    attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %p = nn.linear %x, %w : !x, !w -> !y
  %a = nn.slice %p axis 2 from %c0 : !y -> tensor<?x?x4xf32>
  %b = nn.slice %p axis 2 from %c4 : !y -> tensor<?x?x2xf32>
  return %a, %b : tensor<?x?x4xf32>, tensor<?x?x2xf32>
}

// Angles: positions times frequencies.
// CHECK-LABEL: func @outer(
// CHECK-NOT:     nn.matmul
// CHECK:         nn.mul
func.func @outer(%f: tensor<2x8x1xf32>, %p: tensor<2x1x3xf32>) -> tensor<2x8x3xf32> {
  %y = nn.matmul %f, %p : tensor<2x8x1xf32>, tensor<2x1x3xf32>
  return %y : tensor<2x8x3xf32>
}
