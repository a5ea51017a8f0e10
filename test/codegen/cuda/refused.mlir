// What no kernel for CUDA takes is an error that names ops and types; so are
// flags that do not fit.

// RUN: %{exits} 1 qopt %s --target=cuda --emit=ptx -q -o - 2>&1 | FileCheck %s
// RUN: %{exits} 1 qopt %s --target=cuda --cuda-arch=sm_12 -q -o %t 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: %{exits} 2 qopt %s --emit=ptx -q -o %t 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: %{exits} 2 qopt %s --cuda-arch=sm_80 -q -o %t 2>&1 | FileCheck %s --check-prefix=ARCH
// RUN: %{exits} 2 qopt %s --target=cuda --emit=cubin --cuda-arch=sm_80,sm_90a -q -o %t 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: %{exits} 2 qopt %s --target=cuda --compare -q -o %t 2>&1 | FileCheck %s --check-prefix=COMPARE

// CHECK: error: no kernel for CUDA takes nn.softmax of 'tensor<?x8xf64>' (kernel @softmax_0): compile for the CPU
// CHIP: error: --cuda-arch: unknown chip 'sm_12', expects native, sm_80, sm_86, sm_89, sm_90, sm_90a
// TARGET: error: --emit=ptx and --emit=cubin are for --target=cuda only
// ARCH: error: --cuda-arch is for --target=cuda only
// ONE: error: expects one chip for --emit=ptx or cubin, got 2: --cuda-arch=sm_80
// COMPARE: error: --compare runs code on the CPU: leave out --target=cuda
func.func @run(%x: tensor<?x8xf64> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 8)>})
    -> (tensor<?x8xf64> {nn.name = "y"}) attributes {nn.symbols = ["batch"]} {
  %y = nn.softmax %x axis 1 : tensor<?x8xf64>
  return %y : tensor<?x8xf64>
}
