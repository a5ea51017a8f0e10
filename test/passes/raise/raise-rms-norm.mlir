// A mean of squares that scales its row is a norm, however root, division and
// gain are written.

// RUN: qopt-opt %s --qopt-raise-rms-norm --cse | FileCheck %s
// RUN: qopt-opt %s --qopt-raise-rms-norm --cse -o %t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12

!x = tensor<?x?x6xf32>
!r = tensor<?x?x1xf32>
!g = tensor<6xf32>
!s = tensor<f32>

ml_program.global private @g(dense<[1.0, 2.0, 0.5, -1.0, 3.0, 0.25]> : !g) : !g

// CHECK-LABEL: func @pow_sqrt_div(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x6xf32>
func.func @pow_sqrt_div(%x: !x {nn.dims = affine_map<()[s0, s1] -> (s0, s1, 6)>})
    -> !x attributes {nn.symbols = ["batch", "seq"]} {
  %g = ml_program.global_load @g : !g
  %two = arith.constant dense<2.0> : !s
  %one = arith.constant dense<1.0> : !s
  %eps = arith.constant dense<0.01> : !s
  %p = nn.pow %x, %two : !x, !s
  %m = nn.reduce mean, %p axes [2] keep_dims : !x
  %e = nn.add %m, %eps : !r, !s
  %q = nn.sqrt %e : !r
  %d = nn.div %one, %q : !s, !r
  %n = nn.mul %x, %d : !x, !r
  // CHECK: %[[G:.*]] = ml_program.global_load
  // CHECK: %[[Y:.*]] = nn.rms_norm %[[X]], %[[G]] eps
  // CHECK: return %[[Y]]
  %y = nn.mul %g, %n : !g, !x
  return %y : !x
}

// CHECK-LABEL: func @square_rsqrt_no_gain(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x6xf32>
func.func @square_rsqrt_no_gain(%x: !x {nn.dims = affine_map<()[s0, s1] -> (s0, s1, 6)>})
    -> !x attributes {nn.symbols = ["batch", "seq"]} {
  %eps = arith.constant dense<0.01> : !s
  %p = nn.mul %x, %x : !x, !x
  %m = nn.reduce mean, %p axes [2] keep_dims : !x
  %e = nn.add %eps, %m : !s, !r
  %q = nn.rsqrt %e : !r
  // CHECK: %[[Y:.*]] = nn.rms_norm %[[X]] eps
  // CHECK: return %[[Y]]
  %y = nn.mul %q, %x : !r, !x
  return %y : !x
}
