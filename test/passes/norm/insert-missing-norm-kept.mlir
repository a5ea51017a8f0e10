// Layers that stay as they are, each with its reason.

// RUN: qopt-opt %s --qopt-insert-missing-norm --verify-diagnostics --remarks-filter=qopt.* | FileCheck %s

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @w(#ml_program.extern<!w>) : !w

// A norm without a gain is a norm.
// CHECK-LABEL: func @norm_kept(
func.func @norm_kept(%x: !x) -> !y {
  // CHECK-COUNT-1: nn.rms_norm
  // CHECK-NOT:     nn.rms_norm
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  %w = ml_program.global_load @w : !w
  // expected-remark @+1 {{already has a norm}}
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @activation_as_weight_kept(
func.func @activation_as_weight_kept(%x: !x, %w: !w) -> !y {
  // CHECK-NOT: nn.rms_norm
  // expected-remark @+1 {{weight is not a parameter}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}
