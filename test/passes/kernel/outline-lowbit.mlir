// Layers on codes: their weights are packed, what quantizes them takes its norm
// and rotation along, a low-rank branch goes into the epilogue.

// RUN: qopt-opt %s --qopt-outline-weights --qopt-outline-kernels | FileCheck %s
// RUN: qopt-opt %s --qopt-outline-weights=lanes=8 | FileCheck %s --check-prefix=NARROW
// RUN: qopt-opt %s --qopt-outline-weights=fragments=true | FileCheck %s --check-prefix=FRAGMENTS
// RUN: not qopt-opt %s --qopt-outline-weights=lanes=4 2>&1 | FileCheck %s --check-prefix=LANES
// RUN: not qopt-opt %s --qopt-outline-weights='lanes=8 fragments=true' 2>&1 | FileCheck %s --check-prefix=WIDE

// Codes, scales and zeros of one quantization follow each other.
// CHECK:      kernel.weight @w.packed layout <panel = 32, bits = 4, lanes = 16, offset = 8> {
// CHECK:        kernel.return %codes
// CHECK:      kernel.weight @w.packed_0 layout <panel = 32> offset 128 {
// CHECK:        kernel.return %scales
// CHECK:      kernel.weight @w.packed_1 layout <panel = 32> offset
// CHECK:        kernel.return %zeros

// CHECK:      kernel.func @quantize_0
// CHECK:        nn.rms_norm
// CHECK-NEXT:   lowbit.hadamard
// CHECK-NEXT:   lowbit.quantize
// CHECK:      kernel.func @linear_0
// CHECK:        nn.linear %{{.*}} : tensor<?x8xf32>, tensor<2x8xf32>
// CHECK:      kernel.func @linear_1
// CHECK:        lowbit.linear
// CHECK-NEXT:   nn.linear %{{.*}} : tensor<?x2xf32>, tensor<6x2xf32>
// CHECK:        nn.mul
// CHECK-NEXT:   nn.add
// CHECK-NEXT:   kernel.return

// NARROW: kernel.weight @w.packed layout <panel = 16, bits = 4, lanes = 8, offset = 8> {
// FRAGMENTS: kernel.weight @w.packed layout <panel = 32, bits = 4, lanes = 16, offset = 8, fragments = true> {
// LANES: error: expects 8 or 16 lanes, got 4
// WIDE: error: expects 16 lanes for fragments, got 8

// Attention reads codes as they lie.
// CHECK:      kernel.func @attention_0
// CHECK:        lowbit.dequantize
// CHECK-NEXT:   nn.attention

ml_program.global private @w(#ml_program.extern<tensor<6x8xf32>>) : tensor<6x8xf32>
ml_program.global private @a(#ml_program.extern<tensor<2x8xf32>>) : tensor<2x8xf32>
ml_program.global private @b(#ml_program.extern<tensor<6x2xf32>>) : tensor<6x2xf32>
func.func @run(%x: tensor<?x8xf32> {nn.dims = affine_map<()[s0] -> (s0, 8)>})
    -> tensor<?x6xf32> attributes {nn.symbols = ["rows"]} {
  %w = ml_program.global_load @w : tensor<6x8xf32>
  %a = ml_program.global_load @a : tensor<2x8xf32>
  %b = ml_program.global_load @b : tensor<6x2xf32>
  %kw, %sw, %zw = lowbit.quantize %w scheme <asym, bits = 4, per = group, group = 4> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<6x2xf32>, tensor<6x2xi8>
  %n = nn.rms_norm %x eps 1.0e-6 : tensor<?x8xf32>
  %r = lowbit.hadamard %n axis 1 orders [8] : tensor<?x8xf32>
  %k, %s = lowbit.quantize %r scheme <sym, bits = 8, per = token> : tensor<?x8xf32> -> tensor<?x8xi8>, tensor<?xf32>
  %y = lowbit.linear %k scales %s, %kw scales %sw zeros %zw scheme <asym, bits = 4, per = group, group = 4> : tensor<?x8xi8>, tensor<?xf32>, tensor<6x8xi8>, tensor<6x2xf32>, tensor<6x2xi8> -> tensor<?x6xf32>
  %z = lowbit.lora_linear %x, %a, %b scale 2.0 onto %y : tensor<?x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<?x6xf32>
  return %z : tensor<?x6xf32>
}

func.func @int8_cache(%q: tensor<1x2x?x8xf32> {nn.dims = affine_map<()[s0] -> (1, 2, s0, 8)>},
    %k: tensor<1x2x?x8xi8> {nn.dims = affine_map<()[s0] -> (1, 2, s0, 8)>},
    %s: tensor<1x2x?xf32> {nn.dims = affine_map<()[s0] -> (1, 2, s0)>})
    -> tensor<1x2x?x8xf32> attributes {nn.symbols = ["seq"]} {
  %n = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<1x2x?x8xi8>, tensor<1x2x?xf32> -> tensor<1x2x?x8xf32>
  %y = nn.attention %q, %n, %n scale 1.0 : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32> -> tensor<1x2x?x8xf32>
  return %y : tensor<1x2x?x8xf32>
}
