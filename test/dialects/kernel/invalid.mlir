// What the kernel ops refuse: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

#size = affine_map<()[s0] -> (s0, 8)>
#row_major = #kernel.layout<panel = 0>
// expected-error @+1 {{'kernel.func' op expects a map and a layout for each of its 1 arguments, got 1 and 2}}
kernel.func @func_c1_layout_too_many dims [#size] layouts [#row_major, #row_major] {
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

func.func @return_c1_in_function(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.return' op expects parent op to be one of 'kernel.func, kernel.weight'}}
  kernel.return %x : tensor<?x8xf32>
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

func.func @launch_c1_no_kernel(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects 'copy' to be a kernel.func}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)>
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c2_operand_type(%x: tensor<?x6xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects the arguments of 'copy', ('tensor<?x8xf32>'), got ('tensor<?x6xf32>')}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)>
      : (tensor<?x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c3_result_type(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects the results of 'copy', ('tensor<?x8xf32>'), got ('tensor<?x6xf32>')}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)>
      : (tensor<?x8xf32>) -> tensor<?x6xf32>
  return
}
