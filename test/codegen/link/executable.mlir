// A program becomes an executable that finds its weights behind its code.
// RUN: rm -rf %t && mkdir -p %t/bundle %t/out
// RUN: cp %bundle/Scrt1.o %bundle/crti.o %bundle/crtn.o %bundle/libqopt_builtins.a %t/bundle
// RUN: clang -O1 -fPIC -I %include -c %S/Inputs/runtime.c -o %t/runtime.o
// RUN: llvm-ar rcs %t/bundle/libqopt_cli.a %t/runtime.o && llvm-ar rcs %t/bundle/libqopt_runtime.a
// RUN: qopt %s --bundle=%t/bundle --progress=none -o %t/out/model 2>&1 | FileCheck %s --check-prefix=DONE
// RUN: %t/out/model | FileCheck %s

// x W^T for x = [[0, 1, 2], [3, 4, 5]], plus a bias.
// CHECK: 18 23 7 51 89 22
// DONE: done: {{.*}}model, model {{.*}}, compile 00:{{[0-9]+}}, peak RSS {{.*}}, arena {{.*}} at batch 1 x 2048

// The loader needs libc and nothing else.
// RUN: llvm-readelf -d -l %t/out/model | FileCheck %s --check-prefix=ELF
// ELF: /lib64/ld-linux-x86-64.so.2
// ELF: GNU_RELRO
// ELF: NEEDED{{.*}}libc.so.6
// ELF-NOT: NEEDED

// The same model gives the same bytes, and nothing but the result is left.
// RUN: mkdir %t/again && qopt %s --bundle=%t/bundle -q -o %t/again/model
// RUN: cmp %t/out/model %t/again/model
// RUN: ls -A %t/again | FileCheck %s --check-prefix=LEFT
// LEFT: model
// LEFT-NOT: {{.}}

// A disk that is full leaves what was there before.
// RUN: cp %t/out/model %t/again/model
// RUN: not --crash bash -c "ulimit -c 0; ulimit -f 4; exec qopt %s --bundle=%t/bundle -q -o %t/again/model"
// RUN: cmp %t/out/model %t/again/model
// RUN: ls -A %t/again | FileCheck %s --check-prefix=LEFT

// Code calls the runtime for threads and may call memory functions.
// RUN: qopt %s --emit=obj -q -o %t/model.o && llvm-nm -u %t/model.o | FileCheck %s --check-prefix=NEEDS
// NEEDS-NOT: U {{(qopt_parallel|memcpy|memset|memmove)[a-z]|[^qm]}}

// Without its runtime no model is linked, and it says so.
// RUN: rm %t/bundle/libqopt_runtime.a
// RUN: not qopt %s --bundle=%t/bundle -q -o %t/again/model 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: cannot find '{{.*}}libqopt_runtime.a': the folder lib/qopt beside bin/qopt is incomplete
ml_program.global private @w(dense<[[1.0, 2.0, 8.0], [9.0, 3.0, 10.0], [1.0, 4.0, 0.0]]> : tensor<3x3xf32>) : tensor<3x3xf32>
ml_program.global private @b(dense<[0.0, 0.0, 3.0]> : tensor<3xf32>) : tensor<3xf32>
func.func @run(%x: tensor<?x3xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 3)>})
    -> (tensor<?x3xf32> {nn.name = "y"}) attributes {nn.symbols = ["rows"]} {
  %w = ml_program.global_load @w : tensor<3x3xf32>
  %b = ml_program.global_load @b : tensor<3xf32>
  %y = nn.linear %x, %w : tensor<?x3xf32>, tensor<3x3xf32> -> tensor<?x3xf32>
  %z = nn.add %y, %b : tensor<?x3xf32>, tensor<3xf32>
  return %z : tensor<?x3xf32>
}
