// Layers that stay float, with their reasons, and codes that stay as they are.

// RUN: qopt-opt %s --qopt-quantize-weights="matrix=i4 overrides=left=float" --verify-diagnostics \
// RUN:   --remarks-filter="qopt.*" | FileCheck %s

!x = tensor<?x64xf32>
!y = tensor<?x6xf32>
!w = tensor<6x64xf32>

ml_program.global private @left(#ml_program.extern<!w>) : !w
ml_program.global private @w(#ml_program.extern<!w>) : !w
ml_program.global private @codes(dense<1> : tensor<6x64xi8>) : tensor<6x64xi8>
ml_program.global private @scales(dense<0.5> : tensor<6xf32>) : tensor<6xf32>
ml_program.global private @odd(#ml_program.extern<tensor<6x9xf32>>) : tensor<6x9xf32>

// CHECK-LABEL: func @activation_kept(
func.func @activation_kept(%x: !x, %w: !w) -> !y {
  // CHECK: nn.linear
  // expected-remark @+1 {{weight is not a parameter}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @float_kept(
func.func @float_kept(%x: !x) -> !y {
  %w = ml_program.global_load @left : !w
  // CHECK: nn.linear
  // expected-remark @+1 {{its scheme is float}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @trained_kept(
func.func @trained_kept(%x: !x) -> !y {
  %w = ml_program.global_load @w : !w
  %f = lowbit.fake_quantize %w scheme <ternary, bits = 2, per = tensor> : !w
  // CHECK: nn.linear
  // expected-remark @+1 {{weight is quantized already, for training}}
  %y = nn.linear %x, %f : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @per_token_kept(
func.func @per_token_kept(%x: !x) -> !y {
  %k = ml_program.global_load @codes : tensor<6x64xi8>
  %s = ml_program.global_load @scales : tensor<6xf32>
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<6x64xi8>, tensor<6xf32> -> !w
  // CHECK: nn.linear
  // expected-remark @+1 {{weight has scales per token}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @codes_kept(
func.func @codes_kept(%x: !x) -> !y {
  // CHECK-NOT: lowbit.quantize
  // CHECK: %[[K:.*]] = ml_program.global_load @codes
  %k = ml_program.global_load @codes : tensor<6x64xi8>
  %s = ml_program.global_load @scales : tensor<6xf32>
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = channel> : tensor<6x64xi8>, tensor<6xf32> -> !w
  // CHECK: lowbit.linear %{{.*}}, %[[K]] {{.*}} scheme <sym, bits = 8, per = channel>
  // expected-remark @+2 {{weight is codes already: they stay as they are}}
  // expected-remark @+1 {{sym, 8 bits}}
  %y = nn.linear %x, %w : !x, !w -> !y
  return %y : !y
}

// CHECK-LABEL: func @no_group(
func.func @no_group(%x: tensor<?x9xf32>) -> !y {
  %w = ml_program.global_load @odd : tensor<6x9xf32>
  // CHECK: lowbit.linear {{.*}} scheme <gptq_sym, bits = 4, per = channel, mse = true, weighted = true>
  // expected-remark @+2 {{no group divides: one scale per channel}}
  // expected-remark @+1 {{gptq_sym, 4 bits}}
  %y = nn.linear %x, %w : tensor<?x9xf32>, tensor<6x9xf32> -> !y
  return %y : !y
}
