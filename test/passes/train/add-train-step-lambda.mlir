// What is rounded for training is so by the lambda of its layer: two attentions
// are two layers, tables belong to the first, heads to the last. Evaluation
// (nll) has none.

// RUN: qopt-opt %s --qopt-add-train-step="optim=sgd accumulate=true" | FileCheck %s

!x = tensor<?x3x4xf32>
!h = tensor<?x2x3x2xf32>
!w = tensor<4x4xf32>
ml_program.global private @table(dense<0.5> : tensor<5x4xf32>) : tensor<5x4xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w0(dense<0.5> : !w) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @w1(dense<0.25> : !w) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @w2(dense<0.25> : !w) : !w {nn.role = #nn.role<matrix>}

// CHECK-LABEL: func.func @nll(
// CHECK-NOT:     lambda

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME:    %[[L:[^:]*]]: tensor<2xf32> {nn.name = "lambda"}
// CHECK-DAG:     %[[S1:.*]] = nn.slice %[[L]] axis 0 from %c1{{.*}} : tensor<2xf32> -> tensor<1xf32>
// CHECK-DAG:     %[[LAST:.*]] = nn.reshape %[[S1]] : tensor<1xf32> -> tensor<f32>
// CHECK-DAG:     %[[S0:.*]] = nn.slice %[[L]] axis 0 from %c0{{.*}} : tensor<2xf32> -> tensor<1xf32>
// CHECK-DAG:     %[[FIRST:.*]] = nn.reshape %[[S0]] : tensor<1xf32> -> tensor<f32>
// CHECK:         lowbit.fake_quantize %{{.*}} lambda %[[FIRST]] {{.*}} : tensor<5x4xf32>
// CHECK-COUNT-2: lowbit.fake_quantize %{{.*}} lambda %[[FIRST]] {{.*}} : tensor<4x4xf32>
// CHECK:         lowbit.fake_quantize %{{.*}} lambda %[[LAST]] {{.*}} : tensor<4x4xf32>
// CHECK-LABEL: func.func @train_accumulate(
// CHECK-SAME:    tensor<2xf32> {nn.name = "lambda"}
// CHECK-LABEL: func.func @train_update(
// CHECK-NOT:     lambda
func.func @nll(%ids: tensor<?x3xi64> {nn.name = "input_ids"}, %targets: tensor<?x3xi64> {nn.name = "targets"}) -> tensor<?x3xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?x3xi64>
  %table = ml_program.global_load @table : tensor<5x4xf32>
  %tf = lowbit.fake_quantize %table scheme <sym, bits = 8, per = channel> : tensor<5x4xf32>
  %x = nn.embedding %ids, %tf : tensor<?x3xi64>, tensor<5x4xf32>
  %w0 = ml_program.global_load @w0 : !w
  %f0 = lowbit.fake_quantize %w0 scheme <ternary, bits = 2, per = tensor> : !w
  %q0 = nn.linear %x, %f0 : !x, !w -> !x
  %r0 = nn.reshape %q0 [%n] : !x -> tensor<?x3x2x2xf32>
  %h0 = nn.transpose %r0 [0, 2, 1, 3] : tensor<?x3x2x2xf32>
  %a0 = nn.attention %h0, %h0, %h0 causal scale 1.0 : !h, !h, !h -> !h
  %t0 = nn.transpose %a0 [0, 2, 1, 3] : !h
  %y0 = nn.reshape %t0 [%n] : tensor<?x3x2x2xf32> -> !x
  %w1 = ml_program.global_load @w1 : !w
  %f1 = lowbit.fake_quantize %w1 scheme <ternary, bits = 2, per = tensor> : !w
  %o0 = nn.linear %y0, %f1 : !x, !w -> !x
  %w2 = ml_program.global_load @w2 : !w
  %f2 = lowbit.fake_quantize %w2 scheme <ternary, bits = 2, per = tensor> : !w
  %q1 = nn.linear %o0, %f2 : !x, !w -> !x
  %r1 = nn.reshape %q1 [%n] : !x -> tensor<?x3x2x2xf32>
  %h1 = nn.transpose %r1 [0, 2, 1, 3] : tensor<?x3x2x2xf32>
  %a1 = nn.attention %h1, %h1, %h1 causal scale 1.0 : !h, !h, !h -> !h
  %t1 = nn.transpose %a1 [0, 2, 1, 3] : !h
  %y1 = nn.reshape %t1 [%n] : tensor<?x3x2x2xf32> -> !x
  %logits = nn.linear %y1, %tf : !x, tensor<5x4xf32> -> tensor<?x3x5xf32>
  %l = nn.cross_entropy %logits, %targets : tensor<?x3x5xf32>, tensor<?x3xi64>
  return %l : tensor<?x3xf32>
}
