// What the ops that move or make elements refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @reshape_c1_element_type(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.reshape' op expects elements of 'f32', got 'tensor<32xf16>'}}
  %y = nn.reshape %x : tensor<4x8xf32> -> tensor<32xf16>
  return
}

// -----

func.func @reshape_c2_no_size(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.reshape' op expects a size for each dynamic dimension of 'tensor<?x8xf32>', got 0}}
  %y = nn.reshape %x : tensor<4x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @reshape_c2_too_many_sizes(%x: tensor<4x8xf32>, %n: index) {
  // expected-error @+1 {{'nn.reshape' op expects a size for each dynamic dimension of 'tensor<?x8xf32>', got 2}}
  %y = nn.reshape %x [%n, %n] : tensor<4x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @reshape_c3_count(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.reshape' op expects as many elements as 'tensor<4x8xf32>' has, got 'tensor<31xf32>'}}
  %y = nn.reshape %x : tensor<4x8xf32> -> tensor<31xf32>
  return
}

// -----

func.func @reshape_c3_count_that_wraps(%x: tensor<0xf32>) {
  // expected-error @+1 {{'nn.reshape' op expects as many elements as 'tensor<0xf32>' has, got 'tensor<4294967296x4294967296xf32>'}}
  %y = nn.reshape %x : tensor<0xf32> -> tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @broadcast_c1_element_type(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.broadcast' op expects elements of 'f32', got 'tensor<4x8xi32>'}}
  %y = nn.broadcast %x : tensor<4x8xf32> -> tensor<4x8xi32>
  return
}

// -----

func.func @broadcast_c2_no_size(%x: tensor<1x8xf32>) {
  // expected-error @+1 {{'nn.broadcast' op expects a size for each dynamic dimension of 'tensor<?x8xf32>', got 0}}
  %y = nn.broadcast %x : tensor<1x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @broadcast_c3_fewer_axes(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.broadcast' op expects a shape that 'tensor<4x8xf32>' can be repeated to, got 'tensor<8xf32>'}}
  %y = nn.broadcast %x : tensor<4x8xf32> -> tensor<8xf32>
  return
}

// -----

func.func @broadcast_c3_size(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{'nn.broadcast' op expects a shape that 'tensor<2x8xf32>' can be repeated to, got 'tensor<4x8xf32>'}}
  %y = nn.broadcast %x : tensor<2x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @broadcast_c3_first_axes(%x: tensor<4xf32>) {
  // expected-error @+1 {{'nn.broadcast' op expects a shape that 'tensor<4xf32>' can be repeated to, got 'tensor<4x8xf32>'}}
  %y = nn.broadcast %x : tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @transpose_c1_axis_twice(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a permutation of the 2 axes, got [0, 0]}}
  %y = nn.transpose %x [0, 0] : tensor<4x8xf32>
  return
}

// -----

func.func @transpose_c1_missing_axis(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a permutation of the 2 axes, got [0]}}
  %y = nn.transpose %x [0] : tensor<4x8xf32>
  return
}

// -----

func.func @slice_c1_axis(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.slice %x axis 2 from %i : tensor<4x8xf32> -> tensor<2x8xf32>
  return
}

// -----

func.func @slice_c1_scalar(%x: tensor<f32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects an axis of 'tensor<f32>', got 0}}
  %y = nn.slice %x axis 0 from %i : tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @slice_c2_other_axis(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects a result that differs from 'tensor<4x8xf32>' along axis 0 only, got 'tensor<2x4xf32>'}}
  %y = nn.slice %x axis 0 from %i : tensor<4x8xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @slice_c2_rank(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects a result that differs from 'tensor<4x8xf32>' along axis 0 only, got 'tensor<2xf32>'}}
  %y = nn.slice %x axis 0 from %i : tensor<4x8xf32> -> tensor<2xf32>
  return
}

// -----

func.func @slice_c2_element_type(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects a result that differs from 'tensor<4x8xf32>' along axis 0 only, got 'tensor<2x8xf16>'}}
  %y = nn.slice %x axis 0 from %i : tensor<4x8xf32> -> tensor<2x8xf16>
  return
}

// -----

func.func @slice_c3_no_size(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects a size just if the result is dynamic along axis 0, got 'tensor<?x8xf32>'}}
  %y = nn.slice %x axis 0 from %i : tensor<4x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @slice_c3_static_size(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects a size just if the result is dynamic along axis 0, got 'tensor<2x8xf32>'}}
  %y = nn.slice %x axis 0 from %i size %i : tensor<4x8xf32> -> tensor<2x8xf32>
  return
}

// -----

func.func @slice_c4_step(%x: tensor<4x8xf32>, %i: index) {
  // expected-error @+1 {{'nn.slice' op expects a step other than 0, got 0}}
  %y = nn.slice %x axis 0 from %i step 0 : tensor<4x8xf32> -> tensor<2x8xf32>
  return
}

// -----

func.func @concat_c1_no_input() {
  // expected-error @+1 {{'nn.concat' op expects at least one input, got none}}
  %y = "nn.concat"() <{axis = 0 : i64}> : () -> tensor<4x8xf32>
  return
}

// -----

func.func @concat_c2_axis(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.concat' op expects an axis of 'tensor<4x8xf32>', got 2}}
  %y = nn.concat %a axis 2 : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @concat_c3_other_axis(%a: tensor<4x8xf32>, %b: tensor<4x6xf32>) {
  // expected-error @+1 {{'nn.concat' op expects inputs that differ from 'tensor<8x8xf32>' along axis 0 only, got 'tensor<4x6xf32>'}}
  %y = nn.concat %a, %b axis 0 : tensor<4x8xf32>, tensor<4x6xf32> -> tensor<8x8xf32>
  return
}

// -----

func.func @concat_c3_rank(%a: tensor<4x8xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{'nn.concat' op expects inputs that differ from 'tensor<8x8xf32>' along axis 0 only, got 'tensor<8xf32>'}}
  %y = nn.concat %a, %b axis 0 : tensor<4x8xf32>, tensor<8xf32> -> tensor<8x8xf32>
  return
}

// -----

func.func @concat_c3_element_type(%a: tensor<4x8xf32>, %b: tensor<4x8xf16>) {
  // expected-error @+1 {{'nn.concat' op expects inputs that differ from 'tensor<8x8xf32>' along axis 0 only, got 'tensor<4x8xf16>'}}
  %y = nn.concat %a, %b axis 0 : tensor<4x8xf32>, tensor<4x8xf16> -> tensor<8x8xf32>
  return
}

// -----

func.func @concat_c4_size(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) {
  // expected-error @+1 {{'nn.concat' op expects a result of size 8 along axis 0, got 'tensor<9x8xf32>'}}
  %y = nn.concat %a, %b axis 0 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<9x8xf32>
  return
}

// -----

func.func @triangle_c1_vector(%x: tensor<8xf32>) {
  // expected-error @+1 {{operand #0 must be tensor of numbers with at least two axes, but got 'tensor<8xf32>'}}
  %y = nn.triangle %x : tensor<8xf32>
  return
}

// -----

func.func @iota_c1_matrix() {
  // expected-error @+1 {{result #0 must be tensor of numbers of rank 1, but got 'tensor<4x8xi64>'}}
  %y = nn.iota : tensor<4x8xi64>
  return
}

// -----

func.func @iota_c2_no_size() {
  // expected-error @+1 {{'nn.iota' op expects a size just if the result is dynamic, got 'tensor<?xi64>'}}
  %y = nn.iota : tensor<?xi64>
  return
}

// -----

func.func @iota_c2_static_size(%n: index) {
  // expected-error @+1 {{'nn.iota' op expects a size just if the result is dynamic, got 'tensor<4xi64>'}}
  %y = nn.iota %n : tensor<4xi64>
  return
}

// -----

func.func @from_index_c1_float(%n: index) {
  // expected-error @+1 {{result #0 must be integer tensor of rank 0, but got 'tensor<f32>'}}
  %y = nn.from_index %n : tensor<f32>
  return
}

// -----

func.func @from_index_c1_vector(%n: index) {
  // expected-error @+1 {{result #0 must be integer tensor of rank 0, but got 'tensor<1xi64>'}}
  %y = nn.from_index %n : tensor<1xi64>
  return
}
