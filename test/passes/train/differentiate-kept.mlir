// What cannot be differentiated: one error that lists all of it.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics --qopt-differentiate="arguments=true"

// expected-error @+1 {{cannot be differentiated: there is no gradient of 'nn.reduce' (product of all), 'nn.gather', 'nn.slice'}}
func.func @missing(%x: tensor<4xf32>, %i: tensor<4xi64>) -> tensor<2xf32> {
  %c0 = arith.constant 0 : index
  // expected-note @unknown {{'nn.reduce' (product of all) is here}}
  %p = nn.reduce prod, %x axes [0] : tensor<4xf32> loc("product of all")
  // expected-note @below {{'nn.gather' is here}}
  %g = nn.gather %x, %i axis 0 : tensor<4xf32>, tensor<4xi64>
  // expected-note @below {{'nn.slice' is here}}
  %s = nn.slice %g axis 0 from %c0 step 2 : tensor<4xf32> -> tensor<2xf32>
  %y = nn.mul %s, %p : tensor<2xf32>, tensor<f32>
  return %y : tensor<2xf32>
}

// -----

// Angles, masks and the scales of codes are not trained.
// expected-error @+1 {{cannot be differentiated: there is no gradient of 'nn.rope', 'nn.attention'}}
func.func @angles(%q: tensor<1x1x2x2xf32>, %c: tensor<1x2x1xf32>, %m: tensor<2x2xf32>) -> tensor<1x1x2x2xf32> {
  // expected-note @below {{'nn.rope' is here}}
  %r = nn.rope %q, %c, %c : tensor<1x1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>
  // expected-note @below {{'nn.attention' is here}}
  %y = nn.attention %r, %r, %r mask %m scale 1.0 : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<2x2xf32> -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// -----

// expected-error @+1 {{trains what its loss does not depend on: 'arg1', 'bias'}}
func.func @unused(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32> {nn.name = "bias"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{has nothing to train}}
func.func @frozen(%i: tensor<4xi64>) -> tensor<4xf32> {
  %x = nn.cast %i : tensor<4xi64> -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// -----

// More than one result, and integers, are no loss: nothing is added.
func.func @two(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}
func.func @counts(%x: tensor<4xi64>) -> tensor<4xi64> {
  return %x : tensor<4xi64>
}
