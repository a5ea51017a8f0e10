// Codes that data chose become parameters; the layer computes with them. A
// branch for what they left is added on demand.

// RUN: qopt-opt %s --qopt-gptq=data=random -o %t.mlir 2>&1 | FileCheck %s --check-prefix=WARN
// RUN: FileCheck %s --input-file=%t.mlir
// WARN: warning: calibrated on random tokens: codes fit no real text; give --calib a text like those the model will see
// The program is still near the float one: 4 bits of weights of 8 channels.
// RUN: qopt-interpret %S/Inputs/float.mlir --compare=%t.mlir --tolerance=0.2
// RUN: not qopt-interpret %S/Inputs/float.mlir --compare=%t.mlir --tolerance=1e-6
// The same through the plugin, to the letter.
// RUN: %{mlir-opt} %s \
// RUN:   --pass-pipeline="builtin.module(qopt-gptq{data=random})" 2>/dev/null | diff %t.mlir -
// With any number of threads the same codes.
// RUN: qopt-opt %s --mlir-disable-threading --qopt-gptq=data=random 2>/dev/null | diff %t.mlir -
// What it did is told, layer by layer.
// RUN: qopt-opt %s --qopt-gptq=data=random --remarks-filter=qopt.* -o %t 2>&1 | FileCheck %s --check-prefix=REMARK
// REMARK: fitted {{.*}}Remark=w1, after={{.*}}before={{.*}}damping=
// REMARK: fitted {{.*}}Remark=w2
// Results in a file: the program names it.
// RUN: qopt-opt %s --qopt-gptq="data=random samples=4 seq=16 spill=%t.safetensors" -o %t.file.mlir 2>/dev/null
// RUN: FileCheck %s --check-prefix=FILE --input-file=%t.file.mlir
// RUN: qopt-interpret %S/Inputs/float.mlir --compare=%t.file.mlir --tolerance=0.2
// FILE: @w2.codes(#nn.weight<"{{.*}}.safetensors", offset = 0, key = "w2.codes"> : tensor<8x8xi8>)
// What a file holds is what constants hold.
// RUN: qopt-opt %s --qopt-gptq="data=random samples=4 seq=16 rank=2 init=qera factors=f16" -o %t.memory.mlir 2>/dev/null
// RUN: qopt-opt %s --qopt-gptq="data=random samples=4 seq=16 rank=2 init=qera factors=f16 spill=%t.half.safetensors" -o %t.half.mlir 2>/dev/null
// RUN: qopt-interpret %t.memory.mlir --compare=%t.half.mlir --tolerance=0
// HALF-DAG: @w1.lora_A.weight(#nn.weight<"{{.*}}.safetensors", offset = 0, key = "w1.lora_A.weight"> : tensor<2x8xf16>)
// RUN: FileCheck %s --check-prefix=HALF --input-file=%t.half.mlir
// Halves are found again by a run that resumes; those of f32 are others.
// RUN: %python %S/Inputs/unfinish.py %t.half.safetensors 1
// RUN: qopt-opt %s --qopt-gptq="data=random samples=4 seq=16 rank=2 init=qera factors=f16 spill=%t.half.safetensors resume=true" 2>/dev/null | diff %t.half.mlir -
// RUN: not qopt-opt %s --qopt-gptq="data=random samples=4 seq=16 rank=2 init=qera spill=%t.half.safetensors resume=true" 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: cannot resume from '{{.*}}.half.safetensors': it belongs to another model, recipe or calibration data
// Branches: the error falls, and they lie behind their layers.
// RUN: qopt-opt %s --qopt-gptq="data=random rank=2 init=qera targets=w2" -o %t.lora.mlir 2>/dev/null
// RUN: FileCheck %s --check-prefix=LORA --input-file=%t.lora.mlir
// RUN: qopt-interpret %S/Inputs/float.mlir --compare=%t.lora.mlir --tolerance=0.2
// LORA-DAG: @w2.lora_B.weight({{.*}}: tensor<8x2xf32>{{.*}} {{{.*}}nn.role = #nn.role<adapter>}
// LORA-DAG: @w2.lora_A.weight({{.*}}: tensor<2x8xf32>{{.*}} {{{.*}}nn.role = #nn.role<adapter>}
// LORA: %[[BASE:.*]] = lowbit.linear %{{.*}}, %w2.codes
// LORA: lowbit.lora_linear %{{.*}}, %{{.*}}, %{{.*}} scale 8.0{{.*}} onto %[[BASE]]

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
!k = tensor<8x8xi8>
!s = tensor<8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>

ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w1(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @w2(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @head(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<head>}

// CHECK-DAG: @w1.codes(dense<{{.*}}> : tensor<8x8xi8>) : tensor<8x8xi8> {nn.role = #nn.role<matrix>}
// CHECK-DAG: @w1.scales(dense<{{.*}}> : tensor<8xf32>) : tensor<8xf32>

// CHECK-LABEL: func @run(
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (tensor<?x?x16xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w1 = ml_program.global_load @w1 : !w
  %w2 = ml_program.global_load @w2 : !w
  %head = ml_program.global_load @head : tensor<16x8xf32>
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  // CHECK: %[[S1:.*]] = ml_program.global_load @w1.scales
  // CHECK: lowbit.linear %{{.*}}, %w1.codes scales %[[S1]]
  %k1, %s1 = lowbit.quantize %w1 scheme #sym4 : !w -> !k, !s
  %a = lowbit.linear %x, %k1 scales %s1 scheme #sym4 : !x, !k, !s -> !x
  %b = nn.silu %a : !x
  %c = nn.add %b, %x : !x, !x
  %k2, %s2 = lowbit.quantize %w2 scheme #sym4 : !w -> !k, !s
  %d = lowbit.linear %c, %k2 scales %s2 scheme #sym4 : !x, !k, !s -> !x
  %y = nn.linear %d, %head : !x, tensor<16x8xf32> -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}
