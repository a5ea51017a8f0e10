// lowbit.linear by weights of 4 bits,
// against the interpreter: every granularity, with and without zeros, codes and numbers in, sizes off the tile.
// The packed weight is unpacked again and compared. Sums of codes are exact in
// integers; what differs is the f32 arithmetic with scales, and for numbers the
// order of the sums.
//
// RUN: qopt-kernel-bench %s --mcpu=avx512vnni --emulate-isa --rows=0,1,2,3,6,7,33,130 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,3,7,33 --within=2.0e-6
// The layout for vectors of 32 bytes, on every CPU that can share it.
// RUN: sed 's/panel = 32/panel = 16/g; s/lanes = 16/lanes = 8/g' %s > %t.mlir
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx2 --emulate-isa --rows=0,1,2,3,6,7,33,130 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx512vnni --emulate-isa --rows=1,2,7,33 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=avxvnni --emulate-isa --rows=1,2,7,33 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=plain --rows=1,2,7 --within=2.0e-6
// The layout for 64 bytes, read in halves.
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,2,7 --within=2.0e-6
// For CUDA, lane by lane: numbers, and no fault; codes lie as fragments.
// RUN: sed '/bits = 3/!s/\(lanes = 16, offset = [0-9]*\)>/\1, fragments = true>/' %s > %t.cuda.mlir
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=0,1,2,7,33 --within=2.0e-6
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=3,9,69 --seed=1 --within=2.0e-6

#row = #kernel.layout<panel = 0>
#panels = #kernel.layout<panel = 32>
#packed = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>

kernel.func @tensor dims [affine_map<()[s0] -> (s0, 131)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (37, 131)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #row, #packed, #row] {
^bb0(%x: tensor<?x131xi8>, %sx: tensor<?xf32>, %w: tensor<37x131xi8>, %sw: tensor<1xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = tensor> : tensor<?x131xi8>, tensor<?xf32>, tensor<37x131xi8>, tensor<1xf32> -> tensor<?x37xf32>
  kernel.return %y : tensor<?x37xf32>
}

kernel.func @channel dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (65, 52)>, affine_map<()[s0] -> (65)>, affine_map<()[s0] -> (65)>, affine_map<()[s0] -> (s0, 65)>]
    layouts [#row, #row, #packed, #panels, #row, #row] {
^bb0(%x: tensor<?x52xi8>, %sx: tensor<?xf32>, %w: tensor<65x52xi8>, %sw: tensor<65xf32>, %b: tensor<65xf32>, %r: tensor<?x65xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw bias %b
      scheme <sym, bits = 4, per = channel> : tensor<?x52xi8>, tensor<?xf32>, tensor<65x52xi8>, tensor<65xf32>, tensor<65xf32> -> tensor<?x65xf32>
  %q = nn.add %y, %r : tensor<?x65xf32>, tensor<?x65xf32>
  kernel.return %q : tensor<?x65xf32>
}

kernel.func @one_output dims [affine_map<()[s0] -> (s0, 7)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (1, 7)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x7xi8>, %sx: tensor<?xf32>, %w: tensor<1x7xi8>, %sw: tensor<1xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = channel> : tensor<?x7xi8>, tensor<?xf32>, tensor<1x7xi8>, tensor<1xf32> -> tensor<?x1xf32>
  kernel.return %y : tensor<?x1xf32>
}

kernel.func @channel_zeros dims [affine_map<()[s0] -> (s0, 100)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (96, 100)>, affine_map<()[s0] -> (96)>, affine_map<()[s0] -> (96)>]
    layouts [#row, #row, #packed, #panels, #panels] {
^bb0(%x: tensor<?x100xi8>, %sx: tensor<?xf32>, %w: tensor<96x100xi8>, %sw: tensor<96xf32>, %z: tensor<96xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = channel> : tensor<?x100xi8>, tensor<?xf32>, tensor<96x100xi8>, tensor<96xf32>, tensor<96xi8> -> tensor<?x96xf32>
  kernel.return %y : tensor<?x96xf32>
}

kernel.func @tensor_zeros dims [affine_map<()[s0] -> (s0, 20)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (33, 20)>, affine_map<()[s0] -> (1)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #row, #packed, #row, #row] {
^bb0(%x: tensor<?x20xi8>, %sx: tensor<?xf32>, %w: tensor<33x20xi8>, %sw: tensor<1xf32>, %z: tensor<1xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = tensor> : tensor<?x20xi8>, tensor<?xf32>, tensor<33x20xi8>, tensor<1xf32>, tensor<1xi8> -> tensor<?x33xf32>
  kernel.return %y : tensor<?x33xf32>
}

kernel.func @group dims [affine_map<()[s0] -> (s0, 96)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (65, 96)>, affine_map<()[s0] -> (65, 3)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x96xi8>, %sx: tensor<?xf32>, %w: tensor<65x96xi8>, %sw: tensor<65x3xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = group, group = 32> : tensor<?x96xi8>, tensor<?xf32>, tensor<65x96xi8>, tensor<65x3xf32> -> tensor<?x65xf32>
  kernel.return %y : tensor<?x65xf32>
}

kernel.func @group_half dims [affine_map<()[s0] -> (s0, 192)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (130, 192)>, affine_map<()[s0] -> (130, 3)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x192xi8>, %sx: tensor<?xf32>, %w: tensor<130x192xi8>, %sw: tensor<130x3xf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = group, group = 64, half = true> : tensor<?x192xi8>, tensor<?xf32>, tensor<130x192xi8>, tensor<130x3xf16> -> tensor<?x130xf32>
  kernel.return %y : tensor<?x130xf32>
}

kernel.func @group_zeros dims [affine_map<()[s0] -> (s0, 144)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (65, 144)>, affine_map<()[s0] -> (65, 3)>, affine_map<()[s0] -> (65, 3)>, affine_map<()[s0] -> (65)>]
    layouts [#row, #row, #packed, #panels, #panels, #row] {
^bb0(%x: tensor<?x144xi8>, %sx: tensor<?xf32>, %w: tensor<65x144xi8>, %sw: tensor<65x3xf16>, %z: tensor<65x3xi8>, %b: tensor<65xf32>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z bias %b
      scheme <asym, bits = 4, per = group, group = 48, half = true> : tensor<?x144xi8>, tensor<?xf32>, tensor<65x144xi8>, tensor<65x3xf16>, tensor<65x3xi8>, tensor<65xf32> -> tensor<?x65xf32>
  kernel.return %y : tensor<?x65xf32>
}

kernel.func @group_wide dims [affine_map<()[s0] -> (s0, 576)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (40, 576)>, affine_map<()[s0] -> (40, 9)>]
    layouts [#row, #row, #packed, #panels] {
^bb0(%x: tensor<?x576xi8>, %sx: tensor<?xf32>, %w: tensor<40x576xi8>, %sw: tensor<40x9xf16>):
  %y = lowbit.linear %x scales %sx, %w scales %sw
      scheme <sym, bits = 4, per = group, group = 64, half = true> : tensor<?x576xi8>, tensor<?xf32>, tensor<40x576xi8>, tensor<40x9xf16> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @small_groups dims [affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (20, 64)>, affine_map<()[s0] -> (20, 8)>, affine_map<()[s0] -> (20, 8)>]
    layouts [#row, #row, #packed, #panels, #panels] {
^bb0(%x: tensor<?x64xi8>, %sx: tensor<?xf32>, %w: tensor<20x64xi8>, %sw: tensor<20x8xf32>, %z: tensor<20x8xi8>):
  %y = lowbit.linear %x scales %sx, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = group, group = 8> : tensor<?x64xi8>, tensor<?xf32>, tensor<20x64xi8>, tensor<20x8xf32>, tensor<20x8xi8> -> tensor<?x20xf32>
  kernel.return %y : tensor<?x20xf32>
}

kernel.func @numbers_channel dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (65, 52)>, affine_map<()[s0] -> (65)>, affine_map<()[s0] -> (65)>]
    layouts [#row, #packed, #panels, #row] {
^bb0(%x: tensor<?x52xf32>, %w: tensor<65x52xi8>, %sw: tensor<65xf32>, %b: tensor<65xf32>):
  %y = lowbit.linear %x, %w scales %sw bias %b
      scheme <sym, bits = 4, per = channel> : tensor<?x52xf32>, tensor<65x52xi8>, tensor<65xf32>, tensor<65xf32> -> tensor<?x65xf32>
  kernel.return %y : tensor<?x65xf32>
}

kernel.func @numbers_zeros dims [affine_map<()[s0] -> (s0, 100)>, affine_map<()[s0] -> (40, 100)>, affine_map<()[s0] -> (40)>, affine_map<()[s0] -> (40)>]
    layouts [#row, #packed, #panels, #panels] {
^bb0(%x: tensor<?x100xf32>, %w: tensor<40x100xi8>, %sw: tensor<40xf32>, %z: tensor<40xi8>):
  %y = lowbit.linear %x, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = channel> : tensor<?x100xf32>, tensor<40x100xi8>, tensor<40xf32>, tensor<40xi8> -> tensor<?x40xf32>
  kernel.return %y : tensor<?x40xf32>
}

kernel.func @numbers_group dims [affine_map<()[s0] -> (s0, 96)>, affine_map<()[s0] -> (65, 96)>, affine_map<()[s0] -> (65, 3)>, affine_map<()[s0] -> (65, 3)>, affine_map<()[s0] -> (s0, 65)>]
    layouts [#row, #packed, #panels, #panels, #row] {
^bb0(%x: tensor<?x96xf32>, %w: tensor<65x96xi8>, %sw: tensor<65x3xf16>, %z: tensor<65x3xi8>, %r: tensor<?x65xf32>):
  %y = lowbit.linear %x, %w scales %sw zeros %z
      scheme <asym, bits = 4, per = group, group = 32, half = true> : tensor<?x96xf32>, tensor<65x96xi8>, tensor<65x3xf16>, tensor<65x3xi8> -> tensor<?x65xf32>
  %q = nn.add %y, %r : tensor<?x65xf32>, tensor<?x65xf32>
  kernel.return %q : tensor<?x65xf32>
}
