// Products of numbers by many rows: matrix instructions, three of tf32 for f32, one
// for 16 bits; factors arrive by asynchronous copies of 16 bytes; what was not
// finite alone is multiplied and added.

// RUN: qopt %s --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: sed 's/xf32>/xf16>/g' %s > %t.f16.mlir
// RUN: qopt %t.f16.mlir --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,HALF
// RUN: sed 's/xf32>/xbf16>/g' %s > %t.bf16.mlir
// RUN: qopt %t.bf16.mlir --target=cuda --emit=ptx -q -o - | FileCheck %s --check-prefixes=CHECK,BRAIN

// One row: the weight by 16 bytes.
// CHECK-LABEL:     .entry qopt_matmul_linear_0(
// CHECK:           ld.global.v4.b32
// CHECK-NOT:       mma.sync
// CHECK:           ret
// Up to 1024 rows have few tiles: the terms are cut in two, and joined. Four copies
// begin the first block of terms, four the next; a warp has 2 x 4 fragments in each
// of two steps.
// CHECK-LABEL:     .entry qopt_matmul_linear_0_2(
// CHECK-COUNT-4:   cp.async.cg.shared.global
// CHECK:           cp.async.commit_group
// CHECK:           cp.async.wait_group 0
// CHECK-NEXT:      bar.sync
// CHECK-COUNT-4:   cp.async.cg.shared.global
// WIDE-COUNT-48:   mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// HALF-COUNT-16:   mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// BRAIN-COUNT-16:  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT:       mma.sync
// CHECK:           ret
// CHECK-LABEL:     .entry qopt_matmul_linear_0_3(
// CHECK-NOT:       mma.sync
// CHECK:           add.rn.f32
// WIDE:            fma.rn.f32
// CHECK:           ret
// CHECK-LABEL:     .entry qopt_matmul_linear_0_4(
// WIDE-COUNT-48:   mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// WIDE:            fma.rn.f32
// HALF-COUNT-16:   mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// HALF-NOT:        fma.rn.f32
// BRAIN-COUNT-16:  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// BRAIN-NOT:       fma.rn.f32
// CHECK:           ret
ml_program.global private @w(dense<0.5> : tensor<256x512xf32>) : tensor<256x512xf32>
func.func @run(%x: tensor<?x512xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 512)>})
    -> (tensor<?x256xf32> {nn.name = "y"}) attributes {nn.symbols = ["batch"]} {
  %w = ml_program.global_load @w : tensor<256x512xf32>
  %y = nn.linear %x, %w : tensor<?x512xf32>, tensor<256x512xf32> -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
