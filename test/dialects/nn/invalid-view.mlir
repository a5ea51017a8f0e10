// What the ops that move elements refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @transpose_c1_axis_twice(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a permutation of the 2 axes}}
  %y = nn.transpose %x [0, 0] : tensor<4x8xf32>
  return
}

// -----

func.func @transpose_c1_missing_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a permutation of the 2 axes}}
  %y = nn.transpose %x [0] : tensor<4x8xf32>
  return
}

// -----

func.func @gather_c1_axis(%x: tensor<4x8xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.gather %x, %i axis 2 : tensor<4x8xf32>, tensor<2xi64>
  return
}

// -----

func.func @gather_c2_float_indices(%x: tensor<4x8xf32>, %i: tensor<2xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of signless integer values, but got 'tensor<2xf32>'}}
  %y = nn.gather %x, %i axis 0 : tensor<4x8xf32>, tensor<2xf32>
  return
}

// -----

func.func @gather_nd_c1_dynamic_depth(%x: tensor<4x8xf32>, %i: tensor<3x?xi64>) {
  // expected-error @+1 {{expects a static last dimension, got 'tensor<3x?xi64>'}}
  %y = nn.gather_nd %x, %i : tensor<4x8xf32>, tensor<3x?xi64>
  return
}

// -----

func.func @gather_nd_c2_depth(%x: tensor<4x8xf32>, %i: tensor<3x3xi64>) {
  // expected-error @+1 {{expects indices into 'tensor<4x8xf32>', got 'tensor<3x3xi64>' with batch_dims 0}}
  %y = nn.gather_nd %x, %i : tensor<4x8xf32>, tensor<3x3xi64>
  return
}

// -----

func.func @gather_nd_c2_batch_dims(%x: tensor<4x8xf32>, %i: tensor<4x1xi64>) {
  // expected-error @+1 {{expects indices into 'tensor<4x8xf32>', got 'tensor<4x1xi64>' with batch_dims 2}}
  %y = nn.gather_nd %x, %i batch_dims 2 : tensor<4x8xf32>, tensor<4x1xi64>
  return
}

// -----

func.func @gather_elements_c1_axis(%x: tensor<4x8xf32>, %i: tensor<4x2xi64>) {
  // expected-error @+1 {{expects an axis of 'tensor<4x8xf32>', got -1}}
  %y = nn.gather_elements %x, %i axis -1 : tensor<4x8xf32>, tensor<4x2xi64>
  return
}

// -----

func.func @gather_elements_c2_float_indices(%x: tensor<4x8xf32>, %i: tensor<4x2xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of signless integer values, but got 'tensor<4x2xf32>'}}
  %y = nn.gather_elements %x, %i axis 1 : tensor<4x8xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @scatter_nd_c1_float_indices(%x: tensor<4x8xf32>, %i: tensor<2x1xf32>, %u: tensor<2x8xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of signless integer values, but got 'tensor<2x1xf32>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<2x1xf32>, tensor<2x8xf32>
  return
}

// -----

func.func @from_index_c1_float(%n: index) {
  // expected-error @+1 {{result #0 must be ranked tensor of signless integer values, but got 'tensor<f32>'}}
  %y = nn.from_index %n : tensor<f32>
  return
}
