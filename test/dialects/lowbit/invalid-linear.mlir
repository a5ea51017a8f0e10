// What a layer on codes refuses, one case a constraint.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @linear_c1_dynamic_channels(%x: tensor<4x?xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects input with a static last dimension, got 'tensor<4x?xf32>'}}
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = channel>
       : tensor<4x?xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c1_codes_without_scales(%x: tensor<4x8xi8>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects input_scales for an input of codes}}
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = channel>
       : tensor<4x8xi8>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c1_numbers_with_scales(%x: tensor<4x8xf32>, %sx: tensor<4xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects no input_scales for an input of numbers}}
  %y = lowbit.linear %x scales %sx, %w scales %s scheme <sym, bits = 4, per = channel>
       : tensor<4x8xf32>, tensor<4xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c2_input_scales(%x: tensor<4x8xi8>, %sx: tensor<8xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects input_scales of shape [4], got 'tensor<8xf32>'}}
  %y = lowbit.linear %x scales %sx, %w scales %s scheme <sym, bits = 4, per = channel>
       : tensor<4x8xi8>, tensor<8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c3_weight(%x: tensor<4x8xf32>, %w: tensor<6x4xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects weight to have one column per channel (8), got 'tensor<6x4xi8>'}}
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = channel>
       : tensor<4x8xf32>, tensor<6x4xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c4_scales(%x: tensor<4x8xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects scales of shape [6, 2], got 'tensor<6xf32>'}}
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = group, group = 4>
       : tensor<4x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c5_zeros(%x: tensor<4x8xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects zeros, which its scheme has}}
  %y = lowbit.linear %x, %w scales %s scheme <asym, bits = 4, per = channel>
       : tensor<4x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c6_bias(%x: tensor<4x8xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects bias to have one element per row of weight (6), got 'tensor<8xf32>'}}
  %y = lowbit.linear %x, %w scales %s bias %b scheme <sym, bits = 4, per = channel>
       : tensor<4x8xf32>, tensor<6x8xi8>, tensor<6xf32>, tensor<8xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c7_result(%x: tensor<4x8xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects result of shape [4, 6], got 'tensor<4x8xf32>'}}
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = channel>
       : tensor<4x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @linear_c8_splits(%x: tensor<4x8xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects positive splits that sum to 6, got [4, 3]}}
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = channel> splits [4, 3]
       : tensor<4x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @linear_c9_channels(%x: tensor<1x131072xi8>, %sx: tensor<1xf32>, %w: tensor<2x131072xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{'lowbit.linear' op expects at most 131071 channels of codes, got 131072}}
  %y = lowbit.linear %x scales %sx, %w scales %s scheme <sym, bits = 8, per = channel>
       : tensor<1x131072xi8>, tensor<1xf32>, tensor<2x131072xi8>, tensor<2xf32> -> tensor<1x2xf32>
  return
}
