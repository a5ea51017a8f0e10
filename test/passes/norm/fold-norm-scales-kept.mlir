// Gains that must stay, each with the reader that needs it.

// RUN: qopt-opt %s --qopt-fold-norm-scales --verify-diagnostics --remarks-filter="qopt.*" | FileCheck %s
// Codes change where that is asked for, and only there.
// RUN: qopt-opt %s --qopt-fold-norm-scales=force-ternary | FileCheck %s --check-prefix=FORCED

!x = tensor<?x4xf32>
!y = tensor<?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @g(#ml_program.extern<!g>) : !g
ml_program.global private @w(#ml_program.extern<!w>) : !w
ml_program.global private @table(#ml_program.extern<!w>) : !w

// CHECK-LABEL: func @other_reader_kept(
func.func @other_reader_kept(%x: !x) -> (!y, !x) {
  %g = ml_program.global_load @g : !g
  // CHECK: nn.rms_norm %{{.*}}, %g
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %w = ml_program.global_load @w : !w
  %y = nn.linear %n, %w : !x, !w -> !y
  // expected-remark @+1 {{a reader is no linear layer on numbers}}
  %z = nn.silu %n : !x
  return %y, %z : !y, !x
}

// CHECK-LABEL: func @activation_kept(
func.func @activation_kept(%x: !x, %w: !w) -> !y {
  %g = ml_program.global_load @g : !g
  // CHECK: nn.rms_norm %{{.*}}, %g
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  // expected-remark @+1 {{a reader's weight is not a parameter}}
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @computed_gain_kept(
func.func @computed_gain_kept(%x: !x, %g: !g) -> !y {
  // CHECK: nn.rms_norm %{{.*}}, %
  // expected-remark @+1 {{its gain is not a parameter}}
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %w = ml_program.global_load @w : !w
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @unread_kept(
func.func @unread_kept(%x: !x) {
  %g = ml_program.global_load @g : !g
  // expected-remark @+1 {{nothing reads it}}
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  return
}

// CHECK-LABEL: func @tied_kept(
func.func @tied_kept(%ids: tensor<?xi64>) -> !y {
  %g = ml_program.global_load @g : !g
  %t = ml_program.global_load @table : !w
  %x = nn.embedding %ids, %t : tensor<?xi64>, !w
  // CHECK: nn.rms_norm %{{.*}}, %g
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  // expected-remark @+1 {{a reader shares its table with the embedding: untie it first}}
  %y = nn.linear %n, %t : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @ternary_kept(
// FORCED-LABEL: func @ternary_kept(
func.func @ternary_kept(%x: !x) -> !y {
  %g = ml_program.global_load @g : !g
  // CHECK: nn.rms_norm %{{.*}}, %g
  // FORCED: nn.rms_norm %{{.*}} eps
  // FORCED: %[[W:.*]] = nn.mul %w, %g
  // FORCED: lowbit.fake_quantize %[[W]]
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %w = ml_program.global_load @w : !w
  %q = lowbit.fake_quantize %w scheme <ternary, bits = 2, per = tensor> : !w
  // expected-remark @+1 {{a reader's weight is rounded to codes, which the gain would change}}
  %y = nn.linear %n, %q : !x, !w -> !y
  return %y : !y
}
