// Products of numbers by matrix instructions, against the interpreter: several
// tiles of each side, sums that end inside of a block of terms, operands that are
// copied as they lie (in rows, in panels, turned) and such that are not; sums that are
// cut among blocks.
//
// Of 2134 terms the order is seen.
// RUN: qopt-kernel-simulate %s --rows=1,13,64,97 --within=4.0e-6
// Of 16 bits the products are exact; a result may round the other way.
// RUN: sed 's/f32/f16/g' %s > %t.f16.mlir
// RUN: qopt-kernel-simulate %t.f16.mlir --rows=13,97 --within=1.0e-3
// RUN: sed 's/f32/bf16/g' %s > %t.bf16.mlir
// RUN: qopt-kernel-simulate %t.bf16.mlir --rows=13,97 --within=8.0e-3
// A NaN and an infinity arrive.
// RUN: qopt-kernel-simulate %s --rows=13,97 --special --seed=1 --within=4.0e-6
// RUN: qopt-kernel-simulate %t.f16.mlir --rows=97 --special --seed=1 --within=1.0e-3

#row = #kernel.layout<panel = 0>
#panels = #kernel.layout<panel = 16>

kernel.func @panels dims [affine_map<()[s0] -> (s0, 72)>, affine_map<()[s0] -> (150, 72)>, affine_map<()[s0] -> (150)>]
    layouts [#row, #panels, #row] {
^bb0(%x: tensor<?x72xf32>, %w: tensor<150x72xf32>, %b: tensor<150xf32>):
  %y = nn.linear %x, %w bias %b : tensor<?x72xf32>, tensor<150x72xf32>, tensor<150xf32> -> tensor<?x150xf32>
  kernel.return %y : tensor<?x150xf32>
}

kernel.func @rows dims [affine_map<()[s0] -> (2, s0, 40)>, affine_map<()[s0] -> (137, 40)>]
    layouts [#row, #row] {
^bb0(%x: tensor<2x?x40xf32>, %w: tensor<137x40xf32>):
  %y = nn.linear %x, %w : tensor<2x?x40xf32>, tensor<137x40xf32> -> tensor<2x?x137xf32>
  kernel.return %y : tensor<2x?x137xf32>
}

// Small tiles: 32 x 32.
kernel.func @narrow dims [affine_map<()[s0] -> (s0, 56)>, affine_map<()[s0] -> (33, 56)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x56xf32>, %w: tensor<33x56xf32>):
  %y = nn.linear %x, %w : tensor<?x56xf32>, tensor<33x56xf32> -> tensor<?x33xf32>
  kernel.return %y : tensor<?x33xf32>
}

// 43 terms: nothing lies at a multiple of 16 bytes.
kernel.func @odd dims [affine_map<()[s0] -> (s0, 43)>, affine_map<()[s0] -> (131, 43)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x43xf32>, %w: tensor<131x43xf32>):
  %y = nn.linear %x, %w : tensor<?x43xf32>, tensor<131x43xf32> -> tensor<?x131xf32>
  kernel.return %y : tensor<?x131xf32>
}

kernel.func @dx dims [affine_map<()[s0] -> (72, 136)>, affine_map<()[s0] -> (s0, 72)>]
    layouts [#row, #row] {
^bb0(%w: tensor<72x136xf32>, %dy: tensor<?x72xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<72x136xf32>
  %dx = nn.linear %dy, %wt : tensor<?x72xf32>, tensor<136x72xf32> -> tensor<?x136xf32>
  kernel.return %dx : tensor<?x136xf32>
}

kernel.func @dw dims [affine_map<()[s0] -> (s0, 72)>, affine_map<()[s0] -> (s0, 136)>]
    layouts [#row, #row] {
^bb0(%dy: tensor<?x72xf32>, %x: tensor<?x136xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<?x72xf32>, tensor<?x136xf32> -> tensor<72x136xf32>
  kernel.return %dw : tensor<72x136xf32>
}

kernel.func @batches dims [affine_map<()[s0] -> (2, 3, s0, 24)>, affine_map<()[s0] -> (3, 24, 40)>]
    layouts [#row, #row] {
^bb0(%a: tensor<2x3x?x24xf32>, %b: tensor<3x24x40xf32>):
  %y = nn.matmul %a, %b : tensor<2x3x?x24xf32>, tensor<3x24x40xf32>
  kernel.return %y : tensor<2x3x?x40xf32>
}

kernel.func @batches_turned dims [affine_map<()[s0] -> (2, s0, 72)>, affine_map<()[s0] -> (2, 72, s0)>]
    layouts [#row, #row] {
^bb0(%a: tensor<2x?x72xf32>, %b: tensor<2x72x?xf32>):
  %y = nn.matmul %a transposed, %b transposed : tensor<2x?x72xf32>, tensor<2x72x?xf32>
  kernel.return %y : tensor<2x72x72xf32>
}

// 645 terms are cut in two; of 13 rows all, of 1 none.
kernel.func @cut dims [affine_map<()[s0] -> (s0, 645)>, affine_map<()[s0] -> (150, 645)>, affine_map<()[s0] -> (150)>]
    layouts [#row, #panels, #row] {
^bb0(%x: tensor<?x645xf32>, %w: tensor<150x645xf32>, %b: tensor<150xf32>):
  %y = nn.linear %x, %w bias %b : tensor<?x645xf32>, tensor<150x645xf32>, tensor<150xf32> -> tensor<?x150xf32>
  kernel.return %y : tensor<?x150xf32>
}

// Terms are rows in 22 sequences: from 2048 on they are cut in 8.
kernel.func @cut_rows dims [affine_map<()[s0] -> (22, s0, 20)>, affine_map<()[s0] -> (22, s0, 40)>]
    layouts [#row, #row] {
^bb0(%dy: tensor<22x?x20xf32>, %x: tensor<22x?x40xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<22x?x20xf32>, tensor<22x?x40xf32> -> tensor<20x40xf32>
  kernel.return %dw : tensor<20x40xf32>
}
