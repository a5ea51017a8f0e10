// The linear family with weights and activations of 16 bits, sums in f32:
// results are rounded once, which is the bound.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,2,3,4,6,13 --within=8.0e-3
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,2,3,4,6,13 --within=8.0e-3
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3,5 --within=8.0e-3
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,3,6,13 --within=8.0e-3

#row = #kernel.layout<panel = 0>
#panels = #kernel.layout<panel = 16>

kernel.func @f16 dims [affine_map<()[s0] -> (s0, 45)>, affine_map<()[s0] -> (39, 45)>]
    layouts [#row, #panels] {
^bb0(%x: tensor<?x45xf16>, %w: tensor<39x45xf16>):
  %y = nn.linear %x, %w : tensor<?x45xf16>, tensor<39x45xf16> -> tensor<?x39xf16>
  kernel.return %y : tensor<?x39xf16>
}

kernel.func @bf16 dims [affine_map<()[s0] -> (s0, 45)>, affine_map<()[s0] -> (39, 45)>]
    layouts [#row, #panels] {
^bb0(%x: tensor<?x45xbf16>, %w: tensor<39x45xbf16>):
  %y = nn.linear %x, %w : tensor<?x45xbf16>, tensor<39x45xbf16> -> tensor<?x39xbf16>
  kernel.return %y : tensor<?x39xbf16>
}
