// What the ops that find elements by index refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @gather_c1_axis(%x: tensor<4x8xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.gather %x, %i axis 2 : tensor<4x8xf32>, tensor<2xi64>
  return
}

// -----

func.func @gather_c1_scalar(%x: tensor<f32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expects an axis of 'tensor<f32>', got 0}}
  %y = nn.gather %x, %i axis 0 : tensor<f32>, tensor<2xi64>
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

func.func @gather_nd_c1_scalar(%x: tensor<4x8xf32>, %i: tensor<i64>) {
  // expected-error @+1 {{expects a static last dimension, got 'tensor<i64>'}}
  %y = nn.gather_nd %x, %i : tensor<4x8xf32>, tensor<i64>
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

func.func @gather_nd_c2_negative_batch_dims(%x: tensor<4x8xf32>, %i: tensor<4x1xi64>) {
  // expected-error @+1 {{expects indices into 'tensor<4x8xf32>', got 'tensor<4x1xi64>' with batch_dims -1}}
  %y = nn.gather_nd %x, %i batch_dims -1 : tensor<4x8xf32>, tensor<4x1xi64>
  return
}

// -----

func.func @gather_nd_c2_no_depth(%x: tensor<4x8xf32>, %i: tensor<4x0xi64>) {
  // expected-error @+1 {{expects indices into 'tensor<4x8xf32>', got 'tensor<4x0xi64>' with batch_dims 0}}
  %y = nn.gather_nd %x, %i : tensor<4x8xf32>, tensor<4x0xi64>
  return
}

// -----

func.func @gather_nd_c2_largest_depth(%x: tensor<4x8xf32>, %i: tensor<4x9223372036854775807xi64>) {
  // expected-error @+1 {{expects indices into 'tensor<4x8xf32>', got 'tensor<4x9223372036854775807xi64>' with batch_dims 1}}
  %y = nn.gather_nd %x, %i batch_dims 1 : tensor<4x8xf32>, tensor<4x9223372036854775807xi64>
  return
}

// -----

func.func @gather_nd_c3_batches(%x: tensor<4x8xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+1 {{expects 1 batch_dims of one size, got 'tensor<4x8xf32>' and 'tensor<3x1xi64>'}}
  %y = nn.gather_nd %x, %i batch_dims 1 : tensor<4x8xf32>, tensor<3x1xi64>
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

func.func @gather_elements_c3_rank(%x: tensor<4x8xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expects indices no larger than 'tensor<4x8xf32>' but along axis 1, got 'tensor<2xi64>'}}
  %y = nn.gather_elements %x, %i axis 1 : tensor<4x8xf32>, tensor<2xi64>
  return
}

// -----

func.func @gather_elements_c3_more_rows(%x: tensor<4x8xf32>, %i: tensor<5x2xi64>) {
  // expected-error @+1 {{expects indices no larger than 'tensor<4x8xf32>' but along axis 1, got 'tensor<5x2xi64>'}}
  %y = nn.gather_elements %x, %i axis 1 : tensor<4x8xf32>, tensor<5x2xi64>
  return
}

// -----

func.func @scatter_nd_c1_float_indices(%x: tensor<4x8xf32>, %i: tensor<2x1xf32>, %u: tensor<2x8xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of signless integer values, but got 'tensor<2x1xf32>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<2x1xf32>, tensor<2x8xf32>
  return
}

// -----

func.func @scatter_nd_c2_scalar(%x: tensor<4x8xf32>, %i: tensor<i64>, %u: tensor<3x8xf32>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects tuples of 1 to 2 indices, got 'tensor<i64>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<i64>, tensor<3x8xf32>
  return
}

// -----

func.func @scatter_nd_c2_dynamic_depth(%x: tensor<4x8xf32>, %i: tensor<3x?xi64>, %u: tensor<3x8xf32>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects tuples of 1 to 2 indices, got 'tensor<3x?xi64>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<3x?xi64>, tensor<3x8xf32>
  return
}

// -----

func.func @scatter_nd_c2_depth(%x: tensor<4x8xf32>, %i: tensor<3x3xi64>, %u: tensor<3x8xf32>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects tuples of 1 to 2 indices, got 'tensor<3x3xi64>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<3x3xi64>, tensor<3x8xf32>
  return
}

// -----

func.func @scatter_nd_c2_no_depth(%x: tensor<4x8xf32>, %i: tensor<3x0xi64>, %u: tensor<3x8xf32>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects tuples of 1 to 2 indices, got 'tensor<3x0xi64>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<3x0xi64>, tensor<3x8xf32>
  return
}

// -----

func.func @scatter_nd_c3_shape(%x: tensor<4x8xf32>, %i: tensor<3x1xi64>, %u: tensor<3x4xf32>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects updates of type 'tensor<3x8xf32>', got 'tensor<3x4xf32>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<3x1xi64>, tensor<3x4xf32>
  return
}

// -----

func.func @scatter_nd_c3_rank(%x: tensor<4x8xf32>, %i: tensor<3x1xi64>, %u: tensor<3xf32>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects updates of type 'tensor<3x8xf32>', got 'tensor<3xf32>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<3x1xi64>, tensor<3xf32>
  return
}

// -----

func.func @scatter_nd_c3_element_type(%x: tensor<4x8xf32>, %i: tensor<3x1xi64>, %u: tensor<3x8xf16>) {
  // expected-error @+1 {{'nn.scatter_nd' op expects updates of type 'tensor<3x8xf32>', got 'tensor<3x8xf16>'}}
  %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<3x1xi64>, tensor<3x8xf16>
  return
}
