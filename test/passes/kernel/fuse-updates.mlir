// Updates that are alike are one launch, where the first of them was: of other
// shapes, with another decay, with codes for states and another stream. Loads of
// their states move up with them. The kernels of one parameter are gone.

// RUN: qopt-opt %s --qopt-outline-weights --qopt-outline-kernels --qopt-fuse-updates --qopt-place-variables --qopt-plan-memory -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0
// As many as the arguments of a launch allow: two updates have 7 pointers each,
// and share 6 numbers and another decay.
// RUN: qopt-opt %s --qopt-outline-kernels --qopt-fuse-updates=arguments=23 | FileCheck %s --check-prefix=FEW

!w = tensor<6x8xf32>
!v = tensor<8xf32>
!n = tensor<f32>
ml_program.global private mutable @w(dense<1.0> : !w) : !w
ml_program.global private mutable @w.m(dense<0.5> : !w) : !w
ml_program.global private mutable @w.v(dense<0.25> : !w) : !w
ml_program.global private mutable @x(dense<2.0> : !v) : !v
ml_program.global private mutable @x.m(dense<0.5> : !v) : !v
ml_program.global private mutable @x.v(dense<0.25> : !v) : !v
ml_program.global private mutable @y(dense<3.0> : !v) : !v
ml_program.global private mutable @y.m(dense<0.5> : !v) : !v
ml_program.global private mutable @y.v(dense<0.25> : !v) : !v

// CHECK-NOT:   kernel.func @adamw_0
// CHECK:       kernel.func @adamw_all dims
// CHECK:         train.adamw {{.*}} : tensor<6x8xf32>, tensor<6x8xf32>
// CHECK:         train.adamw {{.*}} : tensor<8xf32>, tensor<8xf32>
// CHECK:         train.adamw {{.*}} : tensor<8xf32>, tensor<8xf32>
// CHECK-NEXT:    kernel.return
// CHECK-NOT:   kernel.func @adamw_1

// CHECK-LABEL: func.func @step(
// CHECK:         %[[W:.*]] = ml_program.global_load @w :
// CHECK:         %[[X:.*]] = ml_program.global_load @x :
// CHECK:         %[[M:.*]] = ml_program.global_load @w.m
// CHECK:         %[[XM:.*]] = ml_program.global_load @x.m
// CHECK:         %[[ALL:.*]]:9 = kernel.launch @adamw_all(%[[W]], %{{.*}}, %[[M]], %{{.*}}, %[[X]], %{{.*}}, %[[XM]],{{.*}}) symbols {{.*}} slots [-1, -1, -1, -1, -1, -1, -1, -1, -1]
// CHECK-NOT:     kernel.launch @adamw
// CHECK:         ml_program.global_store @w = %[[ALL]]#0
// CHECK:         ml_program.global_store @w.v = %[[ALL]]#2
// CHECK:         ml_program.global_store @x.m = %[[ALL]]#4
// CHECK:         ml_program.global_store @y.v = %[[ALL]]#8

// FEW-LABEL:   func.func @step(
// FEW:           kernel.launch @adamw_all({{.*}}) -> (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
// FEW:           kernel.launch @adamw_1(
func.func @step(%g: !w, %h: !v, %i: !v, %t: tensor<i64>, %lr: !n, %b: !n, %e: !n, %wd: !n, %s: !n) -> !n {
  %w = ml_program.global_load @w : !w
  %x = ml_program.global_load @x : !v
  %y = ml_program.global_load @y : !v
  %wm = ml_program.global_load @w.m : !w
  %wv = ml_program.global_load @w.v : !w
  %w1, %wm1, %wv1 = train.adamw %w, %g, %wm, %wv step %t lr %lr betas %b, %b eps %e decay %wd scale %s : !w, !w
  ml_program.global_store @w = %w1 : !w
  ml_program.global_store @w.m = %wm1 : !w
  ml_program.global_store @w.v = %wv1 : !w
  %none = arith.constant dense<0.0> : !n
  %xm = ml_program.global_load @x.m : !v
  %xv = ml_program.global_load @x.v : !v
  %x1, %xm1, %xv1 = train.adamw %x, %h, %xm, %xv step %t lr %lr betas %b, %b eps %e decay %none scale %s : !v, !v
  ml_program.global_store @x = %x1 : !v
  ml_program.global_store @x.m = %xm1 : !v
  ml_program.global_store @x.v = %xv1 : !v
  %ym = ml_program.global_load @y.m : !v
  %yv = ml_program.global_load @y.v : !v
  %y1, %ym1, %yv1 = train.adamw %y, %i, %ym, %yv step %t lr %lr betas %b, %b eps %e decay %none scale %s : !v, !v
  ml_program.global_store @y = %y1 : !v
  ml_program.global_store @y.m = %ym1 : !v
  ml_program.global_store @y.v = %yv1 : !v
  return %lr : !n
}

// Entries share the kernel; what is given is right.
// CHECK-LABEL: func.func @given(
// CHECK:         %[[ALL:.*]]:4 = kernel.launch @sgd_all({{.*}})
// CHECK:         return %[[ALL]]#0, %[[ALL]]#1, %[[ALL]]#2, %[[ALL]]#3
// CHECK-NOT:   kernel.func
// CHECK-LABEL: func.func @given_again(
// CHECK:         kernel.launch @sgd_all(
func.func @given(%p: !w, %g: !w, %m: !w, %q: !v, %h: !v, %n: !v, %lr: !n, %s: !n) -> (!w, !w, !v, !v) {
  %p1, %m1 = train.sgd %p, %g, %m lr %lr momentum %s scale %s : !w, !w
  %q1, %n1 = train.sgd %q, %h, %n lr %lr momentum %s scale %s : !v, !v
  return %p1, %m1, %q1, %n1 : !w, !w, !v, !v
}
func.func @given_again(%p: !w, %g: !w, %m: !w, %q: !v, %h: !v, %n: !v, %lr: !n, %s: !n) -> (!w, !w, !v, !v) {
  %p1, %m1 = train.sgd %p, %g, %m lr %lr momentum %s scale %s : !w, !w
  %q1, %n1 = train.sgd %q, %h, %n lr %lr momentum %s scale %s : !v, !v
  return %p1, %m1, %q1, %n1 : !w, !w, !v, !v
}

// Codes, and bf16 rounded with streams of their own.
// CHECK-LABEL: kernel.func @sgd_all_0
// CHECK:         train.stochastic_round {{.*}} stream 7
// CHECK:         train.stochastic_round {{.*}} stream 9
// CHECK-LABEL: func.func @codes(
// CHECK:         kernel.launch @sgd_all_0(
// CHECK-NOT:     kernel.launch
func.func @codes(%p: tensor<6x8xbf16>, %g: !w, %k: tensor<6x8xi8>, %ks: tensor<1xf32>, %q: tensor<8xbf16>, %h: !v, %l: tensor<8xi8>, %ls: tensor<1xf32>, %seed: tensor<i64>, %t: tensor<i64>, %lr: !n, %s: !n)
    -> (tensor<6x8xbf16>, tensor<6x8xi8>, tensor<1xf32>, tensor<8xbf16>, tensor<8xi8>, tensor<1xf32>) {
  %pf = nn.cast %p : tensor<6x8xbf16> -> !w
  %m = train.decode_state %k, %ks : tensor<6x8xi8>, tensor<1xf32> -> !w
  %pf1, %m1 = train.sgd %pf, %g, %m lr %lr momentum %s scale %s : !w, !w
  %k1, %ks1 = train.encode_state %m1 : !w -> tensor<6x8xi8>, tensor<1xf32>
  %p1 = train.stochastic_round %pf1 seed %seed step %t stream 7 : !w -> tensor<6x8xbf16>
  %qf = nn.cast %q : tensor<8xbf16> -> !v
  %n = train.decode_state %l, %ls : tensor<8xi8>, tensor<1xf32> -> !v
  %qf1, %n1 = train.sgd %qf, %h, %n lr %lr momentum %s scale %s : !v, !v
  %l1, %ls1 = train.encode_state %n1 : !v -> tensor<8xi8>, tensor<1xf32>
  %q1 = train.stochastic_round %qf1 seed %seed step %t stream 9 : !v -> tensor<8xbf16>
  return %p1, %k1, %ks1, %q1, %l1, %ls1 : tensor<6x8xbf16>, tensor<6x8xi8>, tensor<1xf32>, tensor<8xbf16>, tensor<8xi8>, tensor<1xf32>
}
