// lowbit.embedding from packed tables, and lowbit.dequantize, against the
// interpreter: the very numbers.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=0,1,5 --within=0
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,5 --within=0
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=0,1,5 --within=0

#row = #kernel.layout<panel = 0>

kernel.func @bits_8 dims [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (6, 24)>, affine_map<()[s0] -> (6)>]
    layouts [#row, #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>, #kernel.layout<panel = 16>] {
^bb0(%ids: tensor<?x3xi64>, %k: tensor<6x24xi8>, %s: tensor<6xf32>):
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 8, per = channel> : tensor<?x3xi64>, tensor<6x24xi8>, tensor<6xf32> -> tensor<?x3x24xf32>
  kernel.return %y : tensor<?x3x24xf32>
}

kernel.func @bits_4 dims [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (6, 24)>, affine_map<()[s0] -> (6, 2)>, affine_map<()[s0] -> (6, 2)>]
    layouts [#row, #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>, #kernel.layout<panel = 32>, #kernel.layout<panel = 32>] {
^bb0(%ids: tensor<?x3xi64>, %k: tensor<6x24xi8>, %s: tensor<6x2xf16>, %z: tensor<6x2xi8>):
  %y = lowbit.embedding %ids, %k, %s zeros %z scheme <asym, bits = 4, per = group, group = 12, half = true> : tensor<?x3xi64>, tensor<6x24xi8>, tensor<6x2xf16>, tensor<6x2xi8> -> tensor<?x3x24xf32>
  kernel.return %y : tensor<?x3x24xf32>
}

kernel.func @bits_3 dims [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (6, 24)>, affine_map<()[s0] -> (6, 3)>]
    layouts [#row, #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>, #kernel.layout<panel = 64>] {
^bb0(%ids: tensor<?x3xi64>, %k: tensor<6x24xi8>, %s: tensor<6x3xf32>):
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 3, per = group, group = 8> : tensor<?x3xi64>, tensor<6x24xi8>, tensor<6x3xf32> -> tensor<?x3x24xf32>
  kernel.return %y : tensor<?x3x24xf32>
}

kernel.func @bits_2 dims [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (6, 21)>, affine_map<()[s0] -> (1)>]
    layouts [#row, #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>, #row] {
^bb0(%ids: tensor<?x3xi64>, %k: tensor<6x21xi8>, %s: tensor<1xf32>):
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 2, per = tensor> : tensor<?x3xi64>, tensor<6x21xi8>, tensor<1xf32> -> tensor<?x3x21xf32>
  kernel.return %y : tensor<?x3x21xf32>
}

kernel.func @dequantize dims [affine_map<()[s0] -> (s0, 20)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0)>] layouts [#row, #row, #row] {
^bb0(%k: tensor<?x20xi8>, %s: tensor<?xf32>, %z: tensor<?xi8>):
  %y = lowbit.dequantize %k, %s zeros %z scheme <asym, bits = 8, per = token> : tensor<?x20xi8>, tensor<?xf32>, tensor<?xi8> -> tensor<?x20xf32>
  kernel.return %y : tensor<?x20xf32>
}
