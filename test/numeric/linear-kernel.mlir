// The linear family against the interpreter: odd sizes, every epilogue operand,
// every storage type, on every kind of CPU that this one can run. The numbers of
// rows reach the tiles for few rows, each remainder, and several blocks.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,2,3,4,5,6,7,11,12,13,29,40 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,2,3,4,5,6,7,11,12,13,29,40 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,2,3,4,5,6,7,11,12,13,29,40 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,2,3,4,5,6,7,29 --within=2.0e-6
// A NaN and an infinity arrive.
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,4,13 --within=2.0e-6 --special
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,4,13 --within=2.0e-6 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,2,3,5,7,13,29 --within=2.0e-6
// RUN: qopt-kernel-simulate %s --rows=1,13 --special --seed=1 --within=2.0e-6

#row = #kernel.layout<panel = 0>
#panels = #kernel.layout<panel = 16>

kernel.func @one_output dims [affine_map<()[s0] -> (s0, 1)>, affine_map<()[s0] -> (1, 1)>]
    layouts [#row, #panels] {
^bb0(%x: tensor<?x1xf32>, %w: tensor<1x1xf32>):
  %y = nn.linear %x, %w : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32>
  kernel.return %y : tensor<?x1xf32>
}

kernel.func @less_than_a_panel dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (7, 37)>]
    layouts [#row, #panels] {
^bb0(%x: tensor<?x37xf32>, %w: tensor<7x37xf32>):
  %y = nn.linear %x, %w : tensor<?x37xf32>, tensor<7x37xf32> -> tensor<?x7xf32>
  kernel.return %y : tensor<?x7xf32>
}

// Seven panels, the last one not full: the last group is moved back.
kernel.func @groups_overlap dims [affine_map<()[s0] -> (s0, 61)>, affine_map<()[s0] -> (101, 61)>, affine_map<()[s0] -> (101)>]
    layouts [#row, #panels, #row] {
^bb0(%x: tensor<?x61xf32>, %w: tensor<101x61xf32>, %b: tensor<101xf32>):
  %y = nn.linear %x, %w bias %b : tensor<?x61xf32>, tensor<101x61xf32>, tensor<101xf32> -> tensor<?x101xf32>
  kernel.return %y : tensor<?x101xf32>
}

// More panels than a task for few rows holds.
kernel.func @several_tasks dims [affine_map<()[s0] -> (s0, 259)>, affine_map<()[s0] -> (208, 259)>]
    layouts [#row, #panels] {
^bb0(%x: tensor<?x259xf32>, %w: tensor<208x259xf32>):
  %y = nn.linear %x, %w : tensor<?x259xf32>, tensor<208x259xf32> -> tensor<?x208xf32>
  kernel.return %y : tensor<?x208xf32>
}

kernel.func @epilogue dims [affine_map<()[s0] -> (s0, 20)>, affine_map<()[s0] -> (40, 20)>, affine_map<()[s0] -> (s0, 40)>, affine_map<()[s0] -> (s0, 40)>]
    layouts [#row, #panels, #row, #row] {
^bb0(%x: tensor<?x20xf32>, %w: tensor<40x20xf32>, %r: tensor<?x40xf32>, %u: tensor<?x40xf32>):
  %y = nn.linear %x, %w : tensor<?x20xf32>, tensor<40x20xf32> -> tensor<?x40xf32>
  %g = nn.swiglu %y, %u : tensor<?x40xf32>
  %s = nn.add %g, %r : tensor<?x40xf32>, tensor<?x40xf32>
  kernel.return %s : tensor<?x40xf32>
}

// Rows are the product of two axes.
kernel.func @batches dims [affine_map<()[s0] -> (3, s0, 18)>, affine_map<()[s0] -> (33, 18)>]
    layouts [#row, #panels] {
^bb0(%x: tensor<3x?x18xf32>, %w: tensor<33x18xf32>):
  %y = nn.linear %x, %w : tensor<3x?x18xf32>, tensor<33x18xf32> -> tensor<3x?x33xf32>
  kernel.return %y : tensor<3x?x33xf32>
}
