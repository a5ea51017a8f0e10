// Stores that need a copy, and globals that are no variables, are errors.

// RUN: qopt-opt %s --split-input-file --qopt-outline-kernels --qopt-place-variables --verify-diagnostics
// Kernels must be there.
// RUN: not qopt-opt %s --split-input-file --qopt-place-variables 2>&1 | FileCheck %s
// CHECK: expects the result of a launch that nothing else reads

ml_program.global private mutable @w(dense<1.0> : tensor<4x4xf32>) : tensor<4x4xf32>

// The old value is read once more.
func.func @read_later(%g: tensor<4x4xf32> {nn.dims = affine_map<() -> (4, 4)>}) -> tensor<4x4xf32>
    attributes {nn.symbols = []} {
  %w = ml_program.global_load @w : tensor<4x4xf32>
  %new = nn.add %w, %g : tensor<4x4xf32>, tensor<4x4xf32>
  // expected-error @+1 {{overwrites what is read behind it}}
  ml_program.global_store @w = %new : tensor<4x4xf32>
  %y = nn.mul %w, %g : tensor<4x4xf32>, tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

ml_program.global private mutable @w(dense<1.0> : tensor<4x4xf32>) : tensor<4x4xf32>

// An element is read where another one has been written.
func.func @read_elsewhere() attributes {nn.symbols = []} {
  %w = ml_program.global_load @w : tensor<4x4xf32>
  %t = nn.transpose %w [1, 0] : tensor<4x4xf32>
  %new = nn.add %w, %t : tensor<4x4xf32>, tensor<4x4xf32>
  // expected-error @+1 {{overwrites what its kernel still reads}}
  ml_program.global_store @w = %new : tensor<4x4xf32>
  return
}

// -----

// expected-error @+1 {{expects a variable to be a tensor of numbers of static shape, got 'tensor<?xf32>'}}
ml_program.global private mutable @w(#ml_program.extern<tensor<?xf32>>) : tensor<?xf32>
