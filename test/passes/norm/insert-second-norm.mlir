// Gains move into second norms, one for each layer.

// RUN: qopt-opt %s --qopt-insert-second-norm -o %t
// RUN: FileCheck %s --input-file=%t
// Mean squares of the inputs are near 1.
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=5e-5
// RUN: qopt-opt %s --qopt-insert-second-norm --remarks-filter=qopt.* -o %t 2>&1 | FileCheck %s --check-prefix=REMARK
// REMARK: inserted {{.*}} Remark="a second norm: within eps"

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @g(dense<[1.0, 2.0, 0.5, -1.0]> : !g) : !g
ml_program.global private @wq(#ml_program.extern<!w>) : !w
ml_program.global private @wk(#ml_program.extern<!w>) : !w

// CHECK: @wq.gain(dense<[1.000000e+00, 2.000000e+00, 5.000000e-01, -1.000000e+00]>
// CHECK: @wk.gain(dense<[1.000000e+00, 2.000000e+00, 5.000000e-01, -1.000000e+00]>

// CHECK-LABEL: func @handed_on(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x4xf32>)
func.func @handed_on(%x: !x) -> (!y, !y) {
  %g = ml_program.global_load @g : !g
  // CHECK: %[[N:.*]] = nn.rms_norm %[[X]] eps
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %wq = ml_program.global_load @wq : !w
  // CHECK: %[[GQ:.*]] = ml_program.global_load @wq.gain
  // CHECK: %[[Q:.*]] = nn.rms_norm %[[N]], %[[GQ]]
  // CHECK: nn.linear %[[Q]]
  %q = nn.linear %n, %wq : !x, !w -> !y
  %wk = ml_program.global_load @wk : !w
  // CHECK: %[[GK:.*]] = ml_program.global_load @wk.gain
  // CHECK: %[[K:.*]] = nn.rms_norm %[[N]], %[[GK]]
  // CHECK: nn.linear %[[K]]
  %k = nn.linear %n, %wk : !x, !w -> !y
  return %q, %k : !y, !y
}
