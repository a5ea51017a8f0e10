// What rope and attention refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @rope_c1_integers(%x: tensor<2x4x3x8xi32>, %c: tensor<1x3x4xf32>, %s: tensor<1x3x4xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor of rank 4, but got 'tensor<2x4x3x8xi32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xi32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>
  return
}

// -----

func.func @rope_c1_without_heads(%x: tensor<2x3x8xf32>, %c: tensor<1x3x4xf32>, %s: tensor<1x3x4xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor of rank 4, but got 'tensor<2x3x8xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x3x8xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>
  return
}

// -----

func.func @rope_c2_element_types(%x: tensor<2x4x3x8xf32>, %c: tensor<1x3x4xf16>, %s: tensor<1x3x4xf32>) {
  // expected-error @+1 {{'nn.rope' op failed to verify that all of {input, cos, sin} have same element type}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<1x3x4xf16>, tensor<1x3x4xf32>
  return
}

// -----

func.func @rope_c3_rank(%x: tensor<2x4x3x8xf32>, %c: tensor<3x4xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{'nn.rope' op expects cos and sin of shape [B or 1, T, R / 2] for 'tensor<2x4x3x8xf32>', got 'tensor<3x4xf32>' and 'tensor<3x4xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>
  return
}

// -----

func.func @rope_c3_scalars(%x: tensor<2x4x3x8xf32>, %c: tensor<f32>, %s: tensor<f32>) {
  // expected-error @+1 {{'nn.rope' op expects cos and sin of shape [B or 1, T, R / 2] for 'tensor<2x4x3x8xf32>', got 'tensor<f32>' and 'tensor<f32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<f32>, tensor<f32>
  return
}

// -----

func.func @rope_c3_batch(%x: tensor<2x4x3x8xf32>, %c: tensor<3x3x4xf32>, %s: tensor<3x3x4xf32>) {
  // expected-error @+1 {{'nn.rope' op expects cos and sin of shape [B or 1, T, R / 2] for 'tensor<2x4x3x8xf32>', got 'tensor<3x3x4xf32>' and 'tensor<3x3x4xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<3x3x4xf32>, tensor<3x3x4xf32>
  return
}

// -----

func.func @rope_c3_tokens(%x: tensor<2x4x3x8xf32>, %c: tensor<1x2x4xf32>, %s: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'nn.rope' op expects cos and sin of shape [B or 1, T, R / 2] for 'tensor<2x4x3x8xf32>', got 'tensor<1x2x4xf32>' and 'tensor<1x2x4xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>
  return
}

// -----

func.func @rope_c3_two_shapes(%x: tensor<2x4x3x8xf32>, %c: tensor<1x3x4xf32>, %s: tensor<2x3x4xf32>) {
  // expected-error @+1 {{'nn.rope' op expects cos and sin of shape [B or 1, T, R / 2] for 'tensor<2x4x3x8xf32>', got 'tensor<1x3x4xf32>' and 'tensor<2x3x4xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<1x3x4xf32>, tensor<2x3x4xf32>
  return
}

// -----

func.func @rope_c4_too_many_channels(%x: tensor<2x4x3x8xf32>, %c: tensor<1x3x5xf32>, %s: tensor<1x3x5xf32>) {
  // expected-error @+1 {{'nn.rope' op expects static pairs of channels of 'tensor<2x4x3x8xf32>', got 'tensor<1x3x5xf32>' and 'tensor<1x3x5xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<1x3x5xf32>, tensor<1x3x5xf32>
  return
}

// -----

func.func @rope_c4_dynamic_channels(%x: tensor<2x4x3x?xf32>, %c: tensor<1x3x4xf32>, %s: tensor<1x3x4xf32>) {
  // expected-error @+1 {{'nn.rope' op expects static pairs of channels of 'tensor<2x4x3x?xf32>', got 'tensor<1x3x4xf32>' and 'tensor<1x3x4xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x?xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>
  return
}

// -----

func.func @rope_c4_dynamic_pairs(%x: tensor<2x4x3x8xf32>, %c: tensor<1x3x?xf32>, %s: tensor<1x3x?xf32>) {
  // expected-error @+1 {{'nn.rope' op expects static pairs of channels of 'tensor<2x4x3x8xf32>', got 'tensor<1x3x?xf32>' and 'tensor<1x3x?xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<1x3x?xf32>, tensor<1x3x?xf32>
  return
}

// -----

func.func @rope_c4_largest_size(%x: tensor<2x4x3x8xf32>, %c: tensor<1x3x9223372036854775807xf32>, %s: tensor<1x3x9223372036854775807xf32>) {
  // expected-error @+1 {{'nn.rope' op expects static pairs of channels of 'tensor<2x4x3x8xf32>', got 'tensor<1x3x9223372036854775807xf32>' and 'tensor<1x3x9223372036854775807xf32>'}}
  %y = nn.rope %x, %c, %s : tensor<2x4x3x8xf32>, tensor<1x3x9223372036854775807xf32>, tensor<1x3x9223372036854775807xf32>
  return
}

// -----

func.func @attention_c1_integer_keys(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xi8>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @+1 {{operand #1 must be float tensor of rank 4, but got 'tensor<2x2x5x8xi8>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xi8>, tensor<2x2x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c1_without_heads(%q: tensor<2x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor of rank 4, but got 'tensor<2x3x8xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c1_element_types(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf16>) {
  // expected-error @+1 {{'nn.attention' op failed to verify that all of {query, key, value, result} have same element type}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf16> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c2_batch(%q: tensor<2x4x3x8xf32>, %k: tensor<3x2x5x8xf32>, %v: tensor<3x2x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects [B, H, T, D], [B, K, S, D] and [B, K, S, E], got 'tensor<2x4x3x8xf32>', 'tensor<3x2x5x8xf32>' and 'tensor<3x2x5x6xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<3x2x5x8xf32>, tensor<3x2x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c2_batch_of_values(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<1x2x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects [B, H, T, D], [B, K, S, D] and [B, K, S, E], got 'tensor<2x4x3x8xf32>', 'tensor<2x2x5x8xf32>' and 'tensor<1x2x5x6xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<1x2x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c2_heads_of_values(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x4x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects [B, H, T, D], [B, K, S, D] and [B, K, S, E], got 'tensor<2x4x3x8xf32>', 'tensor<2x2x5x8xf32>' and 'tensor<2x4x5x6xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x4x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c2_tokens_of_values(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x4x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects [B, H, T, D], [B, K, S, D] and [B, K, S, E], got 'tensor<2x4x3x8xf32>', 'tensor<2x2x5x8xf32>' and 'tensor<2x2x4x6xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x4x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c2_channels_of_keys(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x6xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects [B, H, T, D], [B, K, S, D] and [B, K, S, E], got 'tensor<2x4x3x8xf32>', 'tensor<2x2x5x6xf32>' and 'tensor<2x2x5x6xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x6xf32>, tensor<2x2x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c3_odd_group(%q: tensor<2x4x3x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects query heads in groups, one for each of 3 key heads, got 4}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c3_no_keys(%q: tensor<2x4x3x8xf32>, %k: tensor<2x0x5x8xf32>, %v: tensor<2x0x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects query heads in groups, one for each of 0 key heads, got 4}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x0x5x8xf32>, tensor<2x0x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c4_keys(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<2x4x3x4xf32>) {
  // expected-error @+1 {{'nn.attention' op expects a mask that broadcasts to 'tensor<2x4x3x5xf32>', got 'tensor<2x4x3x4xf32>'}}
  %y = nn.attention %q, %k, %v mask %m scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3x4xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c4_heads(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<2x3x5xi1>) {
  // expected-error @+1 {{'nn.attention' op expects a mask that broadcasts to 'tensor<2x4x3x5xf32>', got 'tensor<2x3x5xi1>'}}
  %y = nn.attention %q, %k, %v mask %m scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x3x5xi1> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c4_rank(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<1x1x1x1x1xf32>) {
  // expected-error @+1 {{'nn.attention' op expects a mask that broadcasts to 'tensor<2x4x3x5xf32>', got 'tensor<1x1x1x1x1xf32>'}}
  %y = nn.attention %q, %k, %v mask %m scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<1x1x1x1x1xf32> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c4_integers(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<3x5xi64>) {
  // expected-error @+1 {{operand #3 must be ranked tensor of floating-point or 1-bit signless integer values, but got 'tensor<3x5xi64>'}}
  %y = nn.attention %q, %k, %v mask %m scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<3x5xi64> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c5_integers(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %p: tensor<2x5xi64>) {
  // expected-error @+1 {{operand #3 must be ranked tensor of 1-bit signless integer values, but got 'tensor<2x5xi64>'}}
  %y = nn.attention %q, %k, %v key_mask %p scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> key_mask tensor<2x5xi64> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c5_one_for_all(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %p: tensor<1x5xi1>) {
  // expected-error @+1 {{'nn.attention' op expects a key mask of type 'tensor<2x5xi1>', got 'tensor<1x5xi1>'}}
  %y = nn.attention %q, %k, %v key_mask %p scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> key_mask tensor<1x5xi1> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c5_rank(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %p: tensor<i1>) {
  // expected-error @+1 {{'nn.attention' op expects a key mask of type 'tensor<2x5xi1>', got 'tensor<i1>'}}
  %y = nn.attention %q, %k, %v key_mask %p scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> key_mask tensor<i1> -> tensor<2x4x3x6xf32>
  return
}

// -----

func.func @attention_c6_result_shape(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects a result of type 'tensor<2x4x3x6xf32>', got 'tensor<2x4x3x8xf32>'}}
  %y = nn.attention %q, %k, %v scale 1.0
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> -> tensor<2x4x3x8xf32>
  return
}

// -----

func.func @attention_c7_infinite_scale(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @+1 {{'nn.attention' op expects a finite scale, got}}
  %y = nn.attention %q, %k, %v scale 0x7FF0000000000000
       : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> -> tensor<2x4x3x6xf32>
  return
}
