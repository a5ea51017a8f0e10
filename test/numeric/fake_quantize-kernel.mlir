// Rounding for training against the interpreter, without a lambda and with one
// that the run chooses: what codes mean to the bit, in between within rounding.
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,3,40 --within=4.0e-7
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,3,40 --within=4.0e-7
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3 --within=4.0e-7
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,3,40 --within=0 --kernels=token,group_with_zeros,ternary,one_scale,half_numbers,token_at_0,ternary_at_1,token_beyond_1
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3 --within=0 --kernels=token,group_with_zeros,ternary,one_scale,half_numbers,token_at_0,ternary_at_1,token_beyond_1
// For CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1,3,40 --within=4.0e-7

#row = #kernel.layout<panel = 0>

kernel.func @token dims [affine_map<()[s0] -> (s0, 37)>] layouts [#row] {
^bb0(%x: tensor<?x37xf32>):
  %y = lowbit.fake_quantize %x scheme <sym, bits = 8, per = token> : tensor<?x37xf32>
  kernel.return %y : tensor<?x37xf32>
}

kernel.func @token_with_lambda dims [affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> ()>] layouts [#row, #row] {
^bb0(%x: tensor<?x64xf32>, %lambda: tensor<f32>):
  %y = lowbit.fake_quantize %x lambda %lambda scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x64xf32>
  kernel.return %y : tensor<?x64xf32>
}

kernel.func @group_with_zeros dims [affine_map<()[s0] -> (s0, 48)>] layouts [#row] {
^bb0(%x: tensor<?x48xf32>):
  %y = lowbit.fake_quantize %x scheme <asym, bits = 4, per = group, group = 16> : tensor<?x48xf32>
  kernel.return %y : tensor<?x48xf32>
}

kernel.func @channel_of_halves dims [affine_map<() -> (13, 21)>, affine_map<() -> ()>] layouts [#row, #row] {
^bb0(%x: tensor<13x21xf32>, %lambda: tensor<f32>):
  %y = lowbit.fake_quantize %x lambda %lambda scheme <gptq_asym, bits = 3, per = channel, half = true> : tensor<13x21xf32>
  kernel.return %y : tensor<13x21xf32>
}

// More than one chunk of 65536 elements, the last one short.
kernel.func @ternary dims [affine_map<() -> (263, 257)>] layouts [#row] {
^bb0(%x: tensor<263x257xf32>):
  %y = lowbit.fake_quantize %x scheme <ternary, bits = 2, per = tensor> : tensor<263x257xf32>
  kernel.return %y : tensor<263x257xf32>
}

kernel.func @ternary_with_lambda dims [affine_map<() -> (7, 5)>, affine_map<() -> ()>] layouts [#row, #row] {
^bb0(%x: tensor<7x5xf32>, %lambda: tensor<f32>):
  %y = lowbit.fake_quantize %x lambda %lambda scheme <ternary, bits = 2, per = tensor> : tensor<7x5xf32>
  kernel.return %y : tensor<7x5xf32>
}

kernel.func @one_scale dims [affine_map<() -> (9, 31)>] layouts [#row] {
^bb0(%x: tensor<9x31xf32>):
  %y = lowbit.fake_quantize %x scheme <asym, bits = 8, per = tensor> : tensor<9x31xf32>
  kernel.return %y : tensor<9x31xf32>
}

kernel.func @half_numbers dims [affine_map<()[s0] -> (s0, 33)>] layouts [#row] {
^bb0(%x: tensor<?x33xf16>):
  %y = lowbit.fake_quantize %x scheme <sym, bits = 8, per = token> : tensor<?x33xf16>
  kernel.return %y : tensor<?x33xf16>
}

// At the ends of a schedule: x to the bit, and what its code means to the bit.
kernel.func @token_at_0 dims [affine_map<()[s0] -> (s0, 37)>] layouts [#row] {
^bb0(%x: tensor<?x37xf32>):
  %lambda = arith.constant dense<0.0> : tensor<f32>
  %y = lowbit.fake_quantize %x lambda %lambda scheme <sym, bits = 8, per = token> : tensor<?x37xf32>
  kernel.return %y : tensor<?x37xf32>
}

kernel.func @ternary_at_1 dims [affine_map<() -> (7, 5)>] layouts [#row] {
^bb0(%x: tensor<7x5xf32>):
  %lambda = arith.constant dense<1.0> : tensor<f32>
  %y = lowbit.fake_quantize %x lambda %lambda scheme <ternary, bits = 2, per = tensor> : tensor<7x5xf32>
  kernel.return %y : tensor<7x5xf32>
}

// Beyond them lambda counts as 0 and 1.
kernel.func @token_beyond_1 dims [affine_map<()[s0] -> (s0, 37)>] layouts [#row] {
^bb0(%x: tensor<?x37xf32>):
  %lambda = arith.constant dense<1.5> : tensor<f32>
  %y = lowbit.fake_quantize %x lambda %lambda scheme <sym, bits = 4, per = token> : tensor<?x37xf32>
  kernel.return %y : tensor<?x37xf32>
}
