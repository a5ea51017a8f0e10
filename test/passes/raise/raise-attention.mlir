// Two products around a softmax are attention: scales are joined, repeated
// heads are read once, and a triangle with padding becomes flags.

// RUN: qopt-opt %s --qopt-raise | FileCheck %s
// RUN: qopt-opt %s --qopt-raise -o %t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12

!q = tensor<?x4x?x6xf32>
!k = tensor<?x2x?x6xf32>
!s = tensor<?x4x?x?xf32>
#q = affine_map<()[s0, s1] -> (s0, 4, s1, 6)>
#k = affine_map<()[s0, s1] -> (s0, 2, s1, 6)>

// CHECK-LABEL: func @grouped_causal(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x6xf32> {{[^%]*}}, %[[K:[a-z0-9]+]]: tensor<?x2x?x6xf32> {{[^%]*}}, %[[V:[a-z0-9]+]]: tensor<?x2x?x6xf32>
func.func @grouped_causal(%q: !q {nn.dims = #q}, %k: !k {nn.dims = #k}, %v: !k {nn.dims = #k})
    -> !q attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %B = tensor.dim %q, %c0 : !q
  %T = tensor.dim %q, %c2 : !q
  %k5 = nn.reshape %k[%B, %T] : !k -> tensor<?x2x1x?x6xf32>
  %kr = nn.broadcast %k5[%B, %T] : tensor<?x2x1x?x6xf32> -> tensor<?x2x2x?x6xf32>
  %kk = nn.reshape %kr[%B, %T] : tensor<?x2x2x?x6xf32> -> !q
  %v5 = nn.reshape %v[%B, %T] : !k -> tensor<?x2x1x?x6xf32>
  %vr = nn.broadcast %v5[%B, %T] : tensor<?x2x1x?x6xf32> -> tensor<?x2x2x?x6xf32>
  %vv = nn.reshape %vr[%B, %T] : tensor<?x2x2x?x6xf32> -> !q
  %root = arith.constant dense<0.5> : tensor<f32>
  %qs = nn.mul %q, %root : !q, tensor<f32>
  %ks = nn.mul %kk, %root : !q, tensor<f32>
  %s = nn.matmul %qs, %ks transposed : !q, !q
  %i = nn.iota %T : tensor<?xi64>
  %row = nn.reshape %i[%T] : tensor<?xi64> -> tensor<?x1xi64>
  %low = arith.constant dense<-3.0e38> : tensor<f32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %later = nn.compare gt, %i, %row : tensor<?xi64>, tensor<?x1xi64>
  %m = nn.select %later, %low, %zero : tensor<?x?xi1>, tensor<f32>, tensor<f32>
  %a = nn.add %s, %m : !s, tensor<?x?xf32>
  %p = nn.softmax %a axis 3 : !s
  // CHECK-NOT: nn.mul
  // CHECK: nn.attention %[[Q]], %[[K]], %[[V]] causal scale 2.500000e-01
  %y = nn.matmul %p, %vv : !s, !q
  return %y : !q
}

// Every key of the first half of the tokens: a mask, but neither kind.
// CHECK-LABEL: func @other_mask_kept(
func.func @other_mask_kept(%q: !q {nn.dims = #q}, %k: !q {nn.dims = #q}, %v: !q {nn.dims = #q})
    -> !q attributes {nn.symbols = ["batch", "seq"]} {
  %c2 = arith.constant 2 : index
  %T = tensor.dim %q, %c2 : !q
  %s = nn.matmul %q, %k transposed : !q, !q
  %i = nn.iota %T : tensor<?xi64>
  %row = nn.reshape %i[%T] : tensor<?xi64> -> tensor<?x1xi64>
  %two = arith.constant dense<2> : tensor<i64>
  %twice = nn.mul %row, %two : tensor<?x1xi64>, tensor<i64>
  %low = arith.constant dense<-3.0e38> : tensor<f32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %later = nn.compare gt, %i, %twice : tensor<?xi64>, tensor<?x1xi64>
  %m = nn.select %later, %low, %zero : tensor<?x?xi1>, tensor<f32>, tensor<f32>
  %a = nn.add %s, %m : !s, tensor<?x?xf32>
  %p = nn.softmax %a axis 3 : !s
  // CHECK: nn.attention {{.*}} mask %{{.*}} scale 1.0
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}
