// What is trained: all but adapters, only adapters, or what a name matches.
// RUN: qopt-opt %s --qopt-differentiate | FileCheck %s --check-prefix=FULL
// RUN: qopt-opt %s --qopt-differentiate="train=lora" | FileCheck %s --check-prefix=LORA
// RUN: qopt-opt %s --qopt-differentiate="pattern=^w entry=loss" | FileCheck %s --check-prefix=NAMED
// RUN: not qopt-opt %s --qopt-differentiate="entry=loss" 2>&1 | FileCheck %s --check-prefix=UNREAD
// RUN: not qopt-opt %s --qopt-differentiate="train=some" 2>&1 | FileCheck %s --check-prefix=KINDS
// RUN: not qopt-opt %s --qopt-differentiate="pattern=(" 2>&1 | FileCheck %s --check-prefix=PATTERN

// FULL: func @loss.grad(%{{.*}}) -> (tensor<2x3xf32>, tensor<3x4xf32> {nn.name = "w.grad"}, tensor<4xf32> {nn.name = "g.grad"})
// LORA: func @loss.grad(%{{.*}}) -> (tensor<2x3xf32>, tensor<1x4xf32> {nn.name = "a.grad"}, tensor<3x1xf32> {nn.name = "b.grad"})
// The frozen weight costs nothing.
// LORA: train.linear_weight_grad
// LORA: train.linear_weight_grad
// LORA-NOT: train.linear_weight_grad
// NAMED: func @loss.grad(%{{.*}}) -> (tensor<2x3xf32>, tensor<3x4xf32> {nn.name = "w.grad"})
// UNREAD: trains what its loss does not depend on: 'other'
// KINDS: expects train to be full or lora, got 'some'
// PATTERN: expects a regular expression, got '('

ml_program.global private @w(#ml_program.extern : tensor<3x4xf32>) : tensor<3x4xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @g(#ml_program.extern : tensor<4xf32>) : tensor<4xf32> {nn.role = #nn.role<norm>}
ml_program.global private @a(#ml_program.extern : tensor<1x4xf32>) : tensor<1x4xf32> {nn.role = #nn.role<adapter>}
ml_program.global private @b(#ml_program.extern : tensor<3x1xf32>) : tensor<3x1xf32> {nn.role = #nn.role<adapter>}
ml_program.global private @other(#ml_program.extern : tensor<4xf32>) : tensor<4xf32> {nn.role = #nn.role<norm>}

func.func @loss(%x: tensor<2x4xf32>) -> tensor<2x3xf32> {
  %g = ml_program.global_load @g : tensor<4xf32>
  %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<2x4xf32>, tensor<4xf32>
  %w = ml_program.global_load @w : tensor<3x4xf32>
  %a = ml_program.global_load @a : tensor<1x4xf32>
  %b = ml_program.global_load @b : tensor<3x1xf32>
  %base = nn.linear %n, %w : tensor<2x4xf32>, tensor<3x4xf32> -> tensor<2x3xf32>
  %y = lowbit.lora_linear %n, %a, %b scale 2.0 onto %base : tensor<2x4xf32>, tensor<1x4xf32>, tensor<3x1xf32>, tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
