// The matmul family on operands of 16 bits, sums in f32: results are rounded
// once, which is the bound. Both are packed as f32; few rows convert in place.
//
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,4,8,9,13,40 --within=8.0e-3
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,4,8,9,13,40 --within=8.0e-3
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,5,13 --within=8.0e-3
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,5,13,40 --within=8.0e-3

#row = #kernel.layout<panel = 0>

kernel.func @forward dims [affine_map<()[s0] -> (s0, 277)>, affine_map<()[s0] -> (39, 277)>, affine_map<()[s0] -> (39)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x277xbf16>, %w: tensor<39x277xbf16>, %b: tensor<39xbf16>):
  %y = nn.linear %x, %w bias %b : tensor<?x277xbf16>, tensor<39x277xbf16>, tensor<39xbf16> -> tensor<?x39xbf16>
  %z = nn.add %y, %b : tensor<?x39xbf16>, tensor<39xbf16>
  kernel.return %z : tensor<?x39xbf16>
}

kernel.func @dx dims [affine_map<()[s0] -> (45, 39)>, affine_map<()[s0] -> (s0, 45)>]
    layouts [#row, #row] {
^bb0(%w: tensor<45x39xf16>, %dy: tensor<?x45xf16>):
  %wt = nn.transpose %w [1, 0] : tensor<45x39xf16>
  %dx = nn.linear %dy, %wt : tensor<?x45xf16>, tensor<39x45xf16> -> tensor<?x39xf16>
  kernel.return %dx : tensor<?x39xf16>
}

kernel.func @dw dims [affine_map<()[s0] -> (s0, 39)>, affine_map<()[s0] -> (s0, 45)>]
    layouts [#row, #row] {
^bb0(%dy: tensor<?x39xbf16>, %x: tensor<?x45xbf16>):
  %dw = train.linear_weight_grad %dy, %x : tensor<?x39xbf16>, tensor<?x45xbf16> -> tensor<39x45xbf16>
  kernel.return %dw : tensor<39x45xbf16>
}
