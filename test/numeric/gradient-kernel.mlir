// Gradients of layers against the interpreter: odd sizes, several tasks, every
// mask, on every kind of CPU that this one can run.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,2,3,7,13,40,67 --within=4.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --rows=1,3,13,40,67 --within=4.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3,13,40 --within=4.0e-6
// A NaN and an infinity arrive.
// RUN: qopt-kernel-bench %s --mcpu=native --rows=3,13 --within=4.0e-6 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,2,3,7,13,40 --within=4.0e-6
// RUN: qopt-kernel-simulate %s --rows=3,13 --special --seed=1 --within=4.0e-6

#row = #kernel.layout<panel = 0>

kernel.func @norm dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (37)>]
    layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x37xf32>, %x: tensor<?x37xf32>, %g: tensor<37xf32>):
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 1.0e-6 : tensor<?x37xf32>, tensor<37xf32>
  kernel.return %dx, %dg : tensor<?x37xf32>, tensor<37xf32>
}

kernel.func @norm_of_batches dims [affine_map<()[s0] -> (3, s0, 96)>, affine_map<()[s0] -> (3, s0, 96)>, affine_map<()[s0] -> (96)>]
    layouts [#row, #row, #row] {
^bb0(%dy: tensor<3x?x96xf32>, %x: tensor<3x?x96xf32>, %g: tensor<96xf32>):
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 1.0e-5 : tensor<3x?x96xf32>, tensor<96xf32>
  kernel.return %dx, %dg : tensor<3x?x96xf32>, tensor<96xf32>
}

kernel.func @norm_of_one_gain dims [affine_map<()[s0] -> (s0, 19)>, affine_map<()[s0] -> (s0, 19)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x19xbf16>, %x: tensor<?x19xbf16>, %g: tensor<1xf32>):
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 1.0e-6 : tensor<?x19xbf16>, tensor<1xf32>
  kernel.return %dx, %dg : tensor<?x19xbf16>, tensor<1xf32>
}

kernel.func @swiglu dims [affine_map<()[s0] -> (2, s0, 21)>, affine_map<()[s0] -> (2, s0, 21)>, affine_map<()[s0] -> (2, s0, 21)>]
    layouts [#row, #row, #row] {
^bb0(%dy: tensor<2x?x21xf32>, %g: tensor<2x?x21xf32>, %u: tensor<2x?x21xf32>):
  %dg, %du = train.swiglu_grad %dy, %g, %u : tensor<2x?x21xf32>
  kernel.return %dg, %du : tensor<2x?x21xf32>, tensor<2x?x21xf32>
}
