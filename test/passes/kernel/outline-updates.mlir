// A step of an optimizer reads and writes states and parameters in the form in
// which they are kept, in one kernel: none of its numbers takes room in the
// arena. What others read, too, is stored for them.

// RUN: qopt-opt %s --qopt-outline-kernels --qopt-place-variables --qopt-plan-memory -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

!w = tensor<16x32xf32>
!b = tensor<16x32xbf16>
!k = tensor<16x32xi8>
!s = tensor<2xf32>
ml_program.global private mutable @w(dense<1.0> : !b) : !b
ml_program.global private mutable @m.codes(dense<3> : !k) : !k
ml_program.global private mutable @m.scales(dense<0.5> : !s) : !s
ml_program.global private mutable @v.codes(dense<3> : !k) : !k
ml_program.global private mutable @v.scales(dense<0.5> : !s) : !s
ml_program.global private mutable @u(dense<1.0> : !w) : !w
ml_program.global private mutable @u.codes(dense<3> : !k) : !k
ml_program.global private mutable @u.scales(dense<0.5> : !s) : !s

// CHECK-LABEL: kernel.func @adamw_0
// CHECK-NEXT:  ^bb0(
// CHECK-DAG:     nn.cast
// CHECK-DAG:     train.decode_state %
// CHECK-DAG:     train.decode_state unsigned
// CHECK:         %[[P:.*]], %[[M:.*]], %[[V:.*]] = train.adamw
// CHECK-DAG:     %[[Q:.*]] = train.stochastic_round %[[P]]
// CHECK-DAG:     %[[K:.*]], %[[S:.*]] = train.encode_state %[[M]]
// CHECK-DAG:     %[[L:.*]], %[[T:.*]] = train.encode_state unsigned %[[V]]
// CHECK:         kernel.return %[[Q]], %[[K]], %[[S]], %[[L]], %[[T]]

// CHECK-LABEL: func.func @step({{.*}}kernel.slots = []
// CHECK-NOT:     kernel.launch
// CHECK:         %[[ALL:.*]]:5 = kernel.launch @adamw_0({{.*}}) symbols {{.*}} slots [-1, -1, -1, -1, -1]
// CHECK-NOT:     kernel.launch
// CHECK:         ml_program.global_store @m.codes = %[[ALL]]#1
// CHECK:         ml_program.global_store @v.scales = %[[ALL]]#4
// CHECK:         ml_program.global_store @w = %[[ALL]]#0
func.func @step(%g: !w, %t: tensor<i64>, %seed: tensor<i64>, %lr: tensor<f32>, %s: tensor<f32>) -> tensor<f32> {
  %b = arith.constant dense<0.5> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %w = ml_program.global_load @w : !b
  %p = nn.cast %w : !b -> !w
  %mk = ml_program.global_load @m.codes : !k
  %ms = ml_program.global_load @m.scales : !s
  %m = train.decode_state %mk, %ms : !k, !s -> !w
  %vk = ml_program.global_load @v.codes : !k
  %vs = ml_program.global_load @v.scales : !s
  %v = train.decode_state unsigned %vk, %vs : !k, !s -> !w
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b, %b eps %e decay %b scale %s : !w, !w
  %mk1, %ms1 = train.encode_state %m1 : !w -> !k, !s
  ml_program.global_store @m.codes = %mk1 : !k
  ml_program.global_store @m.scales = %ms1 : !s
  %vk1, %vs1 = train.encode_state unsigned %v1 : !w -> !k, !s
  ml_program.global_store @v.codes = %vk1 : !k
  ml_program.global_store @v.scales = %vs1 : !s
  %w1 = train.stochastic_round %p1 seed %seed step %t stream 7 : !w -> !b
  ml_program.global_store @w = %w1 : !b
  return %lr : tensor<f32>
}

// Old and new numbers of the state are results, too.
// CHECK-LABEL: kernel.func @decode_state_0
// CHECK-LABEL: kernel.func @sgd_0
// CHECK-NEXT:  ^bb0(
// CHECK-NEXT:    train.sgd
// CHECK-NEXT:    kernel.return
// CHECK-LABEL: kernel.func @encode_state_0

// CHECK-LABEL: func.func @numbers_are_read
// CHECK:         %[[V:.*]] = kernel.launch @decode_state_0
// CHECK:         %[[NEW:.*]]:2 = kernel.launch @sgd_0({{.*}}%[[V]]
// CHECK:         kernel.launch @encode_state_0(%[[NEW]]#1)
func.func @numbers_are_read(%g: !w, %lr: tensor<f32>, %s: tensor<f32>) -> (!w, !w) {
  %p = ml_program.global_load @u : !w
  %k = ml_program.global_load @u.codes : !k
  %ks = ml_program.global_load @u.scales : !s
  %v = train.decode_state %k, %ks : !k, !s -> !w
  %p1, %v1 = train.sgd %p, %g, %v lr %lr momentum %s scale %s : !w, !w
  %k1, %ks1 = train.encode_state %v1 : !w -> !k, !s
  ml_program.global_store @u = %p1 : !w
  ml_program.global_store @u.codes = %k1 : !k
  ml_program.global_store @u.scales = %ks1 : !s
  return %v, %v1 : !w, !w
}
