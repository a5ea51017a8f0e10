// A head with its loss where a teacher has a say, and heads of codes, against
// the interpreter: odd sizes, every width of a code, a table that lies turned,
// several rounds. Without a gradient of the weight: heads that are frozen.
// Codes of 8 bits make logits of hundreds, whose rounding the losses show.
//
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,2,3,7,49,401 --within=4.0e-5
// The layouts for 64 bytes, read in halves and in quarters.
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,3,49 --within=4.0e-5
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,13 --within=4.0e-5
// The layouts for vectors of 32 bytes.
// RUN: sed 's/panel = 16/panel = 8/g; s/panel = 32/panel = 16/g; s/panel = 64/panel = 32/g; s/lanes = 16/lanes = 8/g' %s > %t.mlir
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx2 --emulate-isa --rows=1,3,49 --within=4.0e-5
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx512 --emulate-isa --rows=1,13 --within=4.0e-5
// A NaN and an infinity arrive.
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=3,13 --within=4.0e-5 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,3,13 --within=4.0e-5
// RUN: qopt-kernel-simulate %s --rows=3 --special --seed=1 --within=4.0e-5
// Codes as fragments.
// RUN: sed '/bits = 3/!s/\(lanes = 16, offset = [0-9]*\)>/\1, fragments = true>/' %s > %t.cuda.mlir
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=3 --kernels=codes8,codes4_groups,codes2 --within=4.0e-5

#row = #kernel.layout<panel = 0>
#panels64 = #kernel.layout<panel = 64>
#panels32 = #kernel.layout<panel = 32>
#panels16 = #kernel.layout<panel = 16>
#packed2 = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>
#packed3 = #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>
#packed4 = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>
#packed8 = #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>

kernel.func @taught_loss dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (101, 37)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 29)>, affine_map<()[s0] -> (101, 29)>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%x: tensor<?x37xf32>, %w: tensor<101x37xf32>, %t: tensor<?xi64>, %u: tensor<?x29xf32>, %tw: tensor<101x29xf32>):
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?x37xf32>, tensor<101x37xf32>, tensor<?xi64> teacher tensor<?x29xf32>, tensor<101x29xf32> -> tensor<?xf32>
  kernel.return %y : tensor<?xf32>
}

kernel.func @taught_grad dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (101, 37)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 29)>, affine_map<()[s0] -> (101, 29)>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x37xf32>, %w: tensor<101x37xf32>, %t: tensor<?xi64>, %u: tensor<?x29xf32>, %tw: tensor<101x29xf32>):
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?xf32>, tensor<?x37xf32>, tensor<101x37xf32>, tensor<?xi64> teacher tensor<?x29xf32>, tensor<101x29xf32> -> tensor<101x37xf32>
  kernel.return %y, %dx, %dw : tensor<?xf32>, tensor<?x37xf32>, tensor<101x37xf32>
}

// A table that lies turned; words that fill no tile, and whole tiles.
kernel.func @taught_turned dims [affine_map<()[s0] -> (2, s0)>, affine_map<()[s0] -> (2, s0, 24)>, affine_map<()[s0] -> (101, 24)>, affine_map<()[s0] -> (2, s0)>, affine_map<()[s0] -> (2, s0, 13)>, affine_map<()[s0] -> (13, 101)>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%dy: tensor<2x?xf32>, %x: tensor<2x?x24xf32>, %w: tensor<101x24xf32>, %t: tensor<2x?xi32>, %u: tensor<2x?x13xf32>, %v: tensor<13x101xf32>):
  %tw = nn.transpose %v [1, 0] : tensor<13x101xf32>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<2x?xf32>, tensor<2x?x24xf32>, tensor<101x24xf32>, tensor<2x?xi32> teacher tensor<2x?x13xf32>, tensor<101x13xf32>
  kernel.return %y, %dx : tensor<2x?xf32>, tensor<2x?x24xf32>
}

kernel.func @taught_turned_tiles dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 8)>, affine_map<()[s0] -> (128, 8)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 5)>, affine_map<()[s0] -> (5, 128)>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x8xf32>, %w: tensor<128x8xf32>, %t: tensor<?xi64>, %u: tensor<?x5xf32>, %v: tensor<5x128xf32>):
  %tw = nn.transpose %v [1, 0] : tensor<5x128xf32>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?xf32>, tensor<?x8xf32>, tensor<128x8xf32>, tensor<?xi64> teacher tensor<?x5xf32>, tensor<128x5xf32>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x8xf32>
}

// So many words that some dozens of rows are a round.
kernel.func @taught_many_words dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (50001, 3)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 5)>, affine_map<()[s0] -> (50001, 5)>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x3xf32>, %w: tensor<50001x3xf32>, %t: tensor<?xi64>, %u: tensor<?x5xf32>, %tw: tensor<50001x5xf32>):
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?xf32>, tensor<?x3xf32>, tensor<50001x3xf32>, tensor<?xi64> teacher tensor<?x5xf32>, tensor<50001x5xf32>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x3xf32>
}

// A frozen head without a teacher.
kernel.func @frozen dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (101, 37)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x37xf32>, %w: tensor<101x37xf32>, %t: tensor<?xi64>):
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t
      : tensor<?xf32>, tensor<?x37xf32>, tensor<101x37xf32>, tensor<?xi64>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x37xf32>
}

// Codes of each width, scales of a channel, a group, or all.
kernel.func @codes8 dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (101, 37)>, affine_map<()[s0] -> (101)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 29)>, affine_map<()[s0] -> (101, 29)>]
    layouts [#row, #row, #packed8, #panels16, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x37xf32>, %k: tensor<101x37xi8>, %s: tensor<101xf32>, %t: tensor<?xi64>, %u: tensor<?x29xf32>, %tw: tensor<101x29xf32>):
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = channel> : tensor<101x37xi8>, tensor<101xf32> -> tensor<101x37xf32>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?xf32>, tensor<?x37xf32>, tensor<101x37xf32>, tensor<?xi64> teacher tensor<?x29xf32>, tensor<101x29xf32>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x37xf32>
}

kernel.func @codes8_loss dims [affine_map<()[s0] -> (s0, 48)>, affine_map<()[s0] -> (300, 48)>, affine_map<()[s0] -> (300)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #packed8, #panels16, #row] {
^bb0(%x: tensor<?x48xf32>, %k: tensor<300x48xi8>, %s: tensor<300xf16>, %t: tensor<?xi64>):
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = channel, half = true> : tensor<300x48xi8>, tensor<300xf16> -> tensor<300x48xf32>
  %y = train.classifier_loss %x, %w targets %t
      : tensor<?x48xf32>, tensor<300x48xf32>, tensor<?xi64> -> tensor<?xf32>
  kernel.return %y : tensor<?xf32>
}

kernel.func @codes4_groups dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 96)>, affine_map<()[s0] -> (301, 96)>, affine_map<()[s0] -> (301, 3)>, affine_map<()[s0] -> (301, 3)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row, #packed4, #panels32, #panels32, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x96xf32>, %k: tensor<301x96xi8>, %s: tensor<301x3xf32>, %z: tensor<301x3xi8>, %t: tensor<?xi64>):
  %w = lowbit.dequantize %k, %s zeros %z scheme <asym, bits = 4, per = group, group = 32> : tensor<301x96xi8>, tensor<301x3xf32>, tensor<301x3xi8> -> tensor<301x96xf32>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t
      : tensor<?xf32>, tensor<?x96xf32>, tensor<301x96xf32>, tensor<?xi64>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x96xf32>
}

kernel.func @codes3 dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 40)>, affine_map<()[s0] -> (70, 40)>, affine_map<()[s0] -> (70, 5)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 8)>, affine_map<()[s0] -> (8, 70)>]
    layouts [#row, #row, #packed3, #panels64, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x40xf32>, %k: tensor<70x40xi8>, %s: tensor<70x5xf32>, %t: tensor<?xi64>, %u: tensor<?x8xf32>, %v: tensor<8x70xf32>):
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 3, per = group, group = 8> : tensor<70x40xi8>, tensor<70x5xf32> -> tensor<70x40xf32>
  %tw = nn.transpose %v [1, 0] : tensor<8x70xf32>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?xf32>, tensor<?x40xf32>, tensor<70x40xf32>, tensor<?xi64> teacher tensor<?x8xf32>, tensor<70x8xf32>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x40xf32>
}

kernel.func @codes2 dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 68)>, affine_map<()[s0] -> (257, 68)>, affine_map<()[s0] -> (1)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 16)>, affine_map<()[s0] -> (257, 16)>]
    layouts [#row, #row, #packed2, #row, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x68xf32>, %k: tensor<257x68xi8>, %s: tensor<1xf32>, %t: tensor<?xi64>, %u: tensor<?x16xf32>, %tw: tensor<257x16xf32>):
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 2, per = tensor> : tensor<257x68xi8>, tensor<1xf32> -> tensor<257x68xf32>
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.5 ce 0.25
      : tensor<?xf32>, tensor<?x68xf32>, tensor<257x68xf32>, tensor<?xi64> teacher tensor<?x16xf32>, tensor<257x16xf32>
  kernel.return %y, %dx : tensor<?xf32>, tensor<?x68xf32>
}
