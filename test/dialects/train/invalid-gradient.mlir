// What gradients refuse, one case a constraint.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @linear_weight_grad_c1_dynamic(%dy: tensor<4x?xf32>, %x: tensor<4x8xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension, but got 'tensor<4x?xf32>'}}
  %w = train.linear_weight_grad %dy, %x : tensor<4x?xf32>, tensor<4x8xf32> -> tensor<6x8xf32>
  return
}

// -----

func.func @linear_weight_grad_c2_rows(%dy: tensor<4x6xf32>, %x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects input of shape [4, 8], got 'tensor<3x8xf32>'}}
  %w = train.linear_weight_grad %dy, %x : tensor<4x6xf32>, tensor<3x8xf32> -> tensor<6x8xf32>
  return
}

// -----

func.func @linear_weight_grad_c3_result(%dy: tensor<?x4x6xf32>, %x: tensor<?x4x8xf32>) {
  // expected-error @+1 {{expects result of shape [6, 8], got 'tensor<8x6xf32>'}}
  %w = train.linear_weight_grad %dy, %x : tensor<?x4x6xf32>, tensor<?x4x8xf32> -> tensor<8x6xf32>
  return
}

// -----

func.func @packed_linear_grad_c1_dynamic(%dy: tensor<4x?xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension}}
  %x = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 4, per = channel> : tensor<4x?xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @packed_linear_grad_c2_weight(%dy: tensor<4x6xf32>, %w: tensor<5x8xi8>, %s: tensor<6xf32>, %z: tensor<6xi8>) {
  // expected-error @+1 {{expects weight of shape [6, 8], got 'tensor<5x8xi8>'}}
  %x = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 4, per = channel> : tensor<4x6xf32>, tensor<5x8xi8>, tensor<6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @packed_linear_grad_c2_result(%dy: tensor<?x6xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>, %z: tensor<6xi8>) {
  // expected-error @+1 {{expects result of shape [?, 8], got 'tensor<?x9xf32>'}}
  %x = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 4, per = channel> : tensor<?x6xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x9xf32>
  return
}

// -----

func.func @packed_linear_grad_c3_scales(%dy: tensor<4x6xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>, %z: tensor<6xi8>) {
  // expected-error @+1 {{expects scales of shape [6, 2], got 'tensor<6xf32>'}}
  %x = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 4, per = group, group = 4> : tensor<4x6xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @packed_linear_grad_c4_zeros(%dy: tensor<4x6xf32>, %w: tensor<6x8xi8>, %s: tensor<6xf32>, %z: tensor<6xi8>) {
  // expected-error @+1 {{expects zeros just if the scheme has zeros}}
  %x = train.packed_linear_grad %dy, %w scales %s scheme <asym, bits = 4, per = channel> : tensor<4x6xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @rms_norm_grad_c1_dynamic(%x: tensor<4x?xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension}}
  %dx, %dg = train.rms_norm_grad %x, %x, %g eps 0.0 : tensor<4x?xf32>, tensor<4xf32>
  return
}

// -----

func.func @rms_norm_grad_c2_gain(%dy: tensor<4x8xf32>, %x: tensor<4x8xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{expects gain to have one element, or one per channel (8), got 'tensor<4xf32>'}}
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 0.0 : tensor<4x8xf32>, tensor<4xf32>
  return
}

// -----

func.func @rms_norm_grad_c3_eps(%x: tensor<4x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expects eps to be finite and not negative, got -1.0}}
  %dx, %dg = train.rms_norm_grad %x, %x, %g eps -1.0 : tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @swiglu_grad_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values}}
  %dg, %du = train.swiglu_grad %x, %x, %x : tensor<4xi32>
  return
}

// -----

func.func @attention_grad_c1_elements(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf64>, %v: tensor<1x2x5x6xf32>) {
  // expected-error @+1 {{failed to verify that all of {dy, query, key, value} have same element type}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v scale 0.5 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x8xf64>, tensor<1x2x5x6xf32>
  return
}

// -----

func.func @attention_grad_c2_key(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x7xf32>, %v: tensor<1x2x5x6xf32>) {
  // expected-error @+1 {{expects key of shape [1, 2, 5, 8], got 'tensor<1x2x5x7xf32>'}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v scale 0.5 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x7xf32>, tensor<1x2x5x6xf32>
  return
}

// -----

func.func @attention_grad_c2_value(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x4x6xf32>) {
  // expected-error @+1 {{expects value of shape [1, 2, 5, 6], got 'tensor<1x2x4x6xf32>'}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v scale 0.5 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x4x6xf32>
  return
}

// -----

func.func @attention_grad_c2_dy(%dy: tensor<1x4x3x8xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>) {
  // expected-error @+1 {{expects dy of shape [1, 4, 3, 6], got 'tensor<1x4x3x8xf32>'}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v scale 0.5 : tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>
  return
}

// -----

func.func @attention_grad_c3_groups(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x3x5x8xf32>, %v: tensor<1x3x5x6xf32>) {
  // expected-error @+1 {{expects query heads in groups, one for each of 3 key heads, got 4}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v scale 0.5 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x3x5x8xf32>, tensor<1x3x5x6xf32>
  return
}

// -----

func.func @attention_grad_c4_mask(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %m: tensor<3x4xf32>) {
  // expected-error @+1 {{expects a mask of queries and keys, got 'tensor<3x4xf32>'}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v mask %m scale 0.5 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<3x4xf32>
  return
}

// -----

func.func @attention_grad_c4_key_mask(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %m: tensor<1x4xi1>) {
  // expected-error @+1 {{expects key_mask of shape [1, 5], got 'tensor<1x4xi1>'}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v key_mask %m scale 0.5 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32> key_mask tensor<1x4xi1>
  return
}

// -----

func.func @attention_grad_c5_scale(%dy: tensor<1x4x3x6xf32>, %q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>) {
  // expected-error @+1 {{expects a finite scale}}
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v scale 0x7FF0000000000000 : tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>
  return
}

// -----

func.func @embedding_grad_c1_dynamic(%dy: tensor<4x?xf32>, %i: tensor<4xi64>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension}}
  %t = train.embedding_grad %dy, %i : tensor<4x?xf32>, tensor<4xi64> -> tensor<9x8xf32>
  return
}

// -----

func.func @embedding_grad_c2_ids(%dy: tensor<4x8xf32>, %i: tensor<3xi64>) {
  // expected-error @+1 {{expects ids of shape [4], got 'tensor<3xi64>'}}
  %t = train.embedding_grad %dy, %i : tensor<4x8xf32>, tensor<3xi64> -> tensor<9x8xf32>
  return
}

// -----

func.func @embedding_grad_c3_table(%dy: tensor<4x8xf32>, %i: tensor<4xi64>) {
  // expected-error @+1 {{expects result of shape [9, 8], got 'tensor<9x7xf32>'}}
  %t = train.embedding_grad %dy, %i : tensor<4x8xf32>, tensor<4xi64> -> tensor<9x7xf32>
  return
}

// -----

func.func @cross_entropy_grad_c1_dynamic(%dy: tensor<4xf32>, %x: tensor<4x?xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{operand #1 must be float tensor with a static last dimension}}
  %d = train.cross_entropy_grad %dy, %x, %t : tensor<4xf32>, tensor<4x?xf32>, tensor<4xi64>
  return
}

// -----

func.func @cross_entropy_grad_c2_targets(%dy: tensor<4xf32>, %x: tensor<4x9xf32>, %t: tensor<3xi64>) {
  // expected-error @+1 {{expects targets of shape [4], got 'tensor<3xi64>'}}
  %d = train.cross_entropy_grad %dy, %x, %t : tensor<4xf32>, tensor<4x9xf32>, tensor<3xi64>
  return
}

// -----

func.func @cross_entropy_grad_c2_dy(%dy: tensor<f32>, %x: tensor<4x9xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects dy of shape [4], got 'tensor<f32>'}}
  %d = train.cross_entropy_grad %dy, %x, %t : tensor<f32>, tensor<4x9xf32>, tensor<4xi64>
  return
}

// -----

func.func @recompute_c1_integers(%x: tensor<4xi32>, %dy: tensor<4xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values}}
  %y = train.recompute %x after %dy : tensor<4xi32>, tensor<4xf32>
  return
}
