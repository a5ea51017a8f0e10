// Kernels that mutations.py changes: products of matrices over shared memory and
// from packed codes, and rows that the threads of a block join.

#row = #kernel.layout<panel = 0>

kernel.func @product dims [affine_map<()[s0] -> (s0, 40)>, affine_map<()[s0] -> (40, 37)>] layouts [#row, #row] {
^bb0(%x: tensor<?x40xf32>, %w: tensor<40x37xf32>):
  %y = nn.matmul %x, %w : tensor<?x40xf32>, tensor<40x37xf32>
  kernel.return %y : tensor<?x37xf32>
}

kernel.func @quantize dims [affine_map<()[s0] -> (s0, 520)>, affine_map<()[s0] -> (520)>] layouts [#row, #row] {
^bb0(%x: tensor<?x520xf32>, %g: tensor<520xf32>):
  %y = nn.rms_norm %x, %g eps 1.0e-6 : tensor<?x520xf32>, tensor<520xf32>
  %codes, %scales = lowbit.quantize %y scheme <sym, bits = 8, per = token> : tensor<?x520xf32> -> tensor<?x520xi8>, tensor<?xf32>
  kernel.return %codes, %scales : tensor<?x520xi8>, tensor<?xf32>
}

kernel.func @codes dims [affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> (32, 64)>, affine_map<()[s0] -> (32)>]
    layouts [#row, #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8, fragments = true>, #kernel.layout<panel = 32>] {
^bb0(%x: tensor<?x64xf32>, %w: tensor<32x64xi8>, %s: tensor<32xf32>):
  %y = lowbit.linear %x, %w scales %s scheme <sym, bits = 4, per = channel>
      : tensor<?x64xf32>, tensor<32x64xi8>, tensor<32xf32> -> tensor<?x32xf32>
  kernel.return %y : tensor<?x32xf32>
}
