// lowbit.linear on numbers of 16 bits: the sums are those of f32, and rounded
// once; a sum between two halves may go to either.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,2,7,33 --within=8.0e-3
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,7 --within=8.0e-3
// For CUDA, lane by lane: numbers, and no fault; codes lie as fragments. A
// result of 16 bits may round the other way.
// RUN: sed '/bits = 3/!s/\(lanes = 16, offset = [0-9]*\)>/\1, fragments = true>/' %s > %t.cuda.mlir
// RUN: qopt-kernel-simulate %t.cuda.mlir --rows=1,7,33,69 --within=1.0e-3

kernel.func @numbers_f16_2 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>, #kernel.layout<panel = 64>] {
^bb0(%x: tensor<?x52xf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 2, per = channel> : tensor<?x52xf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xf16>
  kernel.return %y : tensor<?x33xf16>
}

kernel.func @numbers_f16_3 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>, #kernel.layout<panel = 64>] {
^bb0(%x: tensor<?x52xf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 3, per = channel> : tensor<?x52xf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xf16>
  kernel.return %y : tensor<?x33xf16>
}

kernel.func @numbers_f16_4 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>, #kernel.layout<panel = 32>] {
^bb0(%x: tensor<?x52xf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 4, per = channel> : tensor<?x52xf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xf16>
  kernel.return %y : tensor<?x33xf16>
}

kernel.func @numbers_f16_8 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>, #kernel.layout<panel = 16>] {
^bb0(%x: tensor<?x52xf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 8, per = channel> : tensor<?x52xf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xf16>
  kernel.return %y : tensor<?x33xf16>
}

kernel.func @numbers_bf16_2 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 2>, #kernel.layout<panel = 64>] {
^bb0(%x: tensor<?x52xbf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 2, per = channel> : tensor<?x52xbf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xbf16>
  kernel.return %y : tensor<?x33xbf16>
}

kernel.func @numbers_bf16_3 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 64, bits = 3, lanes = 16, offset = 4>, #kernel.layout<panel = 64>] {
^bb0(%x: tensor<?x52xbf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 3, per = channel> : tensor<?x52xbf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xbf16>
  kernel.return %y : tensor<?x33xbf16>
}

kernel.func @numbers_bf16_4 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 32, bits = 4, lanes = 16, offset = 8>, #kernel.layout<panel = 32>] {
^bb0(%x: tensor<?x52xbf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 4, per = channel> : tensor<?x52xbf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xbf16>
  kernel.return %y : tensor<?x33xbf16>
}

kernel.func @numbers_bf16_8 dims [affine_map<()[s0] -> (s0, 52)>, affine_map<()[s0] -> (33, 52)>, affine_map<()[s0] -> (33)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 16, bits = 8, lanes = 16, offset = 128>, #kernel.layout<panel = 16>] {
^bb0(%x: tensor<?x52xbf16>, %w: tensor<33x52xi8>, %sw: tensor<33xf32>):
  %y = lowbit.linear %x, %w scales %sw
      scheme <sym, bits = 8, per = channel> : tensor<?x52xbf16>, tensor<33x52xi8>, tensor<33xf32> -> tensor<?x33xbf16>
  kernel.return %y : tensor<?x33xbf16>
}
