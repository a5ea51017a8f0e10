// Layers of few outputs and many inputs, on the GPU: a row of the input is taken
// in parts of its columns, which a second launch joins in order. Against the
// interpreter: numbers and codes, a scale for all and for groups, an epilogue.
//
// RUN: qopt-kernel-simulate %s --rows=1,2,5 --within=4.0e-6

#row = #kernel.layout<panel = 0>
#panels = #kernel.layout<panel = 16>
#two = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2, fragments = true>
#four = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8, fragments = true>

// Two parts of 517 columns.
kernel.func @numbers dims [affine_map<()[s0] -> (s0, 1034)>, affine_map<()[s0] -> (20, 1034)>, affine_map<()[s0] -> (20)>, affine_map<()[s0] -> (s0, 20)>]
    layouts [#row, #panels, #row, #row] {
^bb0(%x: tensor<?x1034xf32>, %w: tensor<20x1034xf32>, %b: tensor<20xf32>, %r: tensor<?x20xf32>):
  %y = nn.linear %x, %w bias %b : tensor<?x1034xf32>, tensor<20x1034xf32>, tensor<20xf32> -> tensor<?x20xf32>
  %z = nn.add %y, %r : tensor<?x20xf32>, tensor<?x20xf32>
  kernel.return %z : tensor<?x20xf32>
}

// Two parts of 65 blocks of 32 columns; their sums are integers.
kernel.func @codes dims [affine_map<()[s0] -> (s0, 4160)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 4160)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #two, #kernel.layout<panel = 64>] {
^bb0(%x: tensor<?x4160xi8>, %sx: tensor<?xf32>, %w: tensor<70x4160xi8>, %sw: tensor<70xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme <sym, bits = 2, per = channel>
      : tensor<?x4160xi8>, tensor<?xf32>, tensor<70x4160xi8>, tensor<70xf32> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

// Three parts of 13 groups, with zeros.
kernel.func @groups dims [affine_map<()[s0] -> (s0, 6240)>, affine_map<()[s0] -> (35, 6240)>, affine_map<()[s0] -> (35, 39)>, affine_map<()[s0] -> (35, 39)>]
    layouts [#row, #four, #kernel.layout<panel = 32>, #kernel.layout<panel = 32>] {
^bb0(%x: tensor<?x6240xf32>, %w: tensor<35x6240xi8>, %sw: tensor<35x39xf32>, %z: tensor<35x39xi8>):
  %y = lowbit.linear %x, %w scales %sw zeros %z scheme <asym, bits = 4, per = group, group = 160>
      : tensor<?x6240xf32>, tensor<35x6240xi8>, tensor<35x39xf32>, tensor<35x39xi8> -> tensor<?x35xf32>
  kernel.return %y : tensor<?x35xf32>
}
