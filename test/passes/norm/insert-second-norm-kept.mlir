// Norms that keep their gain, each with its reason.

// RUN: qopt-opt %s --qopt-insert-second-norm --verify-diagnostics --remarks-filter=qopt.* | FileCheck %s

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @g(dense<[1.0, 2.0, 0.5, -1.0]> : !g) : !g
ml_program.global private @extern_g(#ml_program.extern<!g>) : !g
ml_program.global private @w(#ml_program.extern<!w>) : !w

// CHECK-LABEL: func @other_reader_kept(
func.func @other_reader_kept(%x: !x) -> (!y, !x) {
  %g = ml_program.global_load @g : !g
  // CHECK: nn.rms_norm %{{.*}}, %g
  // CHECK-NOT: nn.rms_norm
  // expected-remark @+1 {{a reader is no linear layer with a parameter}}
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %w = ml_program.global_load @w : !w
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y, %n : !y, !x
}

// CHECK-LABEL: func @no_gain_kept(
func.func @no_gain_kept(%x: !x) -> !y {
  // CHECK-COUNT-1: nn.rms_norm
  // CHECK-NOT: nn.rms_norm
  // expected-remark @+1 {{it has no gain to hand on}}
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  %w = ml_program.global_load @w : !w
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @gain_without_value_kept(
func.func @gain_without_value_kept(%x: !x) -> !y {
  %g = ml_program.global_load @extern_g : !g
  // CHECK-COUNT-1: nn.rms_norm
  // CHECK-NOT: nn.rms_norm
  // expected-remark @+1 {{gain has no initial value to copy}}
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %w = ml_program.global_load @w : !w
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y : !y
}
