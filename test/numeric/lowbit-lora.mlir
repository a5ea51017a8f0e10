// A low-rank branch in the epilogue of a layer on codes, and its first half, with
// factors of 32 and of 16 bits, against the interpreter: kernels widen a factor as
// they load it and sum in f32. Ranks and sizes are off the tile.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=0,1,2,3,7,33 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,3,7 --within=2.0e-6
// RUN: sed 's/panel = 32/panel = 16/g; s/lanes = 16/lanes = 8/g' %s > %t.mlir
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx2 --emulate-isa --rows=1,2,3,7,33 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=plain --rows=1,2,5 --within=2.0e-6
// For CUDA, lane by lane: numbers, and no fault; codes lie as fragments.
// RUN: sed '/bits = 3/!s/\(lanes = 16, offset = [0-9]*\)>/\1, fragments = true>/' %s > %t.cuda.mlir
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=1,7,33,69 --within=2.0e-6

#row = #kernel.layout<panel = 0>
#scales = #kernel.layout<panel = 32>
#factor = #kernel.layout<panel = 16>
#packed = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>

kernel.func @onto_codes_f32 dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (37, 131)>, affine_map<()[s0] -> (37)>, affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (37, 3)>]
    layouts [#row, #row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x131xi8>, %sx: tensor<?xf32>, %w: tensor<37x131xi8>, %sw: tensor<37xf32>, %u: tensor<?x3xf32>, %b: tensor<37x3xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme #sym4 : tensor<?x131xi8>, tensor<?xf32>, tensor<37x131xi8>, tensor<37xf32> -> tensor<?x37xf32>
  %v = nn.linear %u, %b : tensor<?x3xf32>, tensor<37x3xf32> -> tensor<?x37xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x37xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x37xf32>, tensor<?x37xf32>
  kernel.return %z : tensor<?x37xf32>
}

kernel.func @onto_numbers_f32 dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (37, 131)>, affine_map<()[s0] -> (37)>, affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (37, 3)>]
    layouts [#row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x131xf32>, %w: tensor<37x131xi8>, %sw: tensor<37xf32>, %u: tensor<?x3xf32>, %b: tensor<37x3xf32>):
  %y = lowbit.linear %x, %w scales %sw scheme #sym4 : tensor<?x131xf32>, tensor<37x131xi8>, tensor<37xf32> -> tensor<?x37xf32>
  %v = nn.linear %u, %b : tensor<?x3xf32>, tensor<37x3xf32> -> tensor<?x37xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x37xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x37xf32>, tensor<?x37xf32>
  kernel.return %z : tensor<?x37xf32>
}

kernel.func @down_f32 dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (3, 131)>]
    layouts [#row, #factor] {
^bb0(%x: tensor<?x131xf32>, %a: tensor<3x131xf32>):
  %u = nn.linear %x, %a : tensor<?x131xf32>, tensor<3x131xf32> -> tensor<?x3xf32>
  kernel.return %u : tensor<?x3xf32>
}

kernel.func @onto_codes_f16 dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (37, 131)>, affine_map<()[s0] -> (37)>, affine_map<()[s0] -> (s0, 5)>, affine_map<()[s0] -> (37, 5)>]
    layouts [#row, #row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x131xi8>, %sx: tensor<?xf32>, %w: tensor<37x131xi8>, %sw: tensor<37xf32>, %u: tensor<?x5xf32>, %b: tensor<37x5xf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme #sym4 : tensor<?x131xi8>, tensor<?xf32>, tensor<37x131xi8>, tensor<37xf32> -> tensor<?x37xf32>
  %v = nn.linear %u, %b : tensor<?x5xf32>, tensor<37x5xf16> -> tensor<?x37xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x37xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x37xf32>, tensor<?x37xf32>
  kernel.return %z : tensor<?x37xf32>
}

kernel.func @onto_numbers_f16 dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (37, 131)>, affine_map<()[s0] -> (37)>, affine_map<()[s0] -> (s0, 5)>, affine_map<()[s0] -> (37, 5)>]
    layouts [#row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x131xf32>, %w: tensor<37x131xi8>, %sw: tensor<37xf32>, %u: tensor<?x5xf32>, %b: tensor<37x5xf16>):
  %y = lowbit.linear %x, %w scales %sw scheme #sym4 : tensor<?x131xf32>, tensor<37x131xi8>, tensor<37xf32> -> tensor<?x37xf32>
  %v = nn.linear %u, %b : tensor<?x5xf32>, tensor<37x5xf16> -> tensor<?x37xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x37xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x37xf32>, tensor<?x37xf32>
  kernel.return %z : tensor<?x37xf32>
}

kernel.func @down_f16 dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (5, 131)>]
    layouts [#row, #factor] {
^bb0(%x: tensor<?x131xf32>, %a: tensor<5x131xf16>):
  %u = nn.linear %x, %a : tensor<?x131xf32>, tensor<5x131xf16> -> tensor<?x5xf32>
  kernel.return %u : tensor<?x5xf32>
}

kernel.func @onto_codes_bf16 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 52)>, affine_map<()[s0] -> (70)>, affine_map<()[s0] -> (s0, 1)>, affine_map<()[s0] -> (70, 1)>]
    layouts [#row, #row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x52xi8>, %sx: tensor<?xf32>, %w: tensor<70x52xi8>, %sw: tensor<70xf32>, %u: tensor<?x1xf32>, %b: tensor<70x1xbf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme #sym4 : tensor<?x52xi8>, tensor<?xf32>, tensor<70x52xi8>, tensor<70xf32> -> tensor<?x70xf32>
  %v = nn.linear %u, %b : tensor<?x1xf32>, tensor<70x1xbf16> -> tensor<?x70xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x70xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x70xf32>, tensor<?x70xf32>
  kernel.return %z : tensor<?x70xf32>
}

kernel.func @onto_numbers_bf16 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (70, 52)>, affine_map<()[s0] -> (70)>, affine_map<()[s0] -> (s0, 1)>, affine_map<()[s0] -> (70, 1)>]
    layouts [#row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x52xf32>, %w: tensor<70x52xi8>, %sw: tensor<70xf32>, %u: tensor<?x1xf32>, %b: tensor<70x1xbf16>):
  %y = lowbit.linear %x, %w scales %sw scheme #sym4 : tensor<?x52xf32>, tensor<70x52xi8>, tensor<70xf32> -> tensor<?x70xf32>
  %v = nn.linear %u, %b : tensor<?x1xf32>, tensor<70x1xbf16> -> tensor<?x70xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x70xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x70xf32>, tensor<?x70xf32>
  kernel.return %z : tensor<?x70xf32>
}

kernel.func @down_bf16 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (1, 52)>]
    layouts [#row, #factor] {
^bb0(%x: tensor<?x52xf32>, %a: tensor<1x52xbf16>):
  %u = nn.linear %x, %a : tensor<?x52xf32>, tensor<1x52xbf16> -> tensor<?x1xf32>
  kernel.return %u : tensor<?x1xf32>
}

kernel.func @onto_codes_wide dims [affine_map<()[s0] -> (s0, 96)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (33, 96)>, affine_map<()[s0] -> (33)>, affine_map<()[s0] -> (s0, 32)>, affine_map<()[s0] -> (33, 32)>]
    layouts [#row, #row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x96xi8>, %sx: tensor<?xf32>, %w: tensor<33x96xi8>, %sw: tensor<33xf32>, %u: tensor<?x32xf32>, %b: tensor<33x32xf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme #sym4 : tensor<?x96xi8>, tensor<?xf32>, tensor<33x96xi8>, tensor<33xf32> -> tensor<?x33xf32>
  %v = nn.linear %u, %b : tensor<?x32xf32>, tensor<33x32xf16> -> tensor<?x33xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x33xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x33xf32>, tensor<?x33xf32>
  kernel.return %z : tensor<?x33xf32>
}

kernel.func @onto_numbers_wide dims [affine_map<()[s0] -> (s0, 96)>, affine_map<()[s0] -> (33, 96)>, affine_map<()[s0] -> (33)>, affine_map<()[s0] -> (s0, 32)>, affine_map<()[s0] -> (33, 32)>]
    layouts [#row, #packed, #scales, #row, #factor] {
^bb0(%x: tensor<?x96xf32>, %w: tensor<33x96xi8>, %sw: tensor<33xf32>, %u: tensor<?x32xf32>, %b: tensor<33x32xf16>):
  %y = lowbit.linear %x, %w scales %sw scheme #sym4 : tensor<?x96xf32>, tensor<33x96xi8>, tensor<33xf32> -> tensor<?x33xf32>
  %v = nn.linear %u, %b : tensor<?x32xf32>, tensor<33x32xf16> -> tensor<?x33xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %s = nn.mul %v, %two : tensor<?x33xf32>, tensor<f32>
  %z = nn.add %y, %s : tensor<?x33xf32>, tensor<?x33xf32>
  kernel.return %z : tensor<?x33xf32>
}

kernel.func @down_wide dims [affine_map<()[s0] -> (s0, 96)>, affine_map<()[s0] -> (32, 96)>]
    layouts [#row, #factor] {
^bb0(%x: tensor<?x96xf32>, %a: tensor<32x96xf16>):
  %u = nn.linear %x, %a : tensor<?x96xf32>, tensor<32x96xf16> -> tensor<?x32xf32>
  kernel.return %u : tensor<?x32xf32>
}
