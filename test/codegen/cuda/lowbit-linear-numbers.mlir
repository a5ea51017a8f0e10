// A layer of 4-bit codes by rows of numbers: codes become f16 or bf16 in
// registers, two in a word, and are multiplied by matrix instructions. Of f16 and
// bf16 that is one product; of f32 three of bf16, which is exact.

// RUN: qopt %s --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: sed 's/tensor<?x512xf32>/tensor<?x512xf16>/g; s/tensor<?x256xf32>/tensor<?x256xf16>/g' %s > %t.f16.mlir
// RUN: qopt %t.f16.mlir --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,HALF
// RUN: sed 's/xf16/xbf16/g' %t.f16.mlir > %t.bf16.mlir
// RUN: qopt %t.bf16.mlir --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,BRAIN

// CHECK-LABEL:  .entry qopt_lowbit_linear_linear_0(
// CHECK:        ld.global.v4.b32
// CHECK-NOT:    mma.sync
// CHECK:        ret
// Two fields of four bits, two steps of 16 columns; in blocks of 32 columns two
// make a group.
// CHECK-LABEL:  .entry qopt_lowbit_linear_linear_0_2(
// CHECK:        ld.global.v4.b32
// WIDE-COUNT-24:  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// HALF-COUNT-8:   mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// BRAIN-COUNT-8:  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT:    mma.sync
// CHECK:        ret
// CHECK-LABEL:  .entry qopt_lowbit_linear_linear_0_4(
// CHECK:        .minnctapersm 3
// CHECK:        ld.global.v4.b32
// WIDE-COUNT-48:  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// HALF-COUNT-16:  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// BRAIN-COUNT-16: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT:    mma.sync
// CHECK:        ret
ml_program.global private @w(dense<0.5> : tensor<256x512xf32>) : tensor<256x512xf32>
func.func @run(%x: tensor<?x512xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 512)>})
    -> (tensor<?x256xf32> {nn.name = "y"}) attributes {nn.symbols = ["batch"]} {
  %w = ml_program.global_load @w : tensor<256x512xf32>
  %k, %s = lowbit.quantize %w scheme <sym, bits = 4, per = group, group = 64> : tensor<256x512xf32> -> tensor<256x512xi8>, tensor<256x8xf32>
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = group, group = 64>
       : tensor<?x512xf32>, tensor<256x512xi8>, tensor<256x8xf32> -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
