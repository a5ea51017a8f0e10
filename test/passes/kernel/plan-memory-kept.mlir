// A slot has a size that follows from the entry's symbols: where one cannot be
// told, nothing is planned.

// RUN: qopt-opt %s --qopt-plan-memory --verify-diagnostics

kernel.func @copy dims [affine_map<()[s0] -> (s0)>] layouts [#kernel.layout<panel = 0>] {
^bb0(%x: tensor<?xf32>):
  kernel.return %x : tensor<?xf32>
}

// A launch whose results have no sizes.
// expected-error @+1 {{cannot tell the size of a 'tensor<?xf32>' in terms of the inputs' sizes}}
func.func @unknown_size(%x: tensor<?xf32> {nn.dims = affine_map<()[s0] -> (s0)>}) -> tensor<?xf32>
    attributes {nn.symbols = ["seq"]} {
  %a = kernel.launch @copy(%x) symbols affine_map<()[s0] -> (s0)> : (tensor<?xf32>) -> tensor<?xf32>
  %b = kernel.launch @copy(%a) symbols affine_map<()[s0] -> (s0)> : (tensor<?xf32>) -> tensor<?xf32>
  return %b : tensor<?xf32>
}
