// What the elementwise ops of several operands refuse: (Cn) of the
// documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @add_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.add %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @add_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.add %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @sub_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.sub %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @sub_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.sub %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @mul_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.mul %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @mul_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.mul %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @div_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.div %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @div_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.div %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @remainder_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.remainder %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @remainder_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.remainder %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @pow_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.pow %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @pow_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.pow %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @maximum_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.maximum %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @maximum_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.maximum %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @minimum_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.minimum %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @minimum_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.minimum %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @and_c1_element_types(%x: tensor<4xi1>, %y: tensor<4xi8>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xi1>' and 'tensor<4xi8>'}}
  %z = nn.and %x, %y : tensor<4xi1>, tensor<4xi8>
  return
}

// -----

func.func @and_c2_shapes(%x: tensor<2x4xi1>, %y: tensor<2xi1>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xi1>' and 'tensor<2xi1>'}}
  %z = nn.and %x, %y : tensor<2x4xi1>, tensor<2xi1>
  return
}

// -----

func.func @or_c1_element_types(%x: tensor<4xi1>, %y: tensor<4xi8>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xi1>' and 'tensor<4xi8>'}}
  %z = nn.or %x, %y : tensor<4xi1>, tensor<4xi8>
  return
}

// -----

func.func @or_c2_shapes(%x: tensor<2x4xi1>, %y: tensor<2xi1>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xi1>' and 'tensor<2xi1>'}}
  %z = nn.or %x, %y : tensor<2x4xi1>, tensor<2xi1>
  return
}

// -----

func.func @xor_c1_element_types(%x: tensor<4xi1>, %y: tensor<4xi8>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xi1>' and 'tensor<4xi8>'}}
  %z = nn.xor %x, %y : tensor<4xi1>, tensor<4xi8>
  return
}

// -----

func.func @xor_c2_shapes(%x: tensor<2x4xi1>, %y: tensor<2xi1>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xi1>' and 'tensor<2xi1>'}}
  %z = nn.xor %x, %y : tensor<2x4xi1>, tensor<2xi1>
  return
}

// -----

func.func @compare_c1_element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.compare lt, %x, %y : tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @compare_c2_shapes(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<2x4xf32>' and 'tensor<2xf32>'}}
  %z = nn.compare lt, %x, %y : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @select_c1_element_types(%p: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{expects equal element types, got 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %z = nn.select %p, %x, %y : tensor<4xi1>, tensor<4xf32>, tensor<4xf16>
  return
}

// -----

func.func @select_c2_shape_of_condition(%p: tensor<3xi1>, %x: tensor<4xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<3xi1>', 'tensor<4xf32>' and 'tensor<4xf32>'}}
  %z = nn.select %p, %x, %y : tensor<3xi1>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @select_c2_shapes_of_values(%p: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<3xf32>) {
  // expected-error @+1 {{expects shapes that broadcast, got 'tensor<4xi1>', 'tensor<4xf32>' and 'tensor<3xf32>'}}
  %z = nn.select %p, %x, %y : tensor<4xi1>, tensor<4xf32>, tensor<3xf32>
  return
}

// -----

func.func @swiglu_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.swiglu %x, %x : tensor<4xi32>
  return
}
