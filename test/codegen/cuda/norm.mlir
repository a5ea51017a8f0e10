// A norm is one block a row: 16 bytes a load and a store, shuffles, no library
// call, and the row is read once.

// RUN: qopt %s --target=cuda --emit=ptx -q -o - | FileCheck %s
// RUN: qopt %s --target=cuda --emit=ptx --cuda-arch=sm_90a -q -o - | FileCheck %s --check-prefix=HOPPER
// RUN: qopt %s --target=cuda --stop-after=generate -q -o - | FileCheck %s --check-prefix=MODULE

// MODULE:      gpu.module @qopt_kernels {
// MODULE:        llvm.func @qopt_row_rms_norm_0(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 512>}
// MODULE:      llvm.func @qopt_launch(!llvm.ptr, i64, !llvm.ptr, i64, i64, i64, i64)
// MODULE:      llvm.call @qopt_launch(

// HOPPER: .version 8.0
// HOPPER: .target sm_90a

// CHECK:       .version 7.0
// CHECK:       .target sm_80
// CHECK-LABEL: .visible .entry qopt_row_rms_norm_0(
// CHECK:       .reqntid 512
// CHECK-COUNT-2: ld.global.v4.b32
// CHECK-NOT:   ld.global
// CHECK:       shfl.sync.bfly.b32
// CHECK:       sqrt.rn.f32
// CHECK:       ld.global.v4.b32
// CHECK-NOT:   call
// CHECK:       st.global.v4.b32
// CHECK:       ret
ml_program.global private @gain(dense<1.0> : tensor<4096xf32>) : tensor<4096xf32>
func.func @run(%x: tensor<?x4096xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 4096)>})
    -> (tensor<?x4096xf32> {nn.name = "y"}) attributes {nn.symbols = ["batch"]} {
  %g = ml_program.global_load @gain : tensor<4096xf32>
  %y = nn.rms_norm %x, %g eps 1.0e-6 : tensor<?x4096xf32>, tensor<4096xf32>
  return %y : tensor<?x4096xf32>
}
