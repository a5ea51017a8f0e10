// lowbit.quantize of rows, alone and behind what it takes along, and rotations,
// against the interpreter. Codes are compared bit by bit.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=0,1,3,7 --within=1.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx512 --emulate-isa --rows=1,3 --within=1.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --emulate-isa --rows=1,3,7 --within=1.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3 --within=1.0e-6
// For CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=0,1,5 --within=1.0e-6

#row = #kernel.layout<panel = 0>
kernel.func @tok8 dims [affine_map<()[s0] -> (s0, 100)>] layouts [#row] {
^bb0(%x: tensor<?x100xf32>):
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x100xf32> -> tensor<?x100xi8>, tensor<?xf32>
  kernel.return %k, %s : tensor<?x100xi8>, tensor<?xf32>
}

kernel.func @clip4 dims [affine_map<()[s0] -> (s0, 3, 64)>] layouts [#row] {
^bb0(%x: tensor<?x3x64xf16>):
  %k, %s = lowbit.quantize %x scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x3x64xf16> -> tensor<?x3x64xi8>, tensor<?x3xf32>
  kernel.return %k, %s : tensor<?x3x64xi8>, tensor<?x3xf32>
}

kernel.func @asym dims [affine_map<()[s0] -> (s0, 96)>] layouts [#row] {
^bb0(%x: tensor<?x96xf32>):
  %k, %s, %z = lowbit.quantize %x scheme <asym, bits = 8, per = group, group = 24> : tensor<?x96xf32> -> tensor<?x96xi8>, tensor<?x4xf32>, tensor<?x4xi8>
  kernel.return %k, %s, %z : tensor<?x96xi8>, tensor<?x4xf32>, tensor<?x4xi8>
}

kernel.func @gptq dims [affine_map<()[s0] -> (s0, 96)>] layouts [#row] {
^bb0(%x: tensor<?x96xf32>):
  %k, %s = lowbit.quantize %x scheme <gptq_sym, bits = 4, per = group, group = 32, half = true> : tensor<?x96xf32> -> tensor<?x96xi8>, tensor<?x3xf16>
  kernel.return %k, %s : tensor<?x96xi8>, tensor<?x3xf16>
}

kernel.func @norm dims [affine_map<()[s0] -> (s0, 576)>, affine_map<()[s0] -> (576)>] layouts [#row, #row] {
^bb0(%x: tensor<?x576xf32>, %g: tensor<576xf32>):
  %n = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x576xf32>, tensor<576xf32>
  %k, %s = lowbit.quantize %n scheme <sym, bits = 8, per = token> : tensor<?x576xf32> -> tensor<?x576xi8>, tensor<?xf32>
  kernel.return %k, %s : tensor<?x576xi8>, tensor<?xf32>
}

kernel.func @rot dims [affine_map<()[s0] -> (s0, 576)>] layouts [#row] {
^bb0(%x: tensor<?x576xf32>):
  %n = lowbit.hadamard %x axis 1 orders [36, 16] : tensor<?x576xf32>
  kernel.return %n : tensor<?x576xf32>
}

kernel.func @rot2 dims [affine_map<()[s0] -> (s0, 2048)>] layouts [#row] {
^bb0(%x: tensor<?x2048xf32>):
  %n = lowbit.hadamard %x axis 1 orders [2048] seed 7 : tensor<?x2048xf32>
  kernel.return %n : tensor<?x2048xf32>
}

kernel.func @rot3 dims [affine_map<()[s0] -> (s0, 5, 48)>] layouts [#row] {
^bb0(%x: tensor<?x5x48xf32>):
  %n = lowbit.hadamard %x axis 2 orders [12, 2] seed 7 transposed : tensor<?x5x48xf32>
  kernel.return %n : tensor<?x5x48xf32>
}

kernel.func @rot4 dims [affine_map<()[s0] -> (s0, 5, 64)>] layouts [#row] {
^bb0(%x: tensor<?x5x64xf32>):
  %n = lowbit.hadamard %x axis 2 orders [8] : tensor<?x5x64xf32>
  kernel.return %n : tensor<?x5x64xf32>
}

kernel.func @swiglu dims [affine_map<()[s0] -> (s0, 1536)>, affine_map<()[s0] -> (s0, 1536)>] layouts [#row, #row] {
^bb0(%g: tensor<?x1536xf32>, %u: tensor<?x1536xf32>):
  %h = nn.swiglu %g, %u : tensor<?x1536xf32>
  %n = lowbit.hadamard %h axis 1 orders [12, 128] : tensor<?x1536xf32>
  %k, %s = lowbit.quantize %n scheme <sym, bits = 8, per = token> : tensor<?x1536xf32> -> tensor<?x1536xi8>, tensor<?xf32>
  kernel.return %k, %s : tensor<?x1536xi8>, tensor<?xf32>
}
