// A weight of codes is fetched ahead. If a cache can hold all weights until the
// next token, the lines go there (locality 3); if not, past it (0), but only
// where few rows read them once.

// RUN: qopt %s --mcpu=avx512vnni --emit=llvm -q -o - | FileCheck %s --check-prefix=KEPT --implicit-check-not="i32 0, i32 0, i32 1)"
// RUN: sed 's/3072x/33024x/g' %s > %t.mlir
// RUN: qopt %t.mlir --mcpu=avx512vnni --emit=llvm -q -o - | FileCheck %s --check-prefix=ONCE

// 3072 outputs of 4096 inputs in 4 bits are 6 MB.
// KEPT: call void @llvm.prefetch.p0(ptr {{.*}}, i32 0, i32 3, i32 1)

// 33024 are 68 MB.
// ONCE-LABEL: @qopt_lowbit_linear_linear_0_
// ONCE-DAG:   call void @llvm.prefetch.p0(ptr {{.*}}, i32 0, i32 0, i32 1)
// ONCE-DAG:   call void @llvm.prefetch.p0(ptr {{.*}}, i32 0, i32 3, i32 1)

ml_program.global private @w(dense<0.5> : tensor<3072x4096xf32>) : tensor<3072x4096xf32>

func.func @run(%x: tensor<?x4096xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 4096)>})
    -> (tensor<?x3072xf32> {nn.name = "y"}) attributes {nn.symbols = ["batch"]} {
  %w = ml_program.global_load @w : tensor<3072x4096xf32>
  %k, %s = lowbit.quantize %w scheme <sym, bits = 4, per = channel> : tensor<3072x4096xf32> -> tensor<3072x4096xi8>, tensor<3072xf32>
  %kx, %sx = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x4096xf32> -> tensor<?x4096xi8>, tensor<?xf32>
  %y = lowbit.linear %kx scales %sx, %k scales %s scheme <sym, bits = 4, per = channel>
       : tensor<?x4096xi8>, tensor<?xf32>, tensor<3072x4096xi8>, tensor<3072xf32> -> tensor<?x3072xf32>
  return %y : tensor<?x3072xf32>
}
