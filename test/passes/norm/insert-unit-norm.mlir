// A second norm with gain 1 stands behind the one that is there.

// RUN: qopt-opt %s --qopt-insert-unit-norm -o %t
// RUN: FileCheck %s --input-file=%t
// What it promises, spelled out; it is not what was computed before.
// RUN: sed -e "s|// ; ||" -e "s/nn.linear %%n/nn.linear %%m/" %s > %t.meant
// RUN: qopt-interpret %t.meant --compare=%t --tolerance=0
// RUN: not qopt-interpret %s --compare=%t --tolerance=0.01

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @g(dense<[1.0, 2.0, 0.5, -1.0]> : !g) : !g
ml_program.global private @w(#ml_program.extern<!w>) : !w

// CHECK: @w.gain(dense<1.000000e+00>

// CHECK-LABEL: func @second(
func.func @second(%x: !x) -> !y {
  %g = ml_program.global_load @g : !g
  // CHECK: %[[N:.*]] = nn.rms_norm %{{.*}}, %g
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %w = ml_program.global_load @w : !w
  // CHECK: %[[M:.*]] = nn.rms_norm %[[N]], %
  // CHECK: nn.linear %[[M]]
  // ; %m = nn.rms_norm %n eps 1.0e-6 : !x
  %y = nn.linear %n, %w : !x, !w -> !y
  return %y : !y
}
