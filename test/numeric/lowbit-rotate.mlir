// Rotations along an axis that is not the last, alone and before the rows that
// are quantized, against the interpreter. The orders are Sylvester's and
// Paley's, as blocks too; 64, 7 and an unknown number of elements lie between.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=0,1,3,7 --within=1.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,3 --within=1.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,3,7 --within=1.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3 --within=1.0e-6
// For CUDA, lane by lane: numbers, and no fault. Tokens do not lie beside heads.
// RUN: qopt-kernel-simulate %s --rows=1,5 --within=2.0e-6 --kernels=heads16,heads12,heads12_back,heads12_of_7,heads16_of_7,blocks,product,wide,long,one,half,bfloat,quantized16,quantized12,quantized4_of_7,quantized_half,quantized_half8,quantized_down,quantized_keys

#row = #kernel.layout<panel = 0>

kernel.func @heads16 dims [affine_map<()[s0] -> (s0, 16, 64)>] layouts [#row] {
^bb0(%x: tensor<?x16x64xf32>):
  %y = lowbit.hadamard %x axis 1 orders [16] : tensor<?x16x64xf32>
  kernel.return %y : tensor<?x16x64xf32>
}

kernel.func @heads12 dims [affine_map<()[s0] -> (s0, 12, 64)>] layouts [#row] {
^bb0(%x: tensor<?x12x64xf32>):
  %y = lowbit.hadamard %x axis 1 orders [12] seed 3 : tensor<?x12x64xf32>
  kernel.return %y : tensor<?x12x64xf32>
}

kernel.func @heads12_back dims [affine_map<()[s0] -> (s0, 12, 64)>] layouts [#row] {
^bb0(%x: tensor<?x12x64xf32>):
  %y = lowbit.hadamard %x axis 1 orders [12] seed 3 transposed : tensor<?x12x64xf32>
  kernel.return %y : tensor<?x12x64xf32>
}

kernel.func @heads12_of_7 dims [affine_map<()[s0] -> (s0, 12, 7)>] layouts [#row] {
^bb0(%x: tensor<?x12x7xf32>):
  %y = lowbit.hadamard %x axis 1 orders [12] transposed : tensor<?x12x7xf32>
  kernel.return %y : tensor<?x12x7xf32>
}

kernel.func @heads16_of_7 dims [affine_map<()[s0] -> (s0, 2, 16, 7)>] layouts [#row] {
^bb0(%x: tensor<?x2x16x7xf32>):
  %y = lowbit.hadamard %x axis 2 orders [16] seed 11 : tensor<?x2x16x7xf32>
  kernel.return %y : tensor<?x2x16x7xf32>
}

kernel.func @blocks dims [affine_map<()[s0] -> (s0, 24, 7)>] layouts [#row] {
^bb0(%x: tensor<?x24x7xf32>):
  %y = lowbit.hadamard %x axis 1 orders [4] seed 5 : tensor<?x24x7xf32>
  kernel.return %y : tensor<?x24x7xf32>
}

kernel.func @product dims [affine_map<()[s0] -> (s0, 24, 64)>] layouts [#row] {
^bb0(%x: tensor<?x24x64xf32>):
  %y = lowbit.hadamard %x axis 1 orders [12, 2] seed 5 transposed : tensor<?x24x64xf32>
  kernel.return %y : tensor<?x24x64xf32>
}

kernel.func @wide dims [affine_map<()[s0] -> (3, 12, 1000)>] layouts [#row] {
^bb0(%x: tensor<3x12x1000xf32>):
  %y = lowbit.hadamard %x axis 1 orders [12] : tensor<3x12x1000xf32>
  kernel.return %y : tensor<3x12x1000xf32>
}

kernel.func @long dims [affine_map<()[s0] -> (144, 9)>] layouts [#row] {
^bb0(%x: tensor<144x9xf32>):
  %y = lowbit.hadamard %x axis 0 orders [36, 4] seed 7 : tensor<144x9xf32>
  kernel.return %y : tensor<144x9xf32>
}

kernel.func @one dims [affine_map<()[s0] -> (s0, 9, 5)>] layouts [#row] {
^bb0(%x: tensor<?x9x5xf32>):
  %y = lowbit.hadamard %x axis 1 orders [1] : tensor<?x9x5xf32>
  kernel.return %y : tensor<?x9x5xf32>
}

kernel.func @half dims [affine_map<()[s0] -> (s0, 16, 20)>] layouts [#row] {
^bb0(%x: tensor<?x16x20xf16>):
  %y = lowbit.hadamard %x axis 1 orders [16] seed 1 : tensor<?x16x20xf16>
  kernel.return %y : tensor<?x16x20xf16>
}

kernel.func @bfloat dims [affine_map<()[s0] -> (s0, 16, 7)>] layouts [#row] {
^bb0(%x: tensor<?x16x7xbf16>):
  %y = lowbit.hadamard %x axis 1 orders [16] : tensor<?x16x7xbf16>
  kernel.return %y : tensor<?x16x7xbf16>
}

kernel.func @tokens dims [affine_map<()[s0] -> (2, 12, s0, 8)>] layouts [#row] {
^bb0(%x: tensor<2x12x?x8xf32>):
  %y = lowbit.hadamard %x axis 1 orders [12] seed 2 : tensor<2x12x?x8xf32>
  kernel.return %y : tensor<2x12x?x8xf32>
}

kernel.func @quantized16 dims [affine_map<()[s0] -> (5, 16, 64)>] layouts [#row] {
^bb0(%x: tensor<5x16x64xf32>):
  %y = lowbit.hadamard %x axis 1 orders [16] : tensor<5x16x64xf32>
  %r = nn.reshape %y : tensor<5x16x64xf32> -> tensor<5x1024xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 4, per = token, clip = 90> : tensor<5x1024xf32> -> tensor<5x1024xi8>, tensor<5xf32>
  kernel.return %k, %s : tensor<5x1024xi8>, tensor<5xf32>
}

kernel.func @quantized12 dims [affine_map<()[s0] -> (2, 5, 12, 64)>] layouts [#row] {
^bb0(%x: tensor<2x5x12x64xf32>):
  %y = lowbit.hadamard %x axis 2 orders [12] seed 9 : tensor<2x5x12x64xf32>
  %r = nn.reshape %y : tensor<2x5x12x64xf32> -> tensor<2x5x768xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 8, per = token> : tensor<2x5x768xf32> -> tensor<2x5x768xi8>, tensor<2x5xf32>
  kernel.return %k, %s : tensor<2x5x768xi8>, tensor<2x5xf32>
}

kernel.func @quantized4_of_7 dims [affine_map<()[s0] -> (5, 4, 7)>] layouts [#row] {
^bb0(%x: tensor<5x4x7xf32>):
  %y = lowbit.hadamard %x axis 1 orders [4] seed 4 transposed : tensor<5x4x7xf32>
  %r = nn.reshape %y : tensor<5x4x7xf32> -> tensor<5x28xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 4, per = token, clip = 90> : tensor<5x28xf32> -> tensor<5x28xi8>, tensor<5xf32>
  kernel.return %k, %s : tensor<5x28xi8>, tensor<5xf32>
}

kernel.func @quantized_half dims [affine_map<()[s0] -> (5, 8, 20)>] layouts [#row] {
^bb0(%x: tensor<5x8x20xf16>):
  %y = lowbit.hadamard %x axis 1 orders [8] : tensor<5x8x20xf16>
  %r = nn.reshape %y : tensor<5x8x20xf16> -> tensor<5x160xf16>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 4, per = token, clip = 90> : tensor<5x160xf16> -> tensor<5x160xi8>, tensor<5xf32>
  kernel.return %k, %s : tensor<5x160xi8>, tensor<5xf32>
}

// As pipelines make them: sizes that only a call knows, and the reshape's beside.

kernel.func @quantized_tokens16 dims [affine_map<()[s0] -> (s0, 3, 16, 64)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (3)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x?x16x64xf32>, %n: index, %m: index):
  %y = lowbit.hadamard %x axis 2 orders [16] : tensor<?x?x16x64xf32>
  %r = nn.reshape %y [%n, %m] : tensor<?x?x16x64xf32> -> tensor<?x?x1024xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x?x1024xf32> -> tensor<?x?x1024xi8>, tensor<?x?xf32>
  kernel.return %k, %s : tensor<?x?x1024xi8>, tensor<?x?xf32>
}

kernel.func @quantized_tokens12 dims [affine_map<()[s0] -> (2, s0, 12, 64)>, affine_map<()[s0] -> (2)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x?x12x64xf32>, %n: index, %m: index):
  %y = lowbit.hadamard %x axis 2 orders [12] seed 9 : tensor<?x?x12x64xf32>
  %r = nn.reshape %y [%n, %m] : tensor<?x?x12x64xf32> -> tensor<?x?x768xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 8, per = token> : tensor<?x?x768xf32> -> tensor<?x?x768xi8>, tensor<?x?xf32>
  kernel.return %k, %s : tensor<?x?x768xi8>, tensor<?x?xf32>
}

kernel.func @quantized_tokens4_of_7 dims [affine_map<()[s0] -> (s0, s0, 4, 7)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x?x4x7xf32>, %n: index, %m: index):
  %y = lowbit.hadamard %x axis 2 orders [4] seed 4 transposed : tensor<?x?x4x7xf32>
  %r = nn.reshape %y [%n, %m] : tensor<?x?x4x7xf32> -> tensor<?x?x28xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x?x28xf32> -> tensor<?x?x28xi8>, tensor<?x?xf32>
  kernel.return %k, %s : tensor<?x?x28xi8>, tensor<?x?xf32>
}

kernel.func @quantized_half8 dims [affine_map<()[s0] -> (s0, 2, 8, 20)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (2)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x?x8x20xf16>, %n: index, %m: index):
  %y = lowbit.hadamard %x axis 2 orders [8] : tensor<?x?x8x20xf16>
  %r = nn.reshape %y [%n, %m] : tensor<?x?x8x20xf16> -> tensor<?x?x160xf16>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x?x160xf16> -> tensor<?x?x160xi8>, tensor<?x?xf32>
  kernel.return %k, %s : tensor<?x?x160xi8>, tensor<?x?xf32>
}

kernel.func @quantized_down dims [affine_map<()[s0] -> (s0, 2, 72)>] layouts [#row] {
^bb0(%x: tensor<?x?x72xf32>):
  %y = lowbit.hadamard %x axis 2 orders [36, 2] : tensor<?x?x72xf32>
  %k, %s = lowbit.quantize %y scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x?x72xf32> -> tensor<?x?x72xi8>, tensor<?x?xf32>
  kernel.return %k, %s : tensor<?x?x72xi8>, tensor<?x?xf32>
}

kernel.func @quantized_keys dims [affine_map<()[s0] -> (2, 3, s0, 16)>] layouts [#row] {
^bb0(%x: tensor<?x3x?x16xf32>):
  %y = lowbit.hadamard %x axis 3 orders [16] : tensor<?x3x?x16xf32>
  %k, %s = lowbit.quantize %y scheme <sym, bits = 8, per = group, group = 16> : tensor<?x3x?x16xf32> -> tensor<?x3x?x16xi8>, tensor<?x3x?x1xf32>
  kernel.return %k, %s : tensor<?x3x?x16xi8>, tensor<?x3x?x1xf32>
}
