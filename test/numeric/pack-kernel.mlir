// Codes of a trained weight, packed as they are made, against the interpreter
// to the bit: every width and granularity, of matrices that lie row by row and
// transposed, at sizes off the panel, the vector and the chunk.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1 --within=0
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1 --within=0
// The layouts for 64 bytes, written in halves and in quarters.
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1 --within=0
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1 --within=0
// The layouts for vectors of 32 bytes.
// RUN: sed 's/panel = 16/panel = 8/g; s/panel = 32/panel = 16/g; s/panel = 64/panel = 32/g; s/lanes = 16/lanes = 8/g' %s > %t.mlir
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx512 --emulate-isa --rows=1 --within=0
// RUN: qopt-kernel-bench %t.mlir --mcpu=avx2 --emulate-isa --rows=1 --within=0
// RUN: qopt-kernel-bench %t.mlir --mcpu=plain --rows=1 --within=0
// For CUDA into fragments, which there are none of for 3 bits.
// RUN: sed '/bits = 3/!s/\(lanes = 16, offset = [0-9]*\)>/\1, fragments = true>/' %s > %t.cuda.mlir
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=1 --within=0 --kernels=ternary,ternary_turned,ternary_whole,ternary_whole_turned,ternary_one,ternary_halves,ternary_bf16,one_scale,channel8,channel8_turned,channel4,channel4_turned,group2,group2_turned,group4_halves,group4_turned

#row = #kernel.layout<panel = 0>
#panels64 = #kernel.layout<panel = 64>
#panels32 = #kernel.layout<panel = 32>
#panels16 = #kernel.layout<panel = 16>
#ternary = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>
#packed2 = #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>
#packed3 = #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>
#packed4 = #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>
#packed8 = #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>

// More than one chunk of 65536 elements, the last one short.
kernel.func @ternary dims [affine_map<()[s0] -> (263, 257)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<263x257xf32>):
  %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<263x257xf32> -> tensor<263x257xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<263x257xi8>, tensor<1xf32>
}

kernel.func @ternary_turned dims [affine_map<()[s0] -> (257, 263)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<257x263xf32>):
  %t = nn.transpose %w [1, 0] : tensor<257x263xf32>
  %k, %s = lowbit.quantize %t scheme <ternary, bits = 2, per = tensor> : tensor<263x257xf32> -> tensor<263x257xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<263x257xi8>, tensor<1xf32>
}

// Panels and steps without a rest.
kernel.func @ternary_whole dims [affine_map<()[s0] -> (128, 64)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<128x64xf32>):
  %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<128x64xf32> -> tensor<128x64xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<128x64xi8>, tensor<1xf32>
}

kernel.func @ternary_whole_turned dims [affine_map<()[s0] -> (64, 128)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<64x128xf32>):
  %t = nn.transpose %w [1, 0] : tensor<64x128xf32>
  %k, %s = lowbit.quantize %t scheme <ternary, bits = 2, per = tensor> : tensor<128x64xf32> -> tensor<128x64xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<128x64xi8>, tensor<1xf32>
}

// One row, one column.
kernel.func @ternary_one dims [affine_map<()[s0] -> (1, 1)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<1x1xf32>):
  %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<1x1xf32> -> tensor<1x1xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<1x1xi8>, tensor<1xf32>
}

kernel.func @ternary_halves dims [affine_map<()[s0] -> (19, 70)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<19x70xf16>):
  %t = nn.transpose %w [1, 0] : tensor<19x70xf16>
  %k, %s = lowbit.quantize %t scheme <ternary, bits = 2, per = tensor> : tensor<70x19xf16> -> tensor<70x19xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<70x19xi8>, tensor<1xf32>
}

kernel.func @ternary_bf16 dims [affine_map<()[s0] -> (5, 34)>] layouts [#row] results [#ternary, #row] {
^bb0(%w: tensor<5x34xbf16>):
  %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<5x34xbf16> -> tensor<5x34xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<5x34xi8>, tensor<1xf32>
}

// Zeros that all share.
kernel.func @one_scale dims [affine_map<()[s0] -> (33, 31)>] layouts [#row] results [#packed4, #row, #row] {
^bb0(%w: tensor<33x31xf32>):
  %k, %s, %z = lowbit.quantize %w scheme <asym, bits = 4, per = tensor> : tensor<33x31xf32> -> tensor<33x31xi8>, tensor<1xf32>, tensor<1xi8>
  kernel.return %k, %s, %z : tensor<33x31xi8>, tensor<1xf32>, tensor<1xi8>
}

// Embeddings and heads.
kernel.func @channel8 dims [affine_map<()[s0] -> (37, 50)>] layouts [#row] results [#packed8, #panels16] {
^bb0(%w: tensor<37x50xf32>):
  %k, %s = lowbit.quantize %w scheme <sym, bits = 8, per = channel> : tensor<37x50xf32> -> tensor<37x50xi8>, tensor<37xf32>
  kernel.return %k, %s : tensor<37x50xi8>, tensor<37xf32>
}

kernel.func @channel8_turned dims [affine_map<()[s0] -> (50, 37)>] layouts [#row] results [#packed8, #panels16] {
^bb0(%w: tensor<50x37xf32>):
  %t = nn.transpose %w [1, 0] : tensor<50x37xf32>
  %k, %s = lowbit.quantize %t scheme <sym, bits = 8, per = channel> : tensor<37x50xf32> -> tensor<37x50xi8>, tensor<37xf32>
  kernel.return %k, %s : tensor<37x50xi8>, tensor<37xf32>
}

kernel.func @channel4 dims [affine_map<()[s0] -> (45, 21)>] layouts [#row] results [#packed4, #panels32, #panels32] {
^bb0(%w: tensor<45x21xf32>):
  %k, %s, %z = lowbit.quantize %w scheme <gptq_asym, bits = 4, per = channel> : tensor<45x21xf32> -> tensor<45x21xi8>, tensor<45xf32>, tensor<45xi8>
  kernel.return %k, %s, %z : tensor<45x21xi8>, tensor<45xf32>, tensor<45xi8>
}

kernel.func @channel4_turned dims [affine_map<()[s0] -> (21, 45)>] layouts [#row] results [#packed4, #panels32, #panels32] {
^bb0(%w: tensor<21x45xf32>):
  %t = nn.transpose %w [1, 0] : tensor<21x45xf32>
  %k, %s, %z = lowbit.quantize %t scheme <gptq_asym, bits = 4, per = channel> : tensor<45x21xf32> -> tensor<45x21xi8>, tensor<45xf32>, tensor<45xi8>
  kernel.return %k, %s, %z : tensor<45x21xi8>, tensor<45xf32>, tensor<45xi8>
}

// Two planes, the last step short.
kernel.func @channel3 dims [affine_map<()[s0] -> (67, 13)>] layouts [#row] results [#packed3, #panels64] {
^bb0(%w: tensor<67x13xf32>):
  %k, %s = lowbit.quantize %w scheme <gptq_sym, bits = 3, per = channel> : tensor<67x13xf32> -> tensor<67x13xi8>, tensor<67xf32>
  kernel.return %k, %s : tensor<67x13xi8>, tensor<67xf32>
}

kernel.func @channel3_turned dims [affine_map<()[s0] -> (13, 67)>] layouts [#row] results [#packed3, #panels64] {
^bb0(%w: tensor<13x67xf32>):
  %t = nn.transpose %w [1, 0] : tensor<13x67xf32>
  %k, %s = lowbit.quantize %t scheme <gptq_sym, bits = 3, per = channel> : tensor<67x13xf32> -> tensor<67x13xi8>, tensor<67xf32>
  kernel.return %k, %s : tensor<67x13xi8>, tensor<67xf32>
}

kernel.func @group3 dims [affine_map<()[s0] -> (64, 48)>] layouts [#row] results [#packed3, #panels64] {
^bb0(%w: tensor<64x48xf32>):
  %k, %s = lowbit.quantize %w scheme <gptq_sym, bits = 3, per = group, group = 16, half = true> : tensor<64x48xf32> -> tensor<64x48xi8>, tensor<64x3xf16>
  kernel.return %k, %s : tensor<64x48xi8>, tensor<64x3xf16>
}

// Groups within a vector of columns.
kernel.func @group2 dims [affine_map<()[s0] -> (65, 40)>] layouts [#row] results [#packed2, #panels64, #panels64] {
^bb0(%w: tensor<65x40xf32>):
  %k, %s, %z = lowbit.quantize %w scheme <asym, bits = 2, per = group, group = 4> : tensor<65x40xf32> -> tensor<65x40xi8>, tensor<65x10xf32>, tensor<65x10xi8>
  kernel.return %k, %s, %z : tensor<65x40xi8>, tensor<65x10xf32>, tensor<65x10xi8>
}

kernel.func @group2_turned dims [affine_map<()[s0] -> (40, 65)>] layouts [#row] results [#packed2, #panels64, #panels64] {
^bb0(%w: tensor<40x65xf32>):
  %t = nn.transpose %w [1, 0] : tensor<40x65xf32>
  %k, %s, %z = lowbit.quantize %t scheme <asym, bits = 2, per = group, group = 4> : tensor<65x40xf32> -> tensor<65x40xi8>, tensor<65x10xf32>, tensor<65x10xi8>
  kernel.return %k, %s, %z : tensor<65x40xi8>, tensor<65x10xf32>, tensor<65x10xi8>
}

kernel.func @group4_halves dims [affine_map<()[s0] -> (40, 96)>] layouts [#row] results [#packed4, #panels32] {
^bb0(%w: tensor<40x96xf16>):
  %k, %s = lowbit.quantize %w scheme <gptq_sym, bits = 4, per = group, group = 32, half = true> : tensor<40x96xf16> -> tensor<40x96xi8>, tensor<40x3xf16>
  kernel.return %k, %s : tensor<40x96xi8>, tensor<40x3xf16>
}

kernel.func @group4_turned dims [affine_map<()[s0] -> (96, 40)>] layouts [#row] results [#packed4, #panels32] {
^bb0(%w: tensor<96x40xf32>):
  %t = nn.transpose %w [1, 0] : tensor<96x40xf32>
  %k, %s = lowbit.quantize %t scheme <sym, bits = 4, per = group, group = 32, clip = 90> : tensor<40x96xf32> -> tensor<40x96xi8>, tensor<40x3xf32>
  kernel.return %k, %s : tensor<40x96xi8>, tensor<40x3xf32>
}

