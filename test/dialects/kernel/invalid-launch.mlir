// What kernel.launch refuses: (Cn) of the documentation.

// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @launch_c1_no_kernel(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects 'copy' to be a kernel.func}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)>
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func private @copy()

func.func @launch_c1_function(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects 'copy' to be a kernel.func}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)>
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
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

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c4_dims(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects a map of symbols, got affine_map<(d0) -> (d0)>}}
  %y = kernel.launch @copy(%x) symbols affine_map<(d0) -> (d0)>
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c4_too_many(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects the 1 symbols of 'copy', got affine_map<()[s0] -> (s0, s0)>}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0, s0)>
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c5_text(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects states to be names, got ["keys"]}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)> states ["keys"]
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c5_no_cache(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects a state for each of the 0 caches of 'copy', got 1}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)> states [@keys]
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

kernel.func @append dims [affine_map<()[s0, s1] -> (1, 2, s0, 8)>, affine_map<()[s0, s1] -> (s1)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 0>] {
^bb0(%x: tensor<1x2x?x8xf32>, %past: index):
  %y = nn.cache_append @cache, %x at %past : tensor<1x2x?x8xf32> -> tensor<1x2x?x8xf32>
  kernel.return %y : tensor<1x2x?x8xf32>
}

func.func @launch_c5_no_state(%x: tensor<1x2x?x8xf32>, %past: index) {
  // expected-error @+1 {{'kernel.launch' op expects a state for each of the 1 caches of 'append', got 0}}
  %y = kernel.launch @append(%x, %past) symbols affine_map<()[s0, s1] -> (s0, s1)>
      : (tensor<1x2x?x8xf32>, index) -> tensor<1x2x?x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c6_count(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects 1 slots of at least -1, got [0, 1]}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)> slots [0, 1]
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

#size = affine_map<()[s0] -> (s0, 8)>
kernel.func @copy dims [#size] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x8xf32>):
  kernel.return %x : tensor<?x8xf32>
}

func.func @launch_c6_negative(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'kernel.launch' op expects 1 slots of at least -1, got [-2]}}
  %y = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)> slots [-2]
      : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}
