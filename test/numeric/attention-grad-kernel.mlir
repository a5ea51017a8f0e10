// The gradient of attention against the interpreter: odd sizes, heads that are
// shared, every mask, fewer and more keys than a block, on every kind of CPU
// that this one can run.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,2,3,16,29,40,67,150 --within=4.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --rows=1,3,29,40,67 --within=4.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3,29,40 --within=4.0e-6
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,3,29,67 --within=4.0e-6

#row = #kernel.layout<panel = 0>

kernel.func @causal dims [affine_map<()[s0] -> (2, 4, s0, 8)>, affine_map<()[s0] -> (2, 4, s0, 8)>, affine_map<()[s0] -> (2, 2, s0, 8)>, affine_map<()[s0] -> (2, 2, s0, 8)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<2x4x?x8xf32>, %q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>):
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.35 : tensor<2x4x?x8xf32>, tensor<2x4x?x8xf32>, tensor<2x2x?x8xf32>, tensor<2x2x?x8xf32>
  kernel.return %dq, %dk, %dv : tensor<2x4x?x8xf32>, tensor<2x2x?x8xf32>, tensor<2x2x?x8xf32>
}

// More keys than queries, values of another size.
kernel.func @with_a_past dims [affine_map<()[s0] -> (1, 2, s0, 7)>, affine_map<()[s0] -> (1, 2, s0, 20)>, affine_map<()[s0] -> (1, 2, s0 * 2 + 5, 20)>, affine_map<()[s0] -> (1, 2, s0 * 2 + 5, 7)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<1x2x?x7xf32>, %q: tensor<1x2x?x20xf32>, %k: tensor<1x2x?x20xf32>, %v: tensor<1x2x?x7xf32>):
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.2 : tensor<1x2x?x7xf32>, tensor<1x2x?x20xf32>, tensor<1x2x?x20xf32>, tensor<1x2x?x7xf32>
  kernel.return %dq, %dk, %dv : tensor<1x2x?x20xf32>, tensor<1x2x?x20xf32>, tensor<1x2x?x7xf32>
}

// Fewer keys than queries: some see nothing.
kernel.func @without_keys dims [affine_map<()[s0] -> (1, 2, s0 * 2, 6)>, affine_map<()[s0] -> (1, 2, s0 * 2, 6)>, affine_map<()[s0] -> (1, 1, s0, 6)>, affine_map<()[s0] -> (1, 1, s0, 6)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<1x2x?x6xf32>, %q: tensor<1x2x?x6xf32>, %k: tensor<1x1x?x6xf32>, %v: tensor<1x1x?x6xf32>):
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.4 : tensor<1x2x?x6xf32>, tensor<1x2x?x6xf32>, tensor<1x1x?x6xf32>, tensor<1x1x?x6xf32>
  kernel.return %dq, %dk, %dv : tensor<1x2x?x6xf32>, tensor<1x1x?x6xf32>, tensor<1x1x?x6xf32>
}

kernel.func @masked dims [affine_map<()[s0] -> (2, 2, s0, 24)>, affine_map<()[s0] -> (2, 2, s0, 24)>, affine_map<()[s0] -> (2, 1, s0, 24)>, affine_map<()[s0] -> (2, 1, s0, 24)>, affine_map<()[s0] -> (2, 1, s0, s0)>, affine_map<()[s0] -> (2, s0)>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%dy: tensor<2x2x?x24xf32>, %q: tensor<2x2x?x24xf32>, %k: tensor<2x1x?x24xf32>, %v: tensor<2x1x?x24xf32>, %m: tensor<2x1x?x?xi1>, %p: tensor<2x?xi1>):
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v mask %m key_mask %p scale 0.25
     : tensor<2x2x?x24xf32>, tensor<2x2x?x24xf32>, tensor<2x1x?x24xf32>, tensor<2x1x?x24xf32>, tensor<2x1x?x?xi1> key_mask tensor<2x?xi1>
  kernel.return %dq, %dk, %dv : tensor<2x2x?x24xf32>, tensor<2x1x?x24xf32>, tensor<2x1x?x24xf32>
}

// A mask that is added, one row for all queries of a head.
kernel.func @added_mask dims [affine_map<()[s0] -> (1, 4, s0, 16)>, affine_map<()[s0] -> (1, 4, s0, 16)>, affine_map<()[s0] -> (1, 2, s0, 16)>, affine_map<()[s0] -> (1, 2, s0, 16)>, affine_map<()[s0] -> (4, 1, s0)>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%dy: tensor<1x4x?x16xf32>, %q: tensor<1x4x?x16xf32>, %k: tensor<1x2x?x16xf32>, %v: tensor<1x2x?x16xf32>, %m: tensor<4x1x?xf32>):
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v mask %m causal scale 0.25
     : tensor<1x4x?x16xf32>, tensor<1x4x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>, tensor<4x1x?xf32>
  kernel.return %dq, %dk, %dv : tensor<1x4x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>
}

// Several blocks of keys.
kernel.func @long dims [affine_map<()[s0] -> (1, 1, s0, 64)>, affine_map<()[s0] -> (1, 1, s0, 64)>, affine_map<()[s0] -> (1, 1, s0 + 513, 64)>, affine_map<()[s0] -> (1, 1, s0 + 513, 64)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<1x1x?x64xf32>, %q: tensor<1x1x?x64xf32>, %k: tensor<1x1x?x64xf32>, %v: tensor<1x1x?x64xf32>):
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.125 : tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>
  kernel.return %dq, %dk, %dv : tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>
}
