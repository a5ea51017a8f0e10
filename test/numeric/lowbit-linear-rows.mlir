// lowbit.linear by codes of long rows, for many rows: several blocks of columns
// and of rows, groups of several chunks (see LowbitBlock.cpp), sums at the ends
// of what 16 bits hold (rows 1 and 2 of all codes are the least and the most).
//
// RUN: qopt-kernel-bench %s --mcpu=avx512vnni --emulate-isa --rows=4,17,140 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=4,140 --within=2.0e-6
// The layout for vectors of 32 bytes, on every CPU that can share it.
// RUN: sed 's/panel = 16/panel = 8/g; s/panel = 32/panel = 16/g; s/panel = 64/panel = 32/g; s/lanes = 16/lanes = 8/g' %s > %t.mlir
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx2 --emulate-isa --rows=4,17,140 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=plain --rows=17 --within=2.0e-6
// The layout for 64 bytes, read in halves.
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=17 --within=2.0e-6
// For CUDA, lane by lane: numbers, and no fault; codes lie as fragments. Groups
// that end inside of one are summed in f32.
// RUN: sed '/bits = 3/!s/\(lanes = 16, offset = [0-9]*\)>/\1, fragments = true>/' %s > %t.cuda.mlir
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=1,7,33,69 --within=5.0e-5

#row = #kernel.layout<panel = 0>
#panels = #kernel.layout<panel = 32>
#panels2 = #kernel.layout<panel = 64>
#panels8 = #kernel.layout<panel = 16>
#ternary = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>
#packed2 = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>
#packed3 = #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>
#packed = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>
#packed8 = #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>

kernel.func @ternary dims [affine_map<()[s0] -> (s0, 1100)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 1100)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #ternary, #panels2] {
^bb0(%x: tensor<?x1100xi8>, %sx: tensor<?xf32>, %w: tensor<70x1100xi8>, %sw: tensor<70xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <ternary, bits = 2, per = channel> : tensor<?x1100xi8>, tensor<?xf32>, tensor<70x1100xi8>, tensor<70xf32> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @ternary_groups dims [affine_map<()[s0] -> (s0, 1024)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (40, 1024)>, affine_map<()[s0] -> (40, 2)>]
    layouts [#row, #row, #ternary, #panels2] {
^bb0(%x: tensor<?x1024xi8>, %sx: tensor<?xf32>, %w: tensor<40x1024xi8>, %sw: tensor<40x2xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <ternary, bits = 2, per = group, group = 512> : tensor<?x1024xi8>, tensor<?xf32>, tensor<40x1024xi8>, tensor<40x2xf32> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @two_bits dims [affine_map<()[s0] -> (s0, 1031)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 1031)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #packed2, #panels2] {
^bb0(%x: tensor<?x1031xi8>, %sx: tensor<?xf32>, %w: tensor<70x1031xi8>, %sw: tensor<70xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 2, per = channel> : tensor<?x1031xi8>, tensor<?xf32>, tensor<70x1031xi8>, tensor<70xf32> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @three_bits dims [affine_map<()[s0] -> (s0, 1100)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 1100)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #packed3, #panels2] {
^bb0(%x: tensor<?x1100xi8>, %sx: tensor<?xf32>, %w: tensor<70x1100xi8>, %sw: tensor<70xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 3, per = channel> : tensor<?x1100xi8>, tensor<?xf32>, tensor<70x1100xi8>, tensor<70xf32> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @three_bits_zeros dims [affine_map<()[s0] -> (s0, 516)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 516)>, affine_map<()[s0] -> (70)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #packed3, #panels2, #panels2] {
^bb0(%x: tensor<?x516xi8>, %sx: tensor<?xf32>, %w: tensor<70x516xi8>, %sw: tensor<70xf32>, %z: tensor<70xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 3, per = channel> : tensor<?x516xi8>, tensor<?xf32>, tensor<70x516xi8>, tensor<70xf32>, tensor<70xi8> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @four_bits dims [affine_map<()[s0] -> (s0, 1101)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 1101)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x1101xi8>, %sx: tensor<?xf32>, %w: tensor<70x1101xi8>, %sw: tensor<70xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = channel> : tensor<?x1101xi8>, tensor<?xf32>, tensor<70x1101xi8>, tensor<70xf32> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @four_bits_group_32 dims [affine_map<()[s0] -> (s0, 1056)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (40, 1056)>, affine_map<()[s0] -> (40, 33)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x1056xi8>, %sx: tensor<?xf32>, %w: tensor<40x1056xi8>, %sw: tensor<40x33xf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = group, group = 32, half = true> : tensor<?x1056xi8>, tensor<?xf32>, tensor<40x1056xi8>, tensor<40x33xf16> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @four_bits_group_128 dims [affine_map<()[s0] -> (s0, 1024)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (40, 1024)>, affine_map<()[s0] -> (40, 8)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x1024xi8>, %sx: tensor<?xf32>, %w: tensor<40x1024xi8>, %sw: tensor<40x8xf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = group, group = 128, half = true> : tensor<?x1024xi8>, tensor<?xf32>, tensor<40x1024xi8>, tensor<40x8xf16> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @four_bits_zeros dims [affine_map<()[s0] -> (s0, 1024)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (40, 1024)>, affine_map<()[s0] -> (40, 32)>, affine_map<()[s0] -> (40, 32)>]
    layouts [#row, #row, #packed, #panels, #panels] {
^bb0(%x: tensor<?x1024xi8>, %sx: tensor<?xf32>, %w: tensor<40x1024xi8>, %sw: tensor<40x32xf16>, %z: tensor<40x32xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = group, group = 32, half = true> : tensor<?x1024xi8>, tensor<?xf32>, tensor<40x1024xi8>, tensor<40x32xf16>, tensor<40x32xi8> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @four_bits_zeros_24 dims [affine_map<()[s0] -> (s0, 1032)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (40, 1032)>, affine_map<()[s0] -> (40, 43)>, affine_map<()[s0] -> (40, 43)>]
    layouts [#row, #row, #packed, #panels, #panels] {
^bb0(%x: tensor<?x1032xi8>, %sx: tensor<?xf32>, %w: tensor<40x1032xi8>, %sw: tensor<40x43xf32>, %z: tensor<40x43xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = group, group = 24> : tensor<?x1032xi8>, tensor<?xf32>, tensor<40x1032xi8>, tensor<40x43xf32>, tensor<40x43xi8> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @eight_bits dims [affine_map<()[s0] -> (s0, 1100)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 1100)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #packed8, #panels8] {
^bb0(%x: tensor<?x1100xi8>, %sx: tensor<?xf32>, %w: tensor<70x1100xi8>, %sw: tensor<70xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 8, per = channel> : tensor<?x1100xi8>, tensor<?xf32>, tensor<70x1100xi8>, tensor<70xf32> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @eight_bits_zeros dims [affine_map<()[s0] -> (s0, 600)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (70, 600)>, affine_map<()[s0] -> (70)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #row, #packed8, #panels8, #panels8] {
^bb0(%x: tensor<?x600xi8>, %sx: tensor<?xf32>, %w: tensor<70x600xi8>, %sw: tensor<70xf32>, %z: tensor<70xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 8, per = channel> : tensor<?x600xi8>, tensor<?xf32>, tensor<70x600xi8>, tensor<70xf32>, tensor<70xi8> -> tensor<?x70xf32>
  kernel.return %y : tensor<?x70xf32>
}

kernel.func @eight_bits_long_groups dims [affine_map<()[s0] -> (s0, 4112)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (20, 4112)>, affine_map<()[s0] -> (20, 2)>]
    layouts [#row, #row, #packed8, #panels8] {
^bb0(%x: tensor<?x4112xi8>, %sx: tensor<?xf32>, %w: tensor<20x4112xi8>, %sw: tensor<20x2xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 8, per = group, group = 2056> : tensor<?x4112xi8>, tensor<?xf32>, tensor<20x4112xi8>, tensor<20x2xf32> -> tensor<?x20xf32>
  kernel.return %y : tensor<?x20xf32>
}
