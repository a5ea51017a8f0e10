// Inputs of layers that stay as they are, each with the op that stops it.

// RUN: qopt-opt %s --split-input-file --qopt-rotate-down --verify-diagnostics --remarks-filter="qopt.*" -o %t
// RUN: not grep "hadamard" %t
// RUN: not qopt-opt %s --split-input-file --qopt-rotate-down="required" 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: this op does not commute with a rotation
// ERROR: note: asked for by qopt-rotate-down here

!h = tensor<?x8xf32>
ml_program.global private @w(#ml_program.extern<tensor<4x8xf32>>) : tensor<4x8xf32>

// Another reader would see the rotation.
func.func @other_reader(%g: !h, %u: !h) -> (tensor<?x4xf32>, !h) {
  %w = ml_program.global_load @w : tensor<4x8xf32>
  %h = nn.swiglu %g, %u : !h
  %y = nn.linear %h, %w : !h, tensor<4x8xf32> -> tensor<?x4xf32>
  // expected-remark @+1 {{this op does not commute with a rotation}}
  %z = nn.tanh %h : !h
  return %y, %z : tensor<?x4xf32>, !h
}

// -----

// The input of gate and up is no product: R4 never crosses the gated unit.
// expected-remark @+1 {{has nothing to rotate}}
module {
  ml_program.global private @gate(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>
  func.func @before_the_unit(%x: tensor<?x8xf32>, %u: tensor<?x8xf32>) -> tensor<?x8xf32> {
    %w = ml_program.global_load @gate : tensor<8x8xf32>
    %g = nn.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    %h = nn.swiglu %g, %u : tensor<?x8xf32>
    return %h : tensor<?x8xf32>
  }
}
