// A kernel's sizes are maps of its entry's symbols: where one cannot be told,
// nothing is outlined.

// RUN: qopt-opt %s --split-input-file --qopt-outline-kernels --verify-diagnostics

func.func @size_of_no_input(%x: tensor<1x8xf32> {nn.dims = affine_map<()[s0] -> (1, 8)>}, %n: index)
    -> tensor<?x8xf32> attributes {nn.symbols = ["seq"]} {
  // expected-error @+1 {{cannot tell the size of a 'index' in terms of the inputs' sizes}}
  %y = nn.broadcast %x [%n] : tensor<1x8xf32> -> tensor<?x8xf32>
  %z = nn.softmax %y axis 1 : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

ml_program.global private mutable @keys : tensor<?x2x?x8xf32>
func.func @cache_without_capacity(%x: tensor<?x2x?x8xf32> {nn.dims = affine_map<()[s0, s1, s2] -> (s0, 2, s1, 8)>},
                                  %past: index {nn.dims = affine_map<()[s0, s1, s2] -> (s2)>})
    -> tensor<?x2x?x8xf32> attributes {nn.symbols = ["batch", "seq", "past"]} {
  // expected-error @+1 {{expects a symbol 'capacity' for its caches}}
  %k = nn.cache_append @keys, %x at %past : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %k : tensor<?x2x?x8xf32>
}
