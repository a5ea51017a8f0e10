// Layers whose input stays float, each with its reason.

// RUN: qopt-opt %s --qopt-quantize-activations="head=false leave=gate" --verify-diagnostics \
// RUN:   --remarks-filter="qopt.*" | FileCheck %s
// RUN: not qopt-opt %s --qopt-quantize-activations="leave=q_proj" 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: pattern 'q_proj' matches no layer on codes
// RUN: not qopt-opt %s --qopt-quantize-activations="leave=q(" 2>&1 | FileCheck %s --check-prefix=REGEX
// REGEX: error: expects a regular expression, got 'q(': parentheses not balanced
// RUN: not qopt-opt %s --qopt-quantize-activations="bits=9" 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: error: expects 2 to 8 bits and a clip of 1 to 100 %, got 9 and 100

!w = tensor<6x8xi8>
!s = tensor<6xf32>

ml_program.global private @gate(dense<3> : !w) : !w
ml_program.global private @lm_head(dense<3> : !w) : !w {nn.role = #nn.role<head>}
ml_program.global private @scales(dense<1.0> : !s) : !s
ml_program.global private @wide(dense<1> : tensor<6x131072xi8>) : tensor<6x131072xi8>

// CHECK-LABEL: func @named_kept(
func.func @named_kept(%x: tensor<?x8xf32>) -> tensor<?x6xf32> {
  %k = ml_program.global_load @gate : !w
  %s = ml_program.global_load @scales : !s
  // CHECK-NOT: lowbit.quantize
  // expected-remark @+1 {{left in float as the option says}}
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x8xf32>, !w, !s -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// CHECK-LABEL: func @head_kept(
func.func @head_kept(%x: tensor<?x8xf32>) -> tensor<?x6xf32> {
  %k = ml_program.global_load @lm_head : !w
  %s = ml_program.global_load @scales : !s
  // CHECK-NOT: lowbit.quantize
  // expected-remark @+1 {{the head's input stays float}}
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x8xf32>, !w, !s -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// CHECK-LABEL: func @too_wide_kept(
func.func @too_wide_kept(%x: tensor<?x131072xf32>) -> tensor<?x6xf32> {
  %k = ml_program.global_load @wide : tensor<6x131072xi8>
  %s = ml_program.global_load @scales : !s
  // CHECK-NOT: lowbit.quantize
  // expected-remark @+1 {{sums over its channels do not fit 32 bits}}
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x131072xf32>, tensor<6x131072xi8>, !s -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// A float layer has no codes to multiply with.
// CHECK-LABEL: func @float_kept(
func.func @float_kept(%x: tensor<?x8xf32>, %w: tensor<6x8xf32>) -> tensor<?x6xf32> {
  // CHECK-NOT: lowbit.quantize
  %y = nn.linear %x, %w : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
