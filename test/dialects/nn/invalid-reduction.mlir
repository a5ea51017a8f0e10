// What the reductions refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @reduce_c1_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.reduce sum, %x axes [2] : tensor<4x8xf32>
  return
}

// -----

func.func @reduce_c1_negative_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects an axis of 'tensor<4x8xf32>', got -1}}
  %y = nn.reduce sum, %x axes [-1] : tensor<4x8xf32>
  return
}

// -----

func.func @reduce_c1_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{expects an axis of 'tensor<f32>', got 0}}
  %y = nn.reduce sum, %x axes [0] : tensor<f32>
  return
}

// -----

func.func @reduce_c2_axis_twice(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects each axis once, got [1, 0, 1]}}
  %y = nn.reduce sum, %x axes [1, 0, 1] : tensor<4x8xf32>
  return
}

// -----

func.func @cumsum_c1_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.cumsum' op expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.cumsum %x axis 2 : tensor<4x8xf32>
  return
}

// -----

func.func @cumsum_c1_scalar(%x: tensor<i64>) {
  // expected-error @+1 {{'nn.cumsum' op expects an axis of 'tensor<i64>', got 0}}
  %y = nn.cumsum %x axis 0 : tensor<i64>
  return
}

// -----

func.func @softmax_c1_integers(%x: tensor<4x8xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4x8xi32>'}}
  %y = nn.softmax %x axis 1 : tensor<4x8xi32>
  return
}

// -----

func.func @softmax_c2_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.softmax' op expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.softmax %x axis 2 : tensor<4x8xf32>
  return
}

// -----

func.func @softmax_c2_negative_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.softmax' op expects an axis of 'tensor<4x8xf32>', got -1}}
  %y = nn.softmax %x axis -1 : tensor<4x8xf32>
  return
}

// -----

func.func @cross_entropy_c1_dynamic_logits(%x: tensor<4x?xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension, but got 'tensor<4x?xf32>'}}
  %y = nn.cross_entropy %x, %t : tensor<4x?xf32>, tensor<4xi64>
  return
}

// -----

func.func @cross_entropy_c1_scalar_logits(%x: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{expects rows of logits, got 'tensor<f32>'}}
  %y = nn.cross_entropy %x, %t : tensor<f32>, tensor<i64>
  return
}

// -----

func.func @cross_entropy_c2_float_targets(%x: tensor<4x8xf32>, %t: tensor<4xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of signless integer values, but got 'tensor<4xf32>'}}
  %y = nn.cross_entropy %x, %t : tensor<4x8xf32>, tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_c3_count(%x: tensor<4x8xf32>, %t: tensor<3xi64>) {
  // expected-error @+1 {{expects a target for each row of 'tensor<4x8xf32>', got 'tensor<3xi64>'}}
  %y = nn.cross_entropy %x, %t : tensor<4x8xf32>, tensor<3xi64>
  return
}

// -----

func.func @cross_entropy_c3_rank(%x: tensor<4x8xf32>, %t: tensor<4x1xi64>) {
  // expected-error @+1 {{expects a target for each row of 'tensor<4x8xf32>', got 'tensor<4x1xi64>'}}
  %y = nn.cross_entropy %x, %t : tensor<4x8xf32>, tensor<4x1xi64>
  return
}

// -----

func.func @kl_divergence_c1_dynamic(%x: tensor<4x?xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension, but got 'tensor<4x?xf32>'}}
  %y = nn.kl_divergence %x, %x : tensor<4x?xf32>, tensor<4x?xf32>
  return
}

// -----

func.func @kl_divergence_c2_shape(%x: tensor<4x8xf32>, %z: tensor<4x9xf32>) {
  // expected-error @+1 {{expects a teacher like 'tensor<4x8xf32>', got 'tensor<4x9xf32>'}}
  %y = nn.kl_divergence %x, %z : tensor<4x8xf32>, tensor<4x9xf32>
  return
}
