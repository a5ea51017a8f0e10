// train.packed_linear_grad, the backward of a layer on frozen codes, against
// the interpreter: every width, granularity and kind of zeros, at sizes off the
// tile, and with what follows it. The numbers of rows reach the remainders of a
// tile and several tasks; more than 256 outputs are several sums.
//
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=0,1,3,7,29,200 --within=2.0e-6
// The layouts for 64 bytes, read in halves and in quarters.
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,7,29 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,5,13 --within=2.0e-6
// The layouts for vectors of 32 bytes, on every CPU that can share them.
// RUN: sed 's/panel = 16/panel = 8/g; s/panel = 32/panel = 16/g; s/panel = 64/panel = 32/g; s/lanes = 16/lanes = 8/g' %s > %t.mlir
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx2 --emulate-isa --rows=0,1,3,7,29,200 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx512 --emulate-isa --rows=1,7,29 --within=2.0e-6
// RUN: qopt-kernel-bench %t.mlir --mcpu=plain --rows=1,5,13 --within=2.0e-6
// A NaN and an infinity arrive.
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,13 --within=2.0e-6 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=0,1,3,7,29 --within=2.0e-6

#row = #kernel.layout<panel = 0>
#panels64 = #kernel.layout<panel = 64>
#panels32 = #kernel.layout<panel = 32>
#panels16 = #kernel.layout<panel = 16>
#ternary = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>
#packed2 = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>
#packed3 = #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>
#packed4 = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>
#packed8 = #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>

// One scale for all; one output, three channels.
kernel.func @ternary_tensor dims [affine_map<()[s0] -> (s0, 1)>, affine_map<()[s0] -> (1, 3)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #ternary, #row] {
^bb0(%dy: tensor<?x1xf32>, %w: tensor<1x3xi8>, %s: tensor<1xf32>):
  %dx = train.packed_linear_grad %dy, %w scales %s scheme <ternary, bits = 2, per = tensor>
        : tensor<?x1xf32>, tensor<1x3xi8>, tensor<1xf32> -> tensor<?x3xf32>
  kernel.return %dx : tensor<?x3xf32>
}

// Three blocks of terms, the last one odd; several groups of columns, the last one odd.
kernel.func @ternary_blocks dims [affine_map<()[s0] -> (s0, 517)>, affine_map<()[s0] -> (517, 131)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #ternary, #row] {
^bb0(%dy: tensor<?x517xf32>, %w: tensor<517x131xi8>, %s: tensor<1xf32>):
  %dx = train.packed_linear_grad %dy, %w scales %s scheme <ternary, bits = 2, per = tensor>
        : tensor<?x517xf32>, tensor<517x131xi8>, tensor<1xf32> -> tensor<?x131xf32>
  kernel.return %dx : tensor<?x131xf32>
}

// More columns than a task.
kernel.func @two_bits_zeros dims [affine_map<()[s0] -> (s0, 70)>, affine_map<()[s0] -> (70, 1101)>, affine_map<()[s0] -> (70)>, affine_map<()[s0] -> (70)>]
    layouts [#row, #packed2, #panels64, #panels64] {
^bb0(%dy: tensor<?x70xf32>, %w: tensor<70x1101xi8>, %s: tensor<70xf32>, %z: tensor<70xi8>):
  %dx = train.packed_linear_grad %dy, %w scales %s zeros %z scheme <asym, bits = 2, per = channel>
        : tensor<?x70xf32>, tensor<70x1101xi8>, tensor<70xf32> zeros tensor<70xi8> -> tensor<?x1101xf32>
  kernel.return %dx : tensor<?x1101xf32>
}

// Groups within a vector of columns, in f16.
kernel.func @two_bits_narrow_groups dims [affine_map<()[s0] -> (s0, 65)>, affine_map<()[s0] -> (65, 40)>, affine_map<()[s0] -> (65, 10)>, affine_map<()[s0] -> (65, 10)>]
    layouts [#row, #packed2, #panels64, #panels64] {
^bb0(%dy: tensor<?x65xf32>, %w: tensor<65x40xi8>, %s: tensor<65x10xf16>, %z: tensor<65x10xi8>):
  %dx = train.packed_linear_grad %dy, %w scales %s zeros %z scheme <asym, bits = 2, per = group, group = 4>
        : tensor<?x65xf32>, tensor<65x40xi8>, tensor<65x10xf16> zeros tensor<65x10xi8> -> tensor<?x40xf32>
  kernel.return %dx : tensor<?x40xf32>
}

// Two planes of bits; the last step of eight columns is half.
kernel.func @three_bits_channel dims [affine_map<()[s0] -> (s0, 67)>, affine_map<()[s0] -> (67, 76)>, affine_map<()[s0] -> (67)>]
    layouts [#row, #packed3, #panels64] {
^bb0(%dy: tensor<?x67xf32>, %w: tensor<67x76xi8>, %s: tensor<67xf32>):
  %dx = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 3, per = channel>
        : tensor<?x67xf32>, tensor<67x76xi8>, tensor<67xf32> -> tensor<?x76xf32>
  kernel.return %dx : tensor<?x76xf32>
}

// A group is half a vector of columns.
kernel.func @three_bits_groups dims [affine_map<()[s0] -> (s0, 130)>, affine_map<()[s0] -> (130, 72)>, affine_map<()[s0] -> (130, 9)>, affine_map<()[s0] -> (130, 9)>]
    layouts [#row, #packed3, #panels64, #panels64] {
^bb0(%dy: tensor<?x130xf32>, %w: tensor<130x72xi8>, %s: tensor<130x9xf32>, %z: tensor<130x9xi8>):
  %dx = train.packed_linear_grad %dy, %w scales %s zeros %z scheme <asym, bits = 3, per = group, group = 8>
        : tensor<?x130xf32>, tensor<130x72xi8>, tensor<130x9xf32> zeros tensor<130x9xi8> -> tensor<?x72xf32>
  kernel.return %dx : tensor<?x72xf32>
}

// A scale for each row, and what the gradient is added to.
kernel.func @four_bits_channel dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (37, 133)>, affine_map<()[s0] -> (37)>, affine_map<()[s0] -> (s0, 133)>]
    layouts [#row, #packed4, #panels32, #row] {
^bb0(%dy: tensor<?x37xf32>, %w: tensor<37x133xi8>, %s: tensor<37xf32>, %r: tensor<?x133xf32>):
  %dx = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 4, per = channel>
        : tensor<?x37xf32>, tensor<37x133xi8>, tensor<37xf32> -> tensor<?x133xf32>
  %sum = nn.add %r, %dx : tensor<?x133xf32>, tensor<?x133xf32>
  kernel.return %sum : tensor<?x133xf32>
}

// Groups of vectors, several blocks.
kernel.func @four_bits_groups dims [affine_map<()[s0] -> (s0, 300)>, affine_map<()[s0] -> (300, 192)>, affine_map<()[s0] -> (300, 6)>, affine_map<()[s0] -> (s0, 192)>]
    layouts [#row, #packed4, #panels32, #row] {
^bb0(%dy: tensor<?x300xf32>, %w: tensor<300x192xi8>, %s: tensor<300x6xf16>, %r: tensor<?x192xf32>):
  %dx = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 4, per = group, group = 32>
        : tensor<?x300xf32>, tensor<300x192xi8>, tensor<300x6xf16> -> tensor<?x192xf32>
  %sum = nn.add %r, %dx : tensor<?x192xf32>, tensor<?x192xf32>
  kernel.return %sum : tensor<?x192xf32>
}

// A group that no vector of columns divides.
kernel.func @four_bits_odd_groups dims [affine_map<()[s0] -> (s0, 33)>, affine_map<()[s0] -> (33, 60)>, affine_map<()[s0] -> (33, 5)>, affine_map<()[s0] -> (33, 5)>]
    layouts [#row, #packed4, #panels32, #panels32] {
^bb0(%dy: tensor<?x33xf32>, %w: tensor<33x60xi8>, %s: tensor<33x5xf32>, %z: tensor<33x5xi8>):
  %dx = train.packed_linear_grad %dy, %w scales %s zeros %z scheme <asym, bits = 4, per = group, group = 12>
        : tensor<?x33xf32>, tensor<33x60xi8>, tensor<33x5xf32> zeros tensor<33x5xi8> -> tensor<?x60xf32>
  kernel.return %dx : tensor<?x60xf32>
}

// Zeros of the whole tensor.
kernel.func @four_bits_tensor_zeros dims [affine_map<()[s0] -> (s0, 33)>, affine_map<()[s0] -> (33, 20)>, affine_map<()[s0] -> (1)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #packed4, #row, #row] {
^bb0(%dy: tensor<?x33xf32>, %w: tensor<33x20xi8>, %s: tensor<1xf32>, %z: tensor<1xi8>):
  %dx = train.packed_linear_grad %dy, %w scales %s zeros %z scheme <asym, bits = 4, per = tensor>
        : tensor<?x33xf32>, tensor<33x20xi8>, tensor<1xf32> zeros tensor<1xi8> -> tensor<?x20xf32>
  kernel.return %dx : tensor<?x20xf32>
}

// Whole bytes.
kernel.func @eight_bits_channel dims [affine_map<()[s0] -> (s0, 41)>, affine_map<()[s0] -> (41, 77)>, affine_map<()[s0] -> (41)>]
    layouts [#row, #packed8, #panels16] {
^bb0(%dy: tensor<?x41xf32>, %w: tensor<41x77xi8>, %s: tensor<41xf32>):
  %dx = train.packed_linear_grad %dy, %w scales %s scheme <sym, bits = 8, per = channel>
        : tensor<?x41xf32>, tensor<41x77xi8>, tensor<41xf32> -> tensor<?x77xf32>
  kernel.return %dx : tensor<?x77xf32>
}

// Groups of bytes, with zeros; one output more than a block.
kernel.func @eight_bits_groups dims [affine_map<()[s0] -> (s0, 257)>, affine_map<()[s0] -> (257, 64)>, affine_map<()[s0] -> (257, 2)>, affine_map<()[s0] -> (257, 2)>]
    layouts [#row, #packed8, #panels16, #panels16] {
^bb0(%dy: tensor<?x257xf32>, %w: tensor<257x64xi8>, %s: tensor<257x2xf32>, %z: tensor<257x2xi8>):
  %dx = train.packed_linear_grad %dy, %w scales %s zeros %z scheme <asym, bits = 8, per = group, group = 32>
        : tensor<?x257xf32>, tensor<257x64xi8>, tensor<257x2xf32> zeros tensor<257x2xi8> -> tensor<?x64xf32>
  kernel.return %dx : tensor<?x64xf32>
}
