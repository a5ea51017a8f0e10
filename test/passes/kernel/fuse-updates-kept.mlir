// Updates that are not alike, or cannot be at one time, keep launches of their
// own.

// RUN: qopt-opt %s --qopt-outline-kernels --qopt-fuse-updates -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

!v = tensor<8xf32>
!n = tensor<f32>
ml_program.global private mutable @x(dense<2.0> : !v) : !v
ml_program.global private mutable @y(dense<3.0> : !v) : !v

// CHECK-NOT: _all

// Another rate.
// CHECK-LABEL: func.func @other_number(
// CHECK-COUNT-2: kernel.launch @sgd_0(
func.func @other_number(%p: !v, %g: !v, %m: !v, %q: !v, %h: !v, %n: !v, %lr: !n, %other: !n, %mu: !n, %s: !n) -> (!v, !v, !v, !v) {
  %p1, %m1 = train.sgd %p, %g, %m lr %lr momentum %mu scale %s : !v, !v
  %q1, %n1 = train.sgd %q, %h, %n lr %other momentum %mu scale %s : !v, !v
  return %p1, %m1, %q1, %n1 : !v, !v, !v, !v
}

// The second one takes a gradient that the first one leads to.
// CHECK-LABEL: func.func @one_behind_the_other(
// CHECK-COUNT-2: kernel.launch @sgd_0(
func.func @one_behind_the_other(%p: !v, %g: !v, %m: !v, %q: !v, %n: !v, %lr: !n, %mu: !n, %s: !n) -> (!v, !v, !v, !v) {
  %p1, %m1 = train.sgd %p, %g, %m lr %lr momentum %mu scale %s : !v, !v
  %q1, %n1 = train.sgd %q, %p1, %n lr %lr momentum %mu scale %s : !v, !v
  return %p1, %m1, %q1, %n1 : !v, !v, !v, !v
}

// What the second one overwrites is read before it.
// CHECK-LABEL: func.func @read_in_between(
// CHECK:         kernel.launch @sgd_0(
// CHECK:         kernel.launch @exp
// CHECK:         kernel.launch @sgd_0(
func.func @read_in_between(%g: !v, %m: !v, %h: !v, %n: !v, %lr: !n, %mu: !n, %s: !n) -> (!v, !v, !v) {
  %p = ml_program.global_load @x : !v
  %p1, %m1 = train.sgd %p, %g, %m lr %lr momentum %mu scale %s : !v, !v
  ml_program.global_store @x = %p1 : !v
  %q = ml_program.global_load @y : !v
  %z = nn.exp %q : !v
  %q1, %n1 = train.sgd %q, %h, %n lr %lr momentum %mu scale %s : !v, !v
  ml_program.global_store @y = %q1 : !v
  return %m1, %n1, %z : !v, !v, !v
}

// It reads what has been stored before.
// CHECK-LABEL: func.func @stored_in_between(
// CHECK:         kernel.launch @sgd_0(
// CHECK:         ml_program.global_store @y
// CHECK:         kernel.launch @sgd_0(
func.func @stored_in_between(%p: !v, %g: !v, %m: !v, %h: !v, %n: !v, %lr: !n, %mu: !n, %s: !n) -> (!v, !v, !v) {
  %p1, %m1 = train.sgd %p, %g, %m lr %lr momentum %mu scale %s : !v, !v
  ml_program.global_store @y = %p1 : !v
  %q = ml_program.global_load @y : !v
  %q1, %n1 = train.sgd %q, %h, %n lr %lr momentum %mu scale %s : !v, !v
  return %q1, %m1, %n1 : !v, !v, !v
}
