// Linear layers that match get a low-rank branch: without effect at first, or
// as the best correction of what their codes have left.

// RUN: qopt-opt %s --qopt-attach-lora=targets=w -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0
// Factors in 16 bits: the same numbers, rounded.
// RUN: qopt-opt %s --qopt-attach-lora="targets=w rank=8 init=svd factors=f16" -o %t.f16
// RUN: FileCheck %s --check-prefix=F16 --input-file=%t.f16
// RUN: qopt-opt %s --qopt-attach-lora="targets=w rank=8 init=svd" -o %t.f32
// RUN: qopt-interpret %t.f32 --compare=%t.f16 --tolerance=2e-3
// RUN: not qopt-interpret %t.f32 --compare=%t.f16 --tolerance=1e-7
// RUN: qopt-opt %s --qopt-attach-lora="targets=w rank=8 init=svd factors=bf16" -o %t.bf16
// RUN: qopt-interpret %t.f32 --compare=%t.bf16 --tolerance=2e-2
// F16-DAG: @w1.lora_A.weight({{.*}} : tensor<8x8xf16> {{{.*}}nn.role = #nn.role<adapter>}
// F16-DAG: @w1.lora_B.weight({{.*}} : tensor<8x8xf16> {{{.*}}nn.role = #nn.role<adapter>}
// F16: lowbit.lora_linear {{.*}} : tensor<?x?x8xf32>, tensor<8x8xf16>, tensor<8x8xf16>, tensor<?x?x8xf32>
// A is a function of seed and name.
// RUN: qopt-opt %s --qopt-attach-lora="targets=w seed=1" | not diff %t -
// The corrections bring the program nearer to the float one, qera nearer than
// svd on these inputs.
// RUN: qopt-opt %s --qopt-attach-lora="targets=w rank=7 alpha=14 init=svd" -o %t.svd
// RUN: qopt-interpret %S/../calibrate/Inputs/float.mlir --compare=%t.svd --tolerance=0.4
// RUN: not qopt-interpret %S/../calibrate/Inputs/float.mlir --compare=%s --tolerance=0.4
// RUN: qopt-opt %s --qopt-attach-lora="targets=w rank=8 init=svd" -o %t.svd
// RUN: qopt-interpret %S/../calibrate/Inputs/float.mlir --compare=%t.svd --tolerance=1e-4
// RUN: qopt-opt %s --qopt-attach-lora="targets=w rank=8 init=qera data=random samples=8 seq=16" -o %t.qera
// RUN: qopt-interpret %S/../calibrate/Inputs/float.mlir --compare=%t.qera --tolerance=1e-4

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
!k = tensor<8x8xi8>
!s = tensor<8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym2 = #lowbit.scheme<sym, bits = 2, per = channel>

ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w1(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @w2(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @head(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<head>}

// The factors are slots, which another adapter may take.
// CHECK: module attributes {lowbit.adapters = ["lora"]}
// CHECK-DAG: @w1.lora_A.weight(dense<{{.*}}> : tensor<8x8xf32>) : tensor<8x8xf32> {lowbit.module = "w1", lowbit.scale = 2.{{.*}} : f64, nn.role = #nn.role<adapter>}
// CHECK-DAG: @w1.lora_B.weight(dense<0.000000e+00> : tensor<8x8xf32>) : tensor<8x8xf32> {lowbit.module = "w1", lowbit.scale = 2.{{.*}} : f64, nn.role = #nn.role<adapter>}

// CHECK-LABEL: func @run(
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (tensor<?x?x16xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w1 = ml_program.global_load @w1 : !w
  %w2 = ml_program.global_load @w2 : !w
  %head = ml_program.global_load @head : tensor<16x8xf32>
  // CHECK: %[[X:.*]] = nn.embedding
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  // CHECK:      %[[BASE:.*]] = lowbit.linear %[[X]]
  // CHECK-NEXT: %[[A:.*]] = ml_program.global_load @w1.lora_A.weight
  // CHECK-NEXT: %[[B:.*]] = ml_program.global_load @w1.lora_B.weight
  // CHECK-NEXT: %[[Y:.*]] = lowbit.lora_linear %[[X]], %[[A]], %[[B]] scale 2.0{{.*}} onto %[[BASE]]
  // CHECK-NEXT: nn.silu %[[Y]]
  %k1, %s1 = lowbit.quantize %w1 scheme #sym2 : !w -> !k, !s
  %a = lowbit.linear %x, %k1 scales %s1 scheme #sym2 : !x, !k, !s -> !x
  %b = nn.silu %a : !x
  %c = nn.add %b, %x : !x, !x
  %k2, %s2 = lowbit.quantize %w2 scheme #sym2 : !w -> !k, !s
  %d = lowbit.linear %c, %k2 scales %s2 scheme #sym2 : !x, !k, !s -> !x
  %y = nn.linear %d, %head : !x, tensor<16x8xf32>
      -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}
