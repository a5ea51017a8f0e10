// What the ops of one operand refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @neg_c1_index(%x: tensor<4xindex>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point or signless integer values, but got 'tensor<4xindex>'}}
  %y = nn.neg %x : tensor<4xindex>
  return
}

// -----

func.func @abs_c1_index(%x: tensor<4xindex>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point or signless integer values, but got 'tensor<4xindex>'}}
  %y = nn.abs %x : tensor<4xindex>
  return
}

// -----

func.func @exp_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.exp %x : tensor<4xi32>
  return
}

// -----

func.func @log_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.log %x : tensor<4xi32>
  return
}

// -----

func.func @sqrt_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.sqrt %x : tensor<4xi32>
  return
}

// -----

func.func @rsqrt_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.rsqrt %x : tensor<4xi32>
  return
}

// -----

func.func @reciprocal_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.reciprocal %x : tensor<4xi32>
  return
}

// -----

func.func @sin_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.sin %x : tensor<4xi32>
  return
}

// -----

func.func @cos_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.cos %x : tensor<4xi32>
  return
}

// -----

func.func @tanh_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.tanh %x : tensor<4xi32>
  return
}

// -----

func.func @erf_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.erf %x : tensor<4xi32>
  return
}

// -----

func.func @sigmoid_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.sigmoid %x : tensor<4xi32>
  return
}

// -----

func.func @silu_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.silu %x : tensor<4xi32>
  return
}

// -----

func.func @relu_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.relu %x : tensor<4xi32>
  return
}

// -----

func.func @floor_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.floor %x : tensor<4xi32>
  return
}

// -----

func.func @ceil_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.ceil %x : tensor<4xi32>
  return
}

// -----

func.func @round_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.round %x : tensor<4xi32>
  return
}

// -----

func.func @not_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 1-bit signless integer values, but got 'tensor<4xi32>'}}
  %y = nn.not %x : tensor<4xi32>
  return
}

// -----

func.func @is_nan_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.is_nan %x : tensor<4xi32>
  return
}

// -----

func.func @is_inf_c1_integers(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point values, but got 'tensor<4xi32>'}}
  %y = nn.is_inf %x : tensor<4xi32>
  return
}

// -----

func.func @cast_c1_shape(%x: tensor<4xf32>) {
  // expected-error @+1 {{'nn.cast' op failed to verify that all of {input, result} have same shape}}
  %y = nn.cast %x : tensor<4xf32> -> tensor<3xi32>
  return
}
