// The residual stream is rotated from the table to the head, through adds,
// norms, branches, and a layer with a bias; nothing is left to compute.

// RUN: qopt-opt %s --qopt-rotate-residual="seed=7" --canonicalize -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12
// RUN: qopt-interpret %s --compare=%t --tolerance=1e-5
// Blocks of a power of two where there is no matrix.
// RUN: qopt-opt %s --qopt-rotate-residual --remarks-filter="qopt.*" -o %t.blocks 2>&1 | FileCheck %s --check-prefix=BLOCKS
// BLOCKS: rotates blocks of 8 of 184

!x = tensor<?x?x24xf32>

ml_program.global private @table(#ml_program.extern<tensor<32x24xf32>>) : tensor<32x24xf32>
ml_program.global private @places(#ml_program.extern<tensor<32x24xf32>>) : tensor<32x24xf32>
ml_program.global private @up(#ml_program.extern<tensor<10x24xf32>>) : tensor<10x24xf32>
ml_program.global private @down(#ml_program.extern<tensor<24x10xf32>>) : tensor<24x10xf32>
ml_program.global private @bias(#ml_program.extern<tensor<24xf32>>) : tensor<24xf32>
ml_program.global private @a(#ml_program.extern<tensor<2x10xf32>>) : tensor<2x10xf32>
ml_program.global private @b(#ml_program.extern<tensor<24x2xf32>>) : tensor<24x2xf32>
ml_program.global private @c(#ml_program.extern<tensor<2x24xf32>>) : tensor<2x24xf32>
ml_program.global private @d(#ml_program.extern<tensor<10x2xf32>>) : tensor<10x2xf32>
ml_program.global private @scale(dense<2.5> : tensor<1xf32>) : tensor<1xf32>
ml_program.global private @head(#ml_program.extern<tensor<32x24xf32>>) : tensor<32x24xf32>
ml_program.global private @odd(#ml_program.extern<tensor<32x184xf32>>) : tensor<32x184xf32>
ml_program.global private @oddhead(#ml_program.extern<tensor<6x184xf32>>) : tensor<6x184xf32>

// CHECK-LABEL: func @stream(
func.func @stream(%ids: tensor<?x?xi64>) -> tensor<?x?x32xf32> {
  // CHECK-DAG: %[[T:.*]] = lowbit.hadamard %table axis 1 orders [12, 2] seed 7 : tensor<32x24xf32>
  // CHECK-DAG: %[[P:.*]] = lowbit.hadamard %places axis 1 orders [12, 2] seed 7
  // CHECK-DAG: %[[UP:.*]] = lowbit.hadamard %up axis 1 orders [12, 2] seed 7 : tensor<10x24xf32>
  // CHECK-DAG: %[[C:.*]] = lowbit.hadamard %c axis 1 orders [12, 2] seed 7 : tensor<2x24xf32>
  // CHECK-DAG: %[[DOWN:.*]] = lowbit.hadamard %down axis 0 orders [12, 2] seed 7 : tensor<24x10xf32>
  // CHECK-DAG: %[[BIAS:.*]] = lowbit.hadamard %bias axis 0 orders [12, 2] seed 7 : tensor<24xf32>
  // CHECK-DAG: %[[B:.*]] = lowbit.hadamard %b axis 0 orders [12, 2] seed 7 : tensor<24x2xf32>
  // CHECK-DAG: %[[H:.*]] = lowbit.hadamard %head axis 1 orders [12, 2] seed 7 : tensor<32x24xf32>
  // CHECK-NOT: lowbit.hadamard {{.*}}tensor<?x?x24xf32>
  %table = ml_program.global_load @table : tensor<32x24xf32>
  %places = ml_program.global_load @places : tensor<32x24xf32>
  %wu = ml_program.global_load @up : tensor<10x24xf32>
  %wd = ml_program.global_load @down : tensor<24x10xf32>
  %bias = ml_program.global_load @bias : tensor<24xf32>
  %a = ml_program.global_load @a : tensor<2x10xf32>
  %b = ml_program.global_load @b : tensor<24x2xf32>
  %c = ml_program.global_load @c : tensor<2x24xf32>
  %d = ml_program.global_load @d : tensor<10x2xf32>
  %scale = ml_program.global_load @scale : tensor<1xf32>
  %wh = ml_program.global_load @head : tensor<32x24xf32>
  // A scalar factor, as Gemma's, and the places of tokens.
  %e = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<32x24xf32>
  %s = nn.mul %e, %scale : !x, tensor<1xf32>
  %p = nn.embedding %ids, %places : tensor<?x?xi64>, tensor<32x24xf32>
  %x = nn.add %s, %p : !x, !x
  %n = nn.rms_norm %x, %scale eps 1.0e-6 : !x, tensor<1xf32>
  %u = nn.linear %n, %wu : !x, tensor<10x24xf32> -> tensor<?x?x10xf32>
  %ul = lowbit.lora_linear %n, %c, %d scale 2.0 onto %u : !x, tensor<2x24xf32>, tensor<10x2xf32>, tensor<?x?x10xf32>
  %h = nn.silu %ul : tensor<?x?x10xf32>
  %o = nn.linear %h, %wd bias %bias : tensor<?x?x10xf32>, tensor<24x10xf32>, tensor<24xf32> -> !x
  %ol = lowbit.lora_linear %h, %a, %b scale 0.5 onto %o : tensor<?x?x10xf32>, tensor<2x10xf32>, tensor<24x2xf32>, !x
  %y = nn.add %x, %ol : !x, !x
  %m = nn.rms_norm %y eps 1.0e-6 : !x
  %z = nn.linear %m, %wh : !x, tensor<32x24xf32> -> tensor<?x?x32xf32>
  return %z : tensor<?x?x32xf32>
}

// 184 = 8 * 23, and neither 92 nor 184 has a matrix.
// CHECK-LABEL: func @blocks(
func.func @blocks(%ids: tensor<?xi64>) -> tensor<?x6xf32> {
  // CHECK: lowbit.hadamard %odd axis 1 orders [8] seed 7
  %t = ml_program.global_load @odd : tensor<32x184xf32>
  %w = ml_program.global_load @oddhead : tensor<6x184xf32>
  %x = nn.embedding %ids, %t : tensor<?xi64>, tensor<32x184xf32>
  %n = nn.rms_norm %x eps 1.0e-6 : tensor<?x184xf32>
  %y = nn.linear %n, %w : tensor<?x184xf32>, tensor<6x184xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
