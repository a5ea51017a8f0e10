// Weights become codes, each by the scheme of its role, or of the last override
// that names its parameter or its node; one scale per tensor is one per split.

// RUN: qopt-opt %s --qopt-quantize-weights="matrix=sym4-gauto overrides=%%5B%%2Cx%%5D%%7B1%%7D=i8;v.weight=ternary;fused=ternary;/gate/=gptq_asym3-g8-weighted-half" -o %t
// RUN: FileCheck %s --input-file=%t
// The same spelled out: multiply by what the codes mean (which is f32).
// RUN: qopt-interpret %S/Inputs/dequantized.mlir --compare=%t --tolerance=1e-6
// Pipeline text takes patterns with commas, braces and quotes in both spellings.
// RUN: qopt-opt %s --pass-pipeline='builtin.module(qopt-quantize-weights{matrix=float overrides="[,x]{1}=i8"})' \
// RUN:   | FileCheck %s --check-prefix=QUOTED
// QUOTED: func @roles(
// QUOTED:   nn.linear
// QUOTED: func @node(
// QUOTED:   nn.linear
// QUOTED:   lowbit.linear

!x = tensor<?x?x64xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x64xf32>
!f = tensor<10x64xf32>

ml_program.global private @q.weight(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @v.weight(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @odd.weight(#ml_program.extern<tensor<6x9xf32>>) : tensor<6x9xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @fused.weight(#ml_program.extern<!f>) : !f {nn.role = #nn.role<matrix>}
ml_program.global private @gain(#ml_program.extern<tensor<64xf32>>) : tensor<64xf32> {nn.role = #nn.role<norm>}
ml_program.global private @table(#ml_program.extern<!w>) : !w {nn.role = #nn.role<embedding>}
ml_program.global private @bias(#ml_program.extern<tensor<6xf32>>) : tensor<6xf32> {nn.role = #nn.role<bias>}

// CHECK-LABEL: func @roles(
// CHECK-SAME:    %[[IDS:.*]]: tensor<?x?xi64>
func.func @roles(%ids: tensor<?x?xi64>, %x: !x) -> (!x, !y, !y) {
  %t = ml_program.global_load @table : !w
  // CHECK: %[[K:.*]], %[[S:.*]] = lowbit.quantize %{{.*}} scheme <sym, bits = 8, per = channel>
  // CHECK: lowbit.embedding %[[IDS]], %[[K]], %[[S]]
  %e = nn.embedding %ids, %t : tensor<?x?xi64>, !w
  %w = ml_program.global_load @q.weight : !w
  %b = ml_program.global_load @bias : tensor<6xf32>
  // CHECK: %[[K:.*]], %[[S:.*]] = lowbit.quantize %{{.*}} scheme <sym, bits = 4, per = group, group = 64>
  // CHECK: lowbit.linear %{{.*}}, %[[K]] scales %[[S]] bias %{{.*}} scheme <sym, bits = 4, per = group, group = 64>
  %q = nn.linear %x, %w bias %b : !x, !w, tensor<6xf32> -> !y
  // A table that is shared is coded as heads are.
  // CHECK: lowbit.linear {{.*}} scheme <sym, bits = 8, per = channel>
  %h = nn.linear %x, %t : !x, !w -> !y
  return %e, %q, %h : !x, !y, !y
}

// No group divides 9 channels.
// CHECK-LABEL: func @odd(
func.func @odd(%x: tensor<?x9xf32>) -> tensor<?x6xf32> {
  %w = ml_program.global_load @odd.weight : tensor<6x9xf32>
  // CHECK: lowbit.linear {{.*}} scheme <sym, bits = 4, per = channel>
  %y = nn.linear %x, %w : tensor<?x9xf32>, tensor<6x9xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// What is quantized is the chain, the gain of a norm included.
// CHECK-LABEL: func @chain(
func.func @chain(%x: !x) -> !y {
  %w = ml_program.global_load @v.weight : !w
  %g = ml_program.global_load @gain : tensor<64xf32>
  // CHECK: %[[C:.*]] = nn.mul
  %c = nn.mul %w, %g : !w, tensor<64xf32>
  // CHECK: lowbit.quantize %[[C]] scheme <ternary, bits = 2, per = tensor>
  %y = nn.linear %x, %c : !x, !w -> !y
  return %y : !y
}

// Rows of the fused matrix repeat the scale of their split.
// CHECK-LABEL: func @splits(
func.func @splits(%x: !x) -> tensor<?x?x10xf32> {
  %w = ml_program.global_load @fused.weight : !f
  // CHECK: %[[A:.*]] = nn.slice
  // CHECK: %[[KA:.*]], %[[SA:.*]] = lowbit.quantize %[[A]] scheme <ternary, bits = 2, per = tensor> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<1xf32>
  // CHECK: %[[RA:.*]] = nn.broadcast %[[SA]] : tensor<1xf32> -> tensor<6xf32>
  // CHECK: %[[KB:.*]], %{{.*}} = lowbit.quantize {{.*}} tensor<4x64xi8>, tensor<1xf32>
  // CHECK: %[[K:.*]] = nn.concat %[[KA]], %[[KB]] axis 0
  // CHECK: %[[S:.*]] = nn.concat %[[RA]]
  // CHECK: lowbit.linear %{{.*}}, %[[K]] scales %[[S]] scheme <ternary, bits = 2, per = channel> splits [6, 4]
  %y = nn.linear %x, %w splits [6, 4] : !x, !f -> tensor<?x?x10xf32>
  return %y : tensor<?x?x10xf32>
}

// Nodes of the model file have names too.
// CHECK-LABEL: func @node(
func.func @node(%x: !x) -> (!y, !y) {
  %w = ml_program.global_load @q.weight : !w
  // CHECK: lowbit.linear {{.*}} zeros {{.*}} scheme <gptq_asym, bits = 3, per = group, group = 8, mse = true, half = true, weighted = true>
  %a = nn.linear %x, %w : !x, !w -> !y loc("/gate/MatMul")
  // CHECK: lowbit.linear {{.*}} scheme <sym, bits = 8, per = channel>
  %b = nn.linear %x, %w : !x, !w -> !y loc("a,b")
  return %a, %b : !y, !y
}
