// A mean of squares that scales another row is not a norm.

// RUN: qopt-opt %s --qopt-raise-rms-norm --verify-diagnostics \
// RUN:   --remarks-filter=qopt.* | FileCheck %s

!x = tensor<2x6xf32>

// CHECK-LABEL: func @other_row(
func.func @other_row(%x: !x, %z: !x) -> !x {
  %eps = arith.constant dense<0.01> : tensor<f32>
  %p = nn.mul %x, %x : !x, !x
  // expected-remark @+1 {{a mean of squares is not used as a norm of its row}}
  %m = nn.reduce mean, %p axes [1] keep_dims : !x
  %e = nn.add %m, %eps : tensor<2x1xf32>, tensor<f32>
  %q = nn.rsqrt %e : tensor<2x1xf32>
  // CHECK-NOT: nn.rms_norm
  %y = nn.mul %q, %z : tensor<2x1xf32>, !x
  return %y : !x
}
