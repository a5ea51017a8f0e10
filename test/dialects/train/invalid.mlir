// What optimizers and their states refuse, one case a constraint.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @clip_norm_c1_none(%m: tensor<f32>) {
  // expected-error @+1 {{expects at least one gradient}}
  %n, %s = "train.clip_norm"(%m) : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @clip_norm_c2_dynamic(%m: tensor<f32>, %g: tensor<?xf32>) {
  // expected-error @+1 {{operand #1 must be variadic of float tensor of static shape, but got 'tensor<?xf32>'}}
  %n, %s = train.clip_norm %m of %g : tensor<?xf32>
  return
}

// -----

func.func @sgd_c1_dynamic(%p: tensor<?xf32>, %g: tensor<8xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{operand #0 must be float tensor of static shape}}
  %a, %b = train.sgd %p, %g, %p lr %n momentum %n scale %n : tensor<?xf32>, tensor<8xf32>
  return
}

// -----

func.func @sgd_c2_gradient(%p: tensor<8xf32>, %g: tensor<4xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{failed to verify that all of {parameter, gradient} have same shape}}
  %a, %b = train.sgd %p, %g, %p lr %n momentum %n scale %n : tensor<8xf32>, tensor<4xf32>
  return
}

// -----

func.func @adamw_c1_dynamic(%p: tensor<?xf32>, %g: tensor<8xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{operand #0 must be float tensor of static shape}}
  %a, %b, %c = train.adamw %p, %g, %p, %p step %t lr %n betas %n, %n eps %n decay %n scale %n : tensor<?xf32>, tensor<8xf32>
  return
}

// -----

func.func @adamw_c2_gradient(%p: tensor<8xf32>, %g: tensor<4xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{failed to verify that all of {parameter, gradient} have same shape}}
  %a, %b, %c = train.adamw %p, %g, %p, %p step %t lr %n betas %n, %n eps %n decay %n scale %n : tensor<8xf32>, tensor<4xf32>
  return
}

// -----

func.func @muon_c1_vector(%p: tensor<8xf32>, %g: tensor<8xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{operand #0 must be float matrix of static shape}}
  %a, %b = train.muon %p, %g, %p lr %n momentum %n decay %n scale %n : tensor<8xf32>, tensor<8xf32>
  return
}

// -----

func.func @muon_c2_gradient(%p: tensor<6x8xf32>, %g: tensor<8x6xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{failed to verify that all of {parameter, gradient} have same shape}}
  %a, %b = train.muon %p, %g, %p lr %n momentum %n decay %n scale %n : tensor<6x8xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @muon_c3_axis(%p: tensor<6x8xf32>, %g: tensor<6x8xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{expects axis 0 or 1, got 2}}
  %a, %b = train.muon %p, %g, %p splits [6] axis 2 lr %n momentum %n decay %n scale %n : tensor<6x8xf32>, tensor<6x8xf32>
  return
}

// -----

func.func @muon_c3_splits(%p: tensor<6x8xf32>, %g: tensor<6x8xf32>, %n: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{expects positive splits that sum to 6, got [4, 3]}}
  %a, %b = train.muon %p, %g, %p splits [4, 3] axis 0 lr %n momentum %n decay %n scale %n : tensor<6x8xf32>, tensor<6x8xf32>
  return
}

// -----

func.func @encode_state_c1_dynamic(%x: tensor<?xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor of static shape}}
  %k, %s = train.encode_state %x : tensor<?xf32> -> tensor<?xi8>, tensor<1xf32>
  return
}

// -----

func.func @encode_state_c2_codes(%x: tensor<8xf32>) {
  // expected-error @+1 {{expects codes of shape [8], got 'tensor<4xi8>'}}
  %k, %s = train.encode_state %x : tensor<8xf32> -> tensor<4xi8>, tensor<1xf32>
  return
}

// -----

func.func @encode_state_c3_scales(%x: tensor<300xf32>) {
  // expected-error @+1 {{expects scales of shape [2], got 'tensor<1xf32>'}}
  %k, %s = train.encode_state %x : tensor<300xf32> -> tensor<300xi8>, tensor<1xf32>
  return
}

// -----

func.func @decode_state_c1_dynamic(%k: tensor<8xi8>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result #0 must be float tensor of static shape}}
  %x = train.decode_state %k, %s : tensor<8xi8>, tensor<1xf32> -> tensor<?xf32>
  return
}

// -----

func.func @decode_state_c2_codes(%k: tensor<8xi8>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expects codes of shape [4], got 'tensor<8xi8>'}}
  %x = train.decode_state %k, %s : tensor<8xi8>, tensor<1xf32> -> tensor<4xf32>
  return
}

// -----

func.func @decode_state_c3_scales(%k: tensor<8xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{expects scales of shape [1], got 'tensor<2xf32>'}}
  %x = train.decode_state %k, %s : tensor<8xi8>, tensor<2xf32> -> tensor<8xf32>
  return
}

// -----

func.func @stochastic_round_c1_f16(%x: tensor<8xf16>, %t: tensor<i64>) {
  // expected-error @+1 {{operand #0 must be tensor of f32 or f64 of static shape}}
  %y = train.stochastic_round %x seed %t step %t stream 1 : tensor<8xf16> -> tensor<8xbf16>
  return
}

// -----

func.func @stochastic_round_c2_shape(%x: tensor<8xf32>, %t: tensor<i64>) {
  // expected-error @+1 {{expects result of shape [8], got 'tensor<4xbf16>'}}
  %y = train.stochastic_round %x seed %t step %t stream 1 : tensor<8xf32> -> tensor<4xbf16>
  return
}

// -----

func.func @choose_c1_no_layer(%lambda: tensor<2xf32>, %a: tensor<8xf32>) {
  // expected-error @+1 {{'train.choose' op expects a layer of the 2 that lambda has, got 2}}
  %y = train.choose %lambda at 2 none %a some %a whole %a : tensor<2xf32>, tensor<8xf32>
  return
}
