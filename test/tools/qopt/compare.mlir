// --compare runs the code and the interpreter on the same inputs.
// RUN: mkdir -p %t && qopt %s --emit=obj -q -o %t/model.o --compare | FileCheck %s
// CHECK: dimension 3, y: max error {{.*}}, relative {{.*}}, cosine 1.00{{.*}}, top-1 1.0000
// CHECK: dimension 1, y: max error

// An error over the tolerance is the exit code.
// RUN: %python %S/Inputs/case.py %t/case 0
// RUN: qopt %s --emit=obj -q -o %t/model.o --compare=%t/case | FileCheck %s --check-prefix=STORED
// STORED: case, y: max error 0, relative 0, cosine 1.000000000, top-1 1.0000
// RUN: %python %S/Inputs/case.py %t/case 1
// RUN: not qopt %s --emit=obj -q -o %t/model.o --compare=%t/case 2>&1 | FileCheck %s --check-prefix=OVER
// OVER: case, y: max error 1, {{.*}} over tolerance
// OVER: error: the code differs from the model by more than --tolerance
// RUN: not qopt %s --emit=obj -q -o %t/model.o --compare=%S/Inputs 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: {{.*}}expects in_NAME.npy and out_NAME.npy

// Each stage prints a program that the next tool takes.
// RUN: qopt %s --stop-after=raise -q -o - | qopt-opt --pass-pipeline="builtin.module(qopt-outline-weights)" | FileCheck %s --check-prefix=RAISE
// RAISE: kernel.weight
// RUN: qopt %s --stop-after=kernels -q -o %t/kernels.mlir && qopt %t/kernels.mlir --emit=obj -q -o %t/stages.o
// RUN: qopt %s --emit=obj -q -o %t/model.o && cmp %t/model.o %t/stages.o
// RUN: qopt %s --stop-after=generate -q -o - | FileCheck %s --check-prefix=GENERATE
// GENERATE: llvm.func
// RUN: qopt %s --emit=llvm -q -o - | FileCheck %s --check-prefix=LLVM
// LLVM: @qopt_program ={{.*}} constant
ml_program.global private @w(dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>) : tensor<3x2xf32>
func.func @run(%x: tensor<?x2xf32> {nn.name = "x", nn.dims = affine_map<()[s0] -> (s0, 2)>})
    -> (tensor<?x3xf32> {nn.name = "y"}) attributes {nn.symbols = ["rows"]} {
  %w = ml_program.global_load @w : tensor<3x2xf32>
  %y = nn.linear %x, %w : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
