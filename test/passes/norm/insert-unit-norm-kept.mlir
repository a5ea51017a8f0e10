// Layers that stay as they are, each with its reason.

// RUN: qopt-opt %s --qopt-insert-unit-norm --verify-diagnostics --remarks-filter=qopt.* | FileCheck %s

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @w(#ml_program.extern<!w>) : !w

// CHECK-LABEL: func @no_norm_kept(
func.func @no_norm_kept(%x: !x) -> !y {
  // CHECK-NOT: nn.rms_norm
  %w = ml_program.global_load @w : !w
  // expected-remark @+1 {{there is no norm to stand behind}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @two_norms_kept(
func.func @two_norms_kept(%x: !x) -> !y {
  // CHECK-COUNT-2: nn.rms_norm
  // CHECK-NOT:     nn.rms_norm
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  %m = nn.rms_norm %n eps 1.0e-6 : !x
  %w = ml_program.global_load @w : !w
  // expected-remark @+1 {{already has a second norm}}
  %y = nn.linear %m, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @activation_as_weight_kept(
func.func @activation_as_weight_kept(%x: !x, %w: !w) -> !y {
  // CHECK-NOT: nn.rms_norm
  // expected-remark @+1 {{weight is not a parameter}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}
