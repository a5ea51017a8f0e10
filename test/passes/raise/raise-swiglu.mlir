// gate * sigmoid(gate) * up, in any order, is one op; without up it is silu.

// RUN: qopt-opt %s --qopt-raise-swiglu | FileCheck %s
// RUN: qopt-opt %s --qopt-raise-swiglu -o %t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12

!x = tensor<?x5xf32>

// CHECK-LABEL: func @gate_first(
// CHECK-SAME:    %[[G:.*]]: tensor<?x5xf32>, %[[U:.*]]: tensor<?x5xf32>)
func.func @gate_first(%g: !x, %u: !x) -> !x {
  %s = nn.sigmoid %g : !x
  %a = nn.mul %g, %s : !x, !x
  // CHECK-NOT: nn.mul
  // CHECK: nn.swiglu %[[G]], %[[U]]
  %y = nn.mul %a, %u : !x, !x
  return %y : !x
}

// CHECK-LABEL: func @sigmoid_last(
// CHECK-SAME:    %[[G:.*]]: tensor<?x5xf32>, %[[U:.*]]: tensor<?x5xf32>)
func.func @sigmoid_last(%g: !x, %u: !x) -> !x {
  %s = nn.sigmoid %g : !x
  %a = nn.mul %u, %g : !x, !x
  // CHECK: nn.swiglu %[[G]], %[[U]]
  %y = nn.mul %s, %a : !x, !x
  return %y : !x
}

// CHECK-LABEL: func @alone(
func.func @alone(%g: !x) -> !x {
  %s = nn.sigmoid %g : !x
  // CHECK: nn.silu
  %y = nn.mul %s, %g : !x, !x
  return %y : !x
}

// The sigmoid of something else gates nothing.
// CHECK-LABEL: func @other_gate(
func.func @other_gate(%g: !x, %u: !x, %z: !x) -> !x {
  %s = nn.sigmoid %z : !x
  %a = nn.mul %g, %s : !x, !x
  // CHECK-NOT: nn.swiglu
  // CHECK-NOT: nn.silu
  %y = nn.mul %a, %u : !x, !x
  return %y : !x
}
