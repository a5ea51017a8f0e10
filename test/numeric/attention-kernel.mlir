// nn.attention by kernels, against the interpreter: fewer and more queries than a
// tile, heads off the fragments, every mask, more keys than queries, groups of
// heads, keys turned or in 16 bits.
//
// For CUDA, lane by lane: numbers, and no fault. Products of f32 are three of
// tf32 there.
// RUN: qopt-kernel-simulate %s --rows=1,5,33,70 --within=2.0e-6
// Of 16 bits the products are exact; a result may round the other way.
// RUN: sed 's/f32/f16/g' %s > %t.f16.mlir
// RUN: qopt-kernel-simulate %t.f16.mlir --rows=1,5,33,70 --within=1.0e-3
// RUN: sed 's/f32/bf16/g' %s > %t.bf16.mlir
// RUN: qopt-kernel-simulate %t.bf16.mlir --rows=1,5,70 --within=8.0e-3
// An infinity in a value that nobody sees.
// RUN: qopt-kernel-simulate %s --rows=5,40 --special --seed=1 --within=2.0e-6

#row = #kernel.layout<panel = 0>

kernel.func @causal dims [affine_map<()[s0] -> (1, 2, s0, 64)>, affine_map<()[s0] -> (1, 2, s0, 64)>, affine_map<()[s0] -> (1, 2, s0, 64)>]
    layouts [#row, #row, #row] {
^bb0(%q: tensor<1x2x?x64xf32>, %k: tensor<1x2x?x64xf32>, %v: tensor<1x2x?x64xf32>):
  %y = nn.attention %q, %k, %v causal scale 0.125 : tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32> -> tensor<1x2x?x64xf32>
  kernel.return %y : tensor<1x2x?x64xf32>
}

// Keys of 20 numbers, values of 12; two heads share them.
kernel.func @grouped dims [affine_map<()[s0] -> (2, 4, s0, 20)>, affine_map<()[s0] -> (2, 2, s0, 20)>, affine_map<()[s0] -> (2, 2, s0, 12)>]
    layouts [#row, #row, #row] {
^bb0(%q: tensor<2x4x?x20xf32>, %k: tensor<2x2x?x20xf32>, %v: tensor<2x2x?x12xf32>):
  %y = nn.attention %q, %k, %v scale 0.2 : tensor<2x4x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x2x?x12xf32> -> tensor<2x4x?x12xf32>
  kernel.return %y : tensor<2x4x?x12xf32>
}

// A past of 7: every query sees it, and what is before it. Sizes are odd.
kernel.func @past dims [affine_map<()[s0] -> (1, 3, s0, 7)>, affine_map<()[s0] -> (1, 1, s0 + 7, 7)>, affine_map<()[s0] -> (1, 1, s0 + 7, 9)>]
    layouts [#row, #row, #row] {
^bb0(%q: tensor<1x3x?x7xf32>, %k: tensor<1x1x?x7xf32>, %v: tensor<1x1x?x9xf32>):
  %y = nn.attention %q, %k, %v causal scale 0.4 : tensor<1x3x?x7xf32>, tensor<1x1x?x7xf32>, tensor<1x1x?x9xf32> -> tensor<1x3x?x9xf32>
  kernel.return %y : tensor<1x3x?x9xf32>
}

kernel.func @masks dims [affine_map<()[s0] -> (2, 2, s0, 16)>, affine_map<()[s0] -> (2, 2, 37, 16)>, affine_map<()[s0] -> (2, 2, 37, 16)>, affine_map<()[s0] -> (1, s0, 37)>, affine_map<()[s0] -> (2, 37)>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%q: tensor<2x2x?x16xf32>, %k: tensor<2x2x37x16xf32>, %v: tensor<2x2x37x16xf32>, %m: tensor<1x?x37xf32>, %s: tensor<2x37xi1>):
  %y = nn.attention %q, %k, %v mask %m key_mask %s scale 0.25 : tensor<2x2x?x16xf32>, tensor<2x2x37x16xf32>, tensor<2x2x37x16xf32>, tensor<1x?x37xf32> key_mask tensor<2x37xi1> -> tensor<2x2x?x16xf32>
  kernel.return %y : tensor<2x2x?x16xf32>
}

// Heads that leave room for 16 keys, and for none.
kernel.func @wide dims [affine_map<()[s0] -> (1, 1, s0, 128)>, affine_map<()[s0] -> (1, 1, s0, 128)>, affine_map<()[s0] -> (1, 1, s0, 128)>]
    layouts [#row, #row, #row] {
^bb0(%q: tensor<1x1x?x128xf32>, %k: tensor<1x1x?x128xf32>, %v: tensor<1x1x?x128xf32>):
  %y = nn.attention %q, %k, %v causal scale 0.09 : tensor<1x1x?x128xf32>, tensor<1x1x?x128xf32>, tensor<1x1x?x128xf32> -> tensor<1x1x?x128xf32>
  kernel.return %y : tensor<1x1x?x128xf32>
}

kernel.func @wider dims [affine_map<()[s0] -> (1, 1, s0, 32)>, affine_map<()[s0] -> (1, 1, s0, 32)>, affine_map<()[s0] -> (1, 1, s0, 136)>]
    layouts [#row, #row, #row] {
^bb0(%q: tensor<1x1x?x32xf32>, %k: tensor<1x1x?x32xf32>, %v: tensor<1x1x?x136xf32>):
  %y = nn.attention %q, %k, %v causal scale 0.2 : tensor<1x1x?x32xf32>, tensor<1x1x?x32xf32>, tensor<1x1x?x136xf32> -> tensor<1x1x?x136xf32>
  kernel.return %y : tensor<1x1x?x136xf32>
}

kernel.func @turned dims [affine_map<()[s0] -> (1, s0, 2, 16)>, affine_map<()[s0] -> (1, s0, 2, 16)>, affine_map<()[s0] -> (1, s0, 2, 16)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<1x?x2x16xf32>, %z: tensor<1x?x2x16xf32>, %w: tensor<1x?x2x16xf32>):
  %q = nn.transpose %x [0, 2, 1, 3] : tensor<1x?x2x16xf32>
  %k = nn.transpose %z [0, 2, 1, 3] : tensor<1x?x2x16xf32>
  %v = nn.transpose %w [0, 2, 1, 3] : tensor<1x?x2x16xf32>
  %y = nn.attention %q, %k, %v causal scale 0.25 : tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32> -> tensor<1x2x?x16xf32>
  kernel.return %y : tensor<1x2x?x16xf32>
}
