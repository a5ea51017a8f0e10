// A layer of ternary codes has four ways: one row by dot products of 4 bytes,
// few rows, some and many by matrix instructions; each reads its weight by 16 bytes a
// thread. Numbers have them, too: one row by multiply-adds.

// RUN: qopt %s --target=cuda --emit=ptx -q -o %t.ptx
// RUN: FileCheck %s --check-prefix=ONE --input-file=%t.ptx
// RUN: FileCheck %s --check-prefix=FEW --input-file=%t.ptx
// RUN: FileCheck %s --check-prefix=MANY --input-file=%t.ptx
// RUN: FileCheck %s --check-prefix=NUMBERS --input-file=%t.ptx

// Four blocks of 32 columns are on their way before the first is used; 8 sums of
// rows and one of the input take 18 dot products each.
// ONE-LABEL:    .entry qopt_lowbit_linear_linear_0(
// ONE-NOT:      dp4a
// ONE:          ld.global.v4.b32
// ONE-NOT:      dp4a
// ONE:          ld.global.v4.b32
// ONE-NOT:      dp4a
// ONE:          ld.global.v4.b32
// ONE-NOT:      dp4a
// ONE:          ld.global.v4.b32
// ONE-COUNT-72: dp4a
// ONE-NOT:      dp4a
// ONE:          ret

// Four fields of two bits; the sum of the input by dot products.
// FEW-LABEL:   .entry qopt_lowbit_linear_linear_0_2(
// FEW:         ld.global.v4.b32
// FEW-COUNT-4: mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32
// FEW-NOT:     mma.sync
// FEW:         dp4a
// FEW:         ret

// MANY-LABEL:    .entry qopt_lowbit_linear_linear_0_4(
// MANY:          ld.global.v4.b32
// MANY-COUNT-16: mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32
// MANY-NOT:      mma.sync
// MANY:          ret

// NUMBERS-LABEL:    .entry qopt_lowbit_linear_linear_1(
// NUMBERS-COUNT-3:  ld.global.v4.b32
// NUMBERS-COUNT-64: fma.rn.f32
// NUMBERS:          ret
ml_program.global private @w(dense<0.5> : tensor<256x512xf32>) : tensor<256x512xf32>
func.func @run(%x: tensor<?x512xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 512)>})
    -> (tensor<?x256xf32> {nn.name = "y"}, tensor<?x256xf32> {nn.name = "z"}) attributes {nn.symbols = ["batch"]} {
  %w = ml_program.global_load @w : tensor<256x512xf32>
  %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<256x512xf32> -> tensor<256x512xi8>, tensor<1xf32>
  %kx, %sx = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x512xf32> -> tensor<?x512xi8>, tensor<?xf32>
  %y = lowbit.linear %kx scales %sx, %k scales %s scheme <ternary, bits = 2, per = tensor>
       : tensor<?x512xi8>, tensor<?xf32>, tensor<256x512xi8>, tensor<1xf32> -> tensor<?x256xf32>
  %z = lowbit.linear %x, %k scales %s scheme <ternary, bits = 2, per = tensor>
       : tensor<?x512xf32>, tensor<256x512xi8>, tensor<1xf32> -> tensor<?x256xf32>
  return %y, %z : tensor<?x256xf32>, tensor<?x256xf32>
}
