// The matmul family against the interpreter: the three products of training and
// nn.matmul, at odd sizes, on every kind of CPU. The numbers of rows reach the
// loops for few rows, each remainder of a tile, and several tasks.
//
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,2,3,4,5,6,7,8,9,13,29,40,200 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,2,3,4,5,6,7,8,9,13,29,40,200 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,2,3,5,8,9,13,29,200 --within=2.0e-6
// A NaN and an infinity arrive.
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,4,13 --within=2.0e-6 --special
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,4,13 --within=2.0e-6 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,3,5,9,29 --within=2.0e-6
// RUN: qopt-kernel-simulate %s --rows=1,13 --special --seed=1 --within=2.0e-6

#row = #kernel.layout<panel = 0>

//===----------------------------------------------------------------------===//
// Forward: both operands have their terms side by side
//===----------------------------------------------------------------------===//

kernel.func @one_output dims [affine_map<()[s0] -> (s0, 1)>, affine_map<()[s0] -> (1, 1)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x1xf32>, %w: tensor<1x1xf32>):
  %y = nn.linear %x, %w : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32>
  kernel.return %y : tensor<?x1xf32>
}

// Less than a vector of outputs, more than one of terms.
kernel.func @seven_outputs dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (7, 37)>, affine_map<()[s0] -> (7)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x37xf32>, %w: tensor<7x37xf32>, %b: tensor<7xf32>):
  %y = nn.linear %x, %w bias %b : tensor<?x37xf32>, tensor<7x37xf32>, tensor<7xf32> -> tensor<?x7xf32>
  kernel.return %y : tensor<?x7xf32>
}

// Three blocks of terms, the last one odd; several tasks of columns.
kernel.func @blocks dims [affine_map<()[s0] -> (s0, 517)>, affine_map<()[s0] -> (301, 517)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x517xf32>, %w: tensor<301x517xf32>):
  %y = nn.linear %x, %w : tensor<?x517xf32>, tensor<301x517xf32> -> tensor<?x301xf32>
  kernel.return %y : tensor<?x301xf32>
}

// Rows are the product of two axes; numbers, vectors and tensors follow.
kernel.func @epilogue dims [affine_map<()[s0] -> (3, s0, 18)>, affine_map<()[s0] -> (33, 18)>,
    affine_map<()[s0] -> (3, s0, 33)>, affine_map<()[s0] -> (33)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%x: tensor<3x?x18xf32>, %w: tensor<33x18xf32>, %u: tensor<3x?x33xf32>, %v: tensor<33xf32>, %s: tensor<1xf32>):
  %half = arith.constant dense<0.5> : tensor<f32>
  %y = nn.linear %x, %w : tensor<3x?x18xf32>, tensor<33x18xf32> -> tensor<3x?x33xf32>
  %g = nn.swiglu %y, %u : tensor<3x?x33xf32>
  %h = nn.mul %g, %half : tensor<3x?x33xf32>, tensor<f32>
  %i = nn.add %h, %v : tensor<3x?x33xf32>, tensor<33xf32>
  %j = nn.mul %i, %s : tensor<3x?x33xf32>, tensor<1xf32>
  kernel.return %j : tensor<3x?x33xf32>
}

// A bool is a byte, in a vector that is not full as well.
kernel.func @kept dims [affine_map<()[s0] -> (s0, 18)>, affine_map<()[s0] -> (21, 18)>, affine_map<()[s0] -> (s0, 21)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x18xf32>, %w: tensor<21x18xf32>, %keep: tensor<?x21xi1>):
  %zero = arith.constant dense<0.0> : tensor<f32>
  %y = nn.linear %x, %w : tensor<?x18xf32>, tensor<21x18xf32> -> tensor<?x21xf32>
  %z = nn.select %keep, %y, %zero : tensor<?x21xi1>, tensor<?x21xf32>, tensor<f32>
  kernel.return %z : tensor<?x21xf32>
}

//===----------------------------------------------------------------------===//
// dX: the weight turned
//===----------------------------------------------------------------------===//

kernel.func @dx dims [affine_map<()[s0] -> (301, 77)>, affine_map<()[s0] -> (s0, 301)>, affine_map<()[s0] -> (s0, 77)>]
    layouts [#row, #row, #row] {
^bb0(%w: tensor<301x77xf32>, %dy: tensor<?x301xf32>, %r: tensor<?x77xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<301x77xf32>
  %dx = nn.linear %dy, %wt : tensor<?x301xf32>, tensor<77x301xf32> -> tensor<?x77xf32>
  %s = nn.add %r, %dx : tensor<?x77xf32>, tensor<?x77xf32>
  kernel.return %s : tensor<?x77xf32>
}

kernel.func @dx_strips dims [affine_map<()[s0] -> (13, 405)>, affine_map<()[s0] -> (s0, 13)>]
    layouts [#row, #row] {
^bb0(%w: tensor<13x405xf32>, %dy: tensor<?x13xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<13x405xf32>
  %dx = nn.linear %dy, %wt : tensor<?x13xf32>, tensor<405x13xf32> -> tensor<?x405xf32>
  kernel.return %dx : tensor<?x405xf32>
}

//===----------------------------------------------------------------------===//
// dW: sums over rows, of two axes
//===----------------------------------------------------------------------===//

kernel.func @dw dims [affine_map<()[s0] -> (2, s0, 77)>, affine_map<()[s0] -> (2, s0, 301)>]
    layouts [#row, #row] {
^bb0(%dy: tensor<2x?x77xf32>, %x: tensor<2x?x301xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<2x?x77xf32>, tensor<2x?x301xf32> -> tensor<77x301xf32>
  kernel.return %dw : tensor<77x301xf32>
}

kernel.func @dw_summed dims [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (s0, 5)>, affine_map<()[s0] -> (3, 5)>]
    layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x3xf32>, %x: tensor<?x5xf32>, %sum: tensor<3x5xf32>):
  %half = arith.constant dense<0.5> : tensor<f32>
  %dw = train.linear_weight_grad %dy, %x : tensor<?x3xf32>, tensor<?x5xf32> -> tensor<3x5xf32>
  %s = nn.mul %dw, %half : tensor<3x5xf32>, tensor<f32>
  %r = nn.add %sum, %s : tensor<3x5xf32>, tensor<3x5xf32>
  kernel.return %r : tensor<3x5xf32>
}

//===----------------------------------------------------------------------===//
// nn.matmul: every transpose, static and dynamic, one matrix and many
//===----------------------------------------------------------------------===//

kernel.func @matmul dims [affine_map<()[s0] -> (s0, 19)>, affine_map<()[s0] -> (19, s0)>]
    layouts [#row, #row] {
^bb0(%a: tensor<?x19xf32>, %b: tensor<19x?xf32>):
  %y = nn.matmul %a, %b : tensor<?x19xf32>, tensor<19x?xf32>
  kernel.return %y : tensor<?x?xf32>
}

kernel.func @matmul_rhs_turned dims [affine_map<()[s0] -> (11, s0)>, affine_map<()[s0] -> (s0, s0)>]
    layouts [#row, #row] {
^bb0(%a: tensor<11x?xf32>, %b: tensor<?x?xf32>):
  %y = nn.matmul %a, %b transposed : tensor<11x?xf32>, tensor<?x?xf32>
  kernel.return %y : tensor<11x?xf32>
}

kernel.func @matmul_lhs_turned dims [affine_map<()[s0] -> (s0, 23)>, affine_map<()[s0] -> (s0, 70)>]
    layouts [#row, #row] {
^bb0(%a: tensor<?x23xf32>, %b: tensor<?x70xf32>):
  %y = nn.matmul %a transposed, %b : tensor<?x23xf32>, tensor<?x70xf32>
  kernel.return %y : tensor<23x70xf32>
}

// A turned transpose is read as it lies.
kernel.func @matmul_both_turned dims [affine_map<()[s0] -> (s0, 26)>, affine_map<()[s0] -> (s0, 31)>, affine_map<()[s0] -> (26, 31)>]
    layouts [#row, #row, #row] {
^bb0(%a: tensor<?x26xf32>, %b: tensor<?x31xf32>, %c: tensor<26x31xf32>):
  %bt = nn.transpose %b [1, 0] : tensor<?x31xf32>
  %y = nn.matmul %a transposed, %bt transposed : tensor<?x26xf32>, tensor<31x?xf32>
  %z = nn.add %y, %c : tensor<26x31xf32>, tensor<26x31xf32>
  kernel.return %z : tensor<26x31xf32>
}

// X X^T of one matrix.
kernel.func @squared dims [affine_map<()[s0] -> (70, s0)>] layouts [#row] {
^bb0(%x: tensor<70x?xf32>):
  %xt = nn.transpose %x [1, 0] : tensor<70x?xf32>
  %y = nn.matmul %x, %xt : tensor<70x?xf32>, tensor<?x70xf32>
  kernel.return %y : tensor<70x70xf32>
}

// A matrix for each head, repeated along the batch; one of a few static rows.
kernel.func @heads dims [affine_map<()[s0] -> (2, 3, s0, 21)>, affine_map<()[s0] -> (3, 21, 34)>]
    layouts [#row, #row] {
^bb0(%a: tensor<2x3x?x21xf32>, %b: tensor<3x21x34xf32>):
  %y = nn.matmul %a, %b : tensor<2x3x?x21xf32>, tensor<3x21x34xf32>
  kernel.return %y : tensor<2x3x?x34xf32>
}

kernel.func @scores dims [affine_map<()[s0] -> (2, s0, 5, 20)>, affine_map<()[s0] -> (2, 1, s0, 20)>]
    layouts [#row, #row] {
^bb0(%q: tensor<2x?x5x20xf32>, %k: tensor<2x1x?x20xf32>):
  %y = nn.matmul %q, %k transposed : tensor<2x?x5x20xf32>, tensor<2x1x?x20xf32>
  kernel.return %y : tensor<2x?x5x?xf32>
}

// One matrix for all: its rows are read as those of one product.
kernel.func @shared dims [affine_map<()[s0] -> (2, s0, 1, 20)>, affine_map<()[s0] -> (1, 20, 37)>]
    layouts [#row, #row] {
^bb0(%a: tensor<2x?x1x20xf32>, %b: tensor<1x20x37xf32>):
  %y = nn.matmul %a, %b : tensor<2x?x1x20xf32>, tensor<1x20x37xf32>
  kernel.return %y : tensor<2x?x1x37xf32>
}

kernel.func @five_rows dims [affine_map<()[s0] -> (5, 40)>, affine_map<()[s0] -> (40, s0)>]
    layouts [#row, #row] {
^bb0(%a: tensor<5x40xf32>, %b: tensor<40x?xf32>):
  %y = nn.matmul %a, %b : tensor<5x40xf32>, tensor<40x?xf32>
  kernel.return %y : tensor<5x?xf32>
}

// Nothing is summed.
kernel.func @no_terms dims [affine_map<()[s0] -> (s0, 0)>, affine_map<()[s0] -> (0, 20)>, affine_map<()[s0] -> (20)>]
    layouts [#row, #row, #row] {
^bb0(%a: tensor<?x0xf32>, %b: tensor<0x20xf32>, %c: tensor<20xf32>):
  %y = nn.matmul %a, %b : tensor<?x0xf32>, tensor<0x20xf32>
  %z = nn.add %y, %c : tensor<?x20xf32>, tensor<20xf32>
  kernel.return %z : tensor<?x20xf32>
}
