// A layer without a norm gets one with gain 1.

// RUN: qopt-opt %s --qopt-insert-missing-norm="eps=1.0e-5" -o %t
// RUN: FileCheck %s --input-file=%t
// What it promises, spelled out; it is not what was computed before.
// RUN: sed -e "s|// ; ||" -e "s/nn.linear %%x/nn.linear %%n/" %s > %t.meant
// RUN: qopt-interpret %t.meant --compare=%t --tolerance=0
// RUN: not qopt-interpret %s --compare=%t --tolerance=0.01
// RUN: qopt-opt %s --qopt-insert-missing-norm --remarks-filter=qopt.* -o %t 2>&1 | FileCheck %s --check-prefix=REMARK
// REMARK: inserted {{.*}} Remark="changes the result until trained"

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @w(#ml_program.extern<!w>) : !w

// CHECK: @w.gain(dense<1.000000e+00> : tensor<4xf32>) : tensor<4xf32> {nn.role = #nn.role<norm>}

// CHECK-LABEL: func @missing(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x4xf32>)
func.func @missing(%x: !x) -> !y {
  %w = ml_program.global_load @w : !w
  // CHECK: %[[G:.*]] = ml_program.global_load @w.gain
  // CHECK: %[[N:.*]] = nn.rms_norm %[[X]], %[[G]]
  // CHECK: nn.linear %[[N]]
  // ; %n = nn.rms_norm %x eps 1.0e-5 : !x
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}
