// What the kernel ops refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --allow-unregistered-dialect --split-input-file --verify-diagnostics

func.func @layout_c1_negative() attributes {
  // expected-error @+1 {{expects a panel of at least 0 rows, got -1}}
  layout = #kernel.layout<panel = -1>
} {
  return
}

// -----

func.func @layout_c2_panels_in_cache() attributes {
  // expected-error @+1 {{expects a cache to have no panels, got 16}}
  layout = #kernel.layout<panel = 16, cache = true>
} {
  return
}

// -----

func.func @layout_c3_five_bits() attributes {
  // expected-error @+1 {{expects 0, 2, 3, 4 or 8 bits, got 5}}
  layout = #kernel.layout<panel = 16, bits = 5, lanes = 16, offset = 16>
} {
  return
}

// -----

func.func @layout_c3_lanes_alone() attributes {
  // expected-error @+1 {{expects lanes and offset with bits only}}
  layout = #kernel.layout<panel = 16, lanes = 16>
} {
  return
}

// -----

func.func @layout_c4_other_panel() attributes {
  // expected-error @+1 {{expects a panel of 64 rows for 3 bits in 16 lanes, got 32}}
  layout = #kernel.layout<panel = 32, bits = 3, lanes = 16, offset = 4>
} {
  return
}

// -----

func.func @layout_c5_three_bits() attributes {
  // expected-error @+1 {{expects fragments of 2, 4 or 8 bits in 16 lanes, got 3 bits in 16 lanes}}
  layout = #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4, fragments = true>
} {
  return
}

// -----

// expected-error @+1 {{'kernel.func' op expects a layout for 'tensor<6x8xf32>', got #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>}}
kernel.func @func_c5_packed_floats dims [affine_map<()[s0] -> (6, 8)>] layouts [#kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>] {
^bb0(%x: tensor<6x8xf32>):
  kernel.return %x : tensor<6x8xf32>
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
#row_major = #kernel.layout<panel = 0>
// expected-error @+1 {{'kernel.func' op expects a map and a layout for each of its 1 arguments, got 1 and 2}}
kernel.func @func_c1_layout_too_many dims [#size] layouts [#row_major, #row_major] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects a map and a layout for each of its 1 arguments, got 0 and 1}}
kernel.func @func_c1_map_missing dims [] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

// -----

#size = affine_map<()[s0] -> (s0)>
#row_major = #kernel.layout<panel = 0>
// expected-error @+1 {{'kernel.func' op expects a map from its 1 symbols to 2 sizes, got affine_map<()[s0] -> (s0)>}}
kernel.func @func_c2_size_missing dims [#size] layouts [#row_major] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects a map from its 1 symbols to 1 sizes, got affine_map<()[s0, s1] -> (s1)>}}
kernel.func @func_c2_other_symbols dims [affine_map<()[s0] -> (s0, 8)>, affine_map<()[s0, s1] -> (s1)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>, %n: index):
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects a map from its 0 symbols to 1 sizes, got affine_map<(d0) -> (d0)>}}
kernel.func @func_c2_dims dims [affine_map<(d0) -> (d0)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?xf32>):
  kernel.return %x : tensor<?xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects ranked tensors and sizes, got 'f32'}}
kernel.func @func_c3_float dims [affine_map<()[s0] -> (s0)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: f32):
  kernel.return
}

// -----

// expected-error @+1 {{'kernel.func' op expects ranked tensors and sizes, got 'tensor<*xf32>'}}
kernel.func @func_c3_unranked dims [affine_map<()[s0] -> (s0)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<*xf32>):
  kernel.return
}

// -----

// expected-error @+1 {{'kernel.func' op expects the static sizes of 'tensor<?x8xf32>', got affine_map<()[s0] -> (s0, 6)>}}
kernel.func @func_c4_other_constant dims [affine_map<()[s0] -> (s0, 6)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects the static sizes of 'tensor<4x8xf32>', got affine_map<()[s0] -> (s0, 8)>}}
kernel.func @func_c4_symbol dims [affine_map<()[s0] -> (s0, 8)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<4x8xf32>):
  kernel.return %x : tensor<4x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects a layout for 'tensor<?x8xf32>', got #kernel.layout<panel = 16>}}
kernel.func @func_c5_dynamic_panel dims [affine_map<()[s0] -> (s0, 8)>] layouts [#kernel.layout<panel = 16>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects a layout for 'index', got #kernel.layout<panel = 16>}}
kernel.func @func_c5_panel_of_index dims [affine_map<()[s0] -> (s0)>] layouts [#kernel.layout<panel = 16>] {
^bb0(%x: index):
  kernel.return
}

// -----

// expected-error @+1 {{'kernel.func' op expects a layout for 'tensor<?x8xf32>', got #kernel.layout<panel = 0, cache = true>}}
kernel.func @func_c5_cache_of_matrix dims [affine_map<()[s0] -> (s0, 8)>] layouts [#kernel.layout<panel = 0, cache = true>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects to end in kernel.return, got test.end}}
kernel.func @func_c6_other_end dims [affine_map<()[s0] -> (s0, 8)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  "test.end"() : () -> ()
}

// -----

func.func @return_c1_in_function(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.return' op expects parent op to be one of 'kernel.func, kernel.weight'}}
  kernel.return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{'kernel.weight' op expects one tensor of numbers of static shape, got ()}}
kernel.weight @weight_c1_nothing layout <panel = 0> {
  kernel.return
}

// -----

// expected-error @+1 {{'kernel.weight' op expects one tensor of numbers of static shape, got ('tensor<6x8xf32>', 'tensor<6x8xf32>')}}
kernel.weight @weight_c1_two_tensors layout <panel = 0> {
  %w = arith.constant dense<1.0> : tensor<6x8xf32>
  kernel.return %w, %w : tensor<6x8xf32>, tensor<6x8xf32>
}

// -----

// expected-error @+1 {{'kernel.weight' op expects one tensor of numbers of static shape, got ('tensor<?xi64>')}}
kernel.weight @weight_c1_dynamic layout <panel = 0> {
  %n = arith.constant 4 : index
  %w = nn.iota %n : tensor<?xi64>
  kernel.return %w : tensor<?xi64>
}

// -----

// expected-error @+1 {{'kernel.weight' op expects one tensor of numbers of static shape, got ('tensor<2xindex>')}}
kernel.weight @weight_c1_indices layout <panel = 0> {
  %w = arith.constant dense<1> : tensor<2xindex>
  kernel.return %w : tensor<2xindex>
}

// -----

// expected-error @+1 {{'kernel.weight' op expects to end in kernel.return, got test.end}}
kernel.weight @weight_c1_other_end layout <panel = 0> {
  "test.end"() : () -> ()
}

// -----

// expected-error @+1 {{'kernel.weight' op expects a layout for 'tensor<2x3x4xf32>', got #kernel.layout<panel = 16>}}
kernel.weight @weight_c2_panel_of_three_axes layout <panel = 16> {
  %w = arith.constant dense<1.0> : tensor<2x3x4xf32>
  kernel.return %w : tensor<2x3x4xf32>
}

// -----

// expected-error @+1 {{'kernel.weight' op expects a layout for 'tensor<1x2x3x4xf32>', got #kernel.layout<panel = 0, cache = true>}}
kernel.weight @weight_c2_cache layout <panel = 0, cache = true> {
  %w = arith.constant dense<1.0> : tensor<1x2x3x4xf32>
  kernel.return %w : tensor<1x2x3x4xf32>
}

// -----

// expected-error @+1 {{'kernel.weight' op expects an offset of at least 0, got -64}}
kernel.weight @weight_c3_negative_offset layout <panel = 0> offset -64 {
  %w = arith.constant dense<1.0> : tensor<6x8xf32>
  kernel.return %w : tensor<6x8xf32>
}

// -----

func.func @load_c1_no_weight() {
  // expected-error @+1 {{'kernel.load' op expects 'head' to be a kernel.weight}}
  %w = kernel.load @head : tensor<6x8xf32>
  return
}

// -----

kernel.weight @head layout <panel = 16> {
  %w = arith.constant dense<1.0> : tensor<6x8xf32>
  kernel.return %w : tensor<6x8xf32>
}

func.func @load_c2_transposed() {
  // expected-error @+1 {{'kernel.load' op expects the type of the weight, 'tensor<6x8xf32>', got 'tensor<8x6xf32>'}}
  %w = kernel.load @head : tensor<8x6xf32>
  return
}

// -----

#row = #kernel.layout<panel = 0>
// expected-error @+1 {{'kernel.func' op expects a layout for each of its 1 results, got 2}}
kernel.func @func_c7_too_many dims [affine_map<() -> (6, 8)>] layouts [#row] results [#row, #row] {
^bb0(%x: tensor<6x8xf32>):
  kernel.return %x : tensor<6x8xf32>
}

// -----

// expected-error @+1 {{'kernel.func' op expects a layout for its result 'tensor<6x8xf32>', got #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>}}
kernel.func @func_c7_packed_floats dims [affine_map<() -> (6, 8)>] layouts [#kernel.layout<panel = 0>]
    results [#kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>] {
^bb0(%x: tensor<6x8xf32>):
  kernel.return %x : tensor<6x8xf32>
}
