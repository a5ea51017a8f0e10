// Kernels that mutations.py changes: fragments from shared memory and from other
// fragments.

#row = #kernel.layout<panel = 0>

// Both factors are copied as they lie.
kernel.func @product dims [affine_map<()[s0] -> (s0, 56)>, affine_map<()[s0] -> (33, 56)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x56xf16>, %w: tensor<33x56xf16>):
  %y = nn.linear %x, %w : tensor<?x56xf16>, tensor<33x56xf16> -> tensor<?x33xf16>
  kernel.return %y : tensor<?x33xf16>
}

kernel.func @attention dims [affine_map<()[s0] -> (1, 1, s0, 8)>, affine_map<()[s0] -> (1, 1, 70, 8)>, affine_map<()[s0] -> (1, 1, 70, 8)>]
    layouts [#row, #row, #row] {
^bb0(%q: tensor<1x1x?x8xf16>, %k: tensor<1x1x70x8xf16>, %v: tensor<1x1x70x8xf16>):
  %y = nn.attention %q, %k, %v scale 0.35 : tensor<1x1x?x8xf16>, tensor<1x1x70x8xf16>, tensor<1x1x70x8xf16> -> tensor<1x1x?x8xf16>
  kernel.return %y : tensor<1x1x?x8xf16>
}
