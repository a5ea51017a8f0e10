// What the ops on codes refuse, one case a constraint.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @quantize_c1_dynamic_channels(%x: tensor<4x?xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension, but got 'tensor<4x?xf32>'}}
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<4x?xf32> -> tensor<4x8xi8>, tensor<4xf32>
  return
}

// -----

func.func @quantize_c2_codes(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects codes of shape [4, 8], got 'tensor<4x6xi8>'}}
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<4x8xf32> -> tensor<4x6xi8>, tensor<4xf32>
  return
}

// -----

func.func @quantize_c3_shape(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects scales of shape [4, 2], got 'tensor<4xf32>'}}
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = group, group = 4> : tensor<4x8xf32> -> tensor<4x8xi8>, tensor<4xf32>
  return
}

// -----

func.func @quantize_c3_type(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects scales of 'f16', got 'tensor<4x2xf32>'}}
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = group, group = 4, half = true> : tensor<4x8xf32> -> tensor<4x8xi8>, tensor<4x2xf32>
  return
}

// -----

func.func @quantize_c4_group(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects a group that divides 8 channels, got 3}}
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = group, group = 3> : tensor<4x8xf32> -> tensor<4x8xi8>, tensor<4x2xf32>
  return
}

// -----

func.func @quantize_c5_none(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects zeros, which its scheme has}}
  %k, %s = lowbit.quantize %x scheme <asym, bits = 8, per = token> : tensor<4x8xf32> -> tensor<4x8xi8>, tensor<4xf32>
  return
}

// -----

func.func @quantize_c5_too_many(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects no zeros, its scheme has none}}
  %k, %s, %z = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<4x8xf32> -> tensor<4x8xi8>, tensor<4xf32>, tensor<4xi8>
  return
}

// -----

func.func @quantize_c5_shape(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.quantize' op expects zeros of shape [4], got 'tensor<8xi8>'}}
  %k, %s, %z = lowbit.quantize %x scheme <asym, bits = 8, per = token> : tensor<4x8xf32> -> tensor<4x8xi8>, tensor<4xf32>, tensor<8xi8>
  return
}

// -----

func.func @dequantize_c1_dynamic_channels(%k: tensor<4x?xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{operand #0 must be i8 tensor with a static last dimension, but got 'tensor<4x?xi8>'}}
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<4x?xi8>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c2_result(%k: tensor<4x8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{'lowbit.dequantize' op expects result of shape [4, 8], got 'tensor<4x6xf32>'}}
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<4x8xi8>, tensor<4xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @dequantize_c3_scales(%k: tensor<4x8xi8>, %s: tensor<8xf32>) {
  // expected-error @+1 {{'lowbit.dequantize' op expects scales of shape [1], got 'tensor<8xf32>'}}
  %y = lowbit.dequantize %k, %s scheme <ternary, bits = 2, per = tensor> : tensor<4x8xi8>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c4_group(%k: tensor<4x8xi8>, %s: tensor<4x1xf32>) {
  // expected-error @+1 {{'lowbit.dequantize' op expects a group that divides 8 channels, got 16}}
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = group, group = 16> : tensor<4x8xi8>, tensor<4x1xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_c5_none(%k: tensor<4x8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{'lowbit.dequantize' op expects zeros, which its scheme has}}
  %y = lowbit.dequantize %k, %s scheme <gptq_asym, bits = 4, per = channel> : tensor<4x8xi8>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c1_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension, but got 'tensor<f32>'}}
  %y = lowbit.fake_quantize %x scheme <sym, bits = 8, per = tensor> : tensor<f32>
  return
}

// -----

func.func @fake_quantize_c2_group(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.fake_quantize' op expects a group that divides 8 channels, got 5}}
  %y = lowbit.fake_quantize %x scheme <sym, bits = 8, per = group, group = 5> : tensor<4x8xf32>
  return
}

// -----

// The type of lambda is never written, so only another spelling can be wrong.
func.func @fake_quantize_c3_lambda(%x: tensor<4x8xf32>, %l: tensor<1xf32>) { // expected-note {{prior use here}}
  // expected-error @+1 {{expects different type than prior uses: 'tensor<f32>' vs 'tensor<1xf32>'}}
  %y = lowbit.fake_quantize %x lambda %l scheme <sym, bits = 8, per = token> : tensor<4x8xf32>
  return
}

// -----

func.func @pack_c1_bits(%k: tensor<6x8xi8>) {
  // expected-error @+1 {{'lowbit.pack' op expects 1 to 8 bits and an offset of 0 to 255, got 9 and 4}}
  %p = lowbit.pack %k bits 9 offset 4 : tensor<6x8xi8> -> tensor<6x9xi8>
  return
}

// -----

func.func @pack_c2_bytes(%k: tensor<6x9xi8>) {
  // expected-error @+1 {{'lowbit.pack' op expects bytes of shape [6, 4], got 'tensor<6x3xi8>'}}
  %p = lowbit.pack %k bits 3 offset 4 : tensor<6x9xi8> -> tensor<6x3xi8>
  return
}

// -----

func.func @unpack_c1_offset(%p: tensor<6x3xi8>) {
  // expected-error @+1 {{'lowbit.unpack' op expects 1 to 8 bits and an offset of 0 to 255, got 3 and -1}}
  %k = lowbit.unpack %p bits 3 offset -1 : tensor<6x3xi8> -> tensor<6x8xi8>
  return
}

// -----

func.func @unpack_c2_bytes(%p: tensor<6x8xi8>) {
  // expected-error @+1 {{'lowbit.unpack' op expects bytes of shape [6, 3], got 'tensor<6x8xi8>'}}
  %k = lowbit.unpack %p bits 3 offset 4 : tensor<6x8xi8> -> tensor<6x8xi8>
  return
}

// -----

func.func @hadamard_c1_axis(%x: tensor<?x24xf32>) {
  // expected-error @+1 {{'lowbit.hadamard' op expects a static axis of 'tensor<?x24xf32>', got 2}}
  %y = lowbit.hadamard %x axis 2 orders [12, 2] : tensor<?x24xf32>
  return
}

// -----

func.func @hadamard_c1_dynamic(%x: tensor<?x24xf32>) {
  // expected-error @+1 {{'lowbit.hadamard' op expects a static axis of 'tensor<?x24xf32>', got 0}}
  %y = lowbit.hadamard %x axis 0 orders [12, 2] : tensor<?x24xf32>
  return
}

// -----

// 23 * 4 = 92 needs a matrix of Williamson's.
func.func @hadamard_c2_no_matrix(%x: tensor<?x92xf32>) {
  // expected-error @+1 {{'lowbit.hadamard' op expects orders that are powers of two or have a Paley matrix, got 92}}
  %y = lowbit.hadamard %x axis 1 orders [92] : tensor<?x92xf32>
  return
}

// -----

func.func @hadamard_c2_overflow(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'lowbit.hadamard' op expects orders whose product is a size}}
  %y = lowbit.hadamard %x axis 1 orders [4611686018427387904, 4] : tensor<?x4xf32>
  return
}

// -----

func.func @hadamard_c3_product(%x: tensor<?x24xf32>) {
  // expected-error @+1 {{'lowbit.hadamard' op expects orders whose product divides 24, got 16}}
  %y = lowbit.hadamard %x axis 1 orders [16] : tensor<?x24xf32>
  return
}

// -----

func.func @embedding_c1_dynamic(%ids: tensor<?xi64>, %k: tensor<?x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{operand #1 must be i8 matrix of static shape, but got 'tensor<?x8xi8>'}}
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 8, per = channel> : tensor<?xi64>, tensor<?x8xi8>, tensor<6xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @embedding_c2_scales(%ids: tensor<?xi64>, %k: tensor<6x8xi8>, %s: tensor<8xf32>) {
  // expected-error @+1 {{'lowbit.embedding' op expects scales of shape [6], got 'tensor<8xf32>'}}
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 8, per = channel> : tensor<?xi64>, tensor<6x8xi8>, tensor<8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @embedding_c3_result(%ids: tensor<?xi64>, %k: tensor<6x8xi8>, %s: tensor<6xf32>) {
  // expected-error @+1 {{'lowbit.embedding' op expects result of shape [?, 8], got 'tensor<?x6xf32>'}}
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 8, per = channel> : tensor<?xi64>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x6xf32>
  return
}

// -----

func.func @lora_linear_c1_dynamic_channels(%x: tensor<4x?xf32>, %a: tensor<2x8xf32>, %b: tensor<6x2xf32>, %base: tensor<4x6xf32>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension, but got 'tensor<4x?xf32>'}}
  %y = lowbit.lora_linear %x, %a, %b scale 2.0 onto %base : tensor<4x?xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<4x6xf32>
  return
}

// -----

func.func @lora_linear_c2_rank(%x: tensor<4x8xf32>, %a: tensor<2x8xf32>, %b: tensor<6x3xf32>, %base: tensor<4x6xf32>) {
  // expected-error @+1 {{'lowbit.lora_linear' op expects a of shape [R, 8] and b of shape [N, R], got 'tensor<2x8xf32>' and 'tensor<6x3xf32>'}}
  %y = lowbit.lora_linear %x, %a, %b scale 2.0 onto %base : tensor<4x8xf32>, tensor<2x8xf32>, tensor<6x3xf32>, tensor<4x6xf32>
  return
}

// -----

func.func @lora_linear_c3_base(%x: tensor<4x8xf32>, %a: tensor<2x8xf32>, %b: tensor<6x2xf32>, %base: tensor<4x8xf32>) {
  // expected-error @+1 {{'lowbit.lora_linear' op expects base of shape [4, 6], got 'tensor<4x8xf32>'}}
  %y = lowbit.lora_linear %x, %a, %b scale 2.0 onto %base : tensor<4x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @lora_linear_c4_scale(%x: tensor<4x8xf32>, %a: tensor<2x8xf32>, %b: tensor<6x2xf32>, %base: tensor<4x6xf32>) {
  // expected-error @+1 {{'lowbit.lora_linear' op expects a finite scale, got }}
  %y = lowbit.lora_linear %x, %a, %b scale 0x7FF0000000000000 onto %base : tensor<4x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<4x6xf32>
  return
}
