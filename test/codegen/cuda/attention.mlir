// Attention of many queries: 64 of a block, four warps; scores and their products
// with values by matrix instructions, keys and values by copies of 16 bytes, and
// each exponential of a score once.

// RUN: qopt %s --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: sed 's/xf32>/xf16>/g' %s > %t.f16.mlir
// RUN: qopt %t.f16.mlir --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,HALF
// RUN: sed 's/xf32>/xbf16>/g' %s > %t.bf16.mlir
// RUN: qopt %t.bf16.mlir --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,BRAIN

// CHECK-LABEL:     .entry qopt_attention_attention_0(
// CHECK:           .reqntid 128
// CHECK:           cp.async.cg.shared.global
// CHECK:           cp.async.wait_group 0
// CHECK-NEXT:      bar.sync
// CHECK:           cp.async.cg.shared.global
// f32: tiles of 32 keys, 3 x (4 x 8 + 4 x 8); 16 bits: of 64 keys. Weights of bf16
// are two.
// WIDE-COUNT-192:  mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// HALF-COUNT-64:   mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// BRAIN-COUNT-96:  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT:       mma.sync
// CHECK:           ret
func.func @run(%q: tensor<?x9x?x64xf32> {nn.name = "q", nn.dims = affine_map<()[s0, s1] -> (s0, 9, s1, 64)>},
               %k: tensor<?x3x?x64xf32> {nn.name = "k", nn.dims = affine_map<()[s0, s1] -> (s0, 3, s1, 64)>},
               %v: tensor<?x3x?x64xf32> {nn.name = "v", nn.dims = affine_map<()[s0, s1] -> (s0, 3, s1, 64)>})
    -> (tensor<?x9x?x64xf32> {nn.name = "y"}) attributes {nn.symbols = ["batch", "sequence"]} {
  %y = nn.attention %q, %k, %v causal scale 0.125 : tensor<?x9x?x64xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32> -> tensor<?x9x?x64xf32>
  return %y : tensor<?x9x?x64xf32>
}
