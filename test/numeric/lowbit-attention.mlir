// nn.attention on keys and values of 8 bits, against the interpreter.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,5,40 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,5,40 --within=2.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=5 --within=2.0e-6
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,5,40 --within=2.0e-6

#row = #kernel.layout<panel = 0>

kernel.func @per_token dims [affine_map<()[s0] -> (2, 4, s0, 64)>, affine_map<()[s0] -> (2, 2, s0, 64)>, affine_map<()[s0] -> (2, 2, s0)>, affine_map<()[s0] -> (2, 2, s0, 64)>, affine_map<()[s0] -> (2, 2, s0)>, affine_map<()[s0] -> (2, 2, s0)>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%q: tensor<2x4x?x64xf32>, %k: tensor<2x2x?x64xi8>, %sk: tensor<2x2x?xf32>, %v: tensor<2x2x?x64xi8>, %sv: tensor<2x2x?xf32>, %zv: tensor<2x2x?xi8>):
  %key = lowbit.dequantize %k, %sk scheme <sym, bits = 8, per = token> : tensor<2x2x?x64xi8>, tensor<2x2x?xf32> -> tensor<2x2x?x64xf32>
  %value = lowbit.dequantize %v, %sv zeros %zv scheme <asym, bits = 8, per = token> : tensor<2x2x?x64xi8>, tensor<2x2x?xf32>, tensor<2x2x?xi8> -> tensor<2x2x?x64xf32>
  %y = nn.attention %q, %key, %value causal scale 0.01 : tensor<2x4x?x64xf32>, tensor<2x2x?x64xf32>, tensor<2x2x?x64xf32> -> tensor<2x4x?x64xf32>
  kernel.return %y : tensor<2x4x?x64xf32>
}

kernel.func @per_group dims [affine_map<()[s0] -> (1, 3, s0, 24)>, affine_map<()[s0] -> (1, 3, s0, 24)>, affine_map<()[s0] -> (1, 3, s0, 1)>, affine_map<()[s0] -> (1, 3, s0, 24)>, affine_map<()[s0] -> (1, 3, s0, 3)>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%q: tensor<1x3x?x24xf32>, %k: tensor<1x3x?x24xi8>, %sk: tensor<1x3x?x1xf32>, %v: tensor<1x3x?x24xi8>, %sv: tensor<1x3x?x3xf16>):
  %key = lowbit.dequantize %k, %sk scheme <sym, bits = 8, per = group, group = 24> : tensor<1x3x?x24xi8>, tensor<1x3x?x1xf32> -> tensor<1x3x?x24xf32>
  %value = lowbit.dequantize %v, %sv scheme <sym, bits = 8, per = group, group = 8, half = true> : tensor<1x3x?x24xi8>, tensor<1x3x?x3xf16> -> tensor<1x3x?x24xf32>
  %y = nn.attention %q, %key, %value scale 0.02 : tensor<1x3x?x24xf32>, tensor<1x3x?x24xf32>, tensor<1x3x?x24xf32> -> tensor<1x3x?x24xf32>
  kernel.return %y : tensor<1x3x?x24xf32>
}
