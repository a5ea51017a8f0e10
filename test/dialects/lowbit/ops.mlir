// The example of every op, and what its optional parts look like.
// RUN: qopt-opt %s | qopt-opt | FileCheck %s

// CHECK-LABEL: func @quantizing(
func.func @quantizing(%x: tensor<?x?x8xf32>, %w: tensor<6x8xf32>, %l: tensor<f32>) {
  // CHECK: lowbit.quantize %{{.*}} scheme <sym, bits = 8, per = token> : tensor<?x?x8xf32> -> tensor<?x?x8xi8>, tensor<?x?xf32>
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x?x8xf32> -> tensor<?x?x8xi8>, tensor<?x?xf32>
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<?x?x8xi8>, tensor<?x?xf32> -> tensor<?x?x8xf32>
  // CHECK: lowbit.quantize %{{.*}} scheme <asym, bits = 4, per = group, group = 4, clip = 95> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<6x2xf32>, tensor<6x2xi8>
  %wk, %ws, %wz = lowbit.quantize %w scheme <asym, bits = 4, per = group, group = 4, clip = 95> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<6x2xf32>, tensor<6x2xi8>
  // CHECK: lowbit.dequantize %{{.*}}, %{{.*}} zeros %{{.*}} scheme <asym
  %v = lowbit.dequantize %wk, %ws zeros %wz scheme <asym, bits = 4, per = group, group = 4, clip = 95> : tensor<6x8xi8>, tensor<6x2xf32>, tensor<6x2xi8> -> tensor<6x8xf32>
  // CHECK: scheme <gptq_sym, bits = 3, per = channel, mse = true>
  %gk, %gs = lowbit.quantize %w scheme <gptq_sym, bits = 3, per = channel, mse = true> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<6xf32>
  return
}

// CHECK-LABEL: func @fake_quantizing(
func.func @fake_quantizing(%x: tensor<6x8xf32>, %l: tensor<f32>) {
  // CHECK: lowbit.fake_quantize %{{.*}} lambda %{{.*}} scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32>
  %y = lowbit.fake_quantize %x lambda %l scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32>
  %z = lowbit.fake_quantize %x scheme <sym, bits = 4, per = group, group = 4> : tensor<6x8xf32>
  return
}

// CHECK-LABEL: func @packing(
func.func @packing(%k: tensor<6x8xi8>) -> tensor<6x8xi8> {
  // CHECK: lowbit.pack %{{.*}} bits 3 offset 4 : tensor<6x8xi8> -> tensor<6x3xi8>
  %p = lowbit.pack %k bits 3 offset 4 : tensor<6x8xi8> -> tensor<6x3xi8>
  // CHECK: lowbit.unpack %{{.*}} bits 3 offset 4 : tensor<6x3xi8> -> tensor<6x8xi8>
  %q = lowbit.unpack %p bits 3 offset 4 : tensor<6x3xi8> -> tensor<6x8xi8>
  return %q : tensor<6x8xi8>
}

func.func @unpacking(%p: tensor<6x3xi8>, %q: tensor<6x4xi8>) {
  %k = lowbit.unpack %p bits 3 offset 4 : tensor<6x3xi8> -> tensor<6x8xi8>
  // CHECK: lowbit.unpack %{{.*}} bits 4 offset 0 signed : tensor<6x4xi8> -> tensor<6x8xi8>
  %i = lowbit.unpack %q bits 4 offset 0 signed : tensor<6x4xi8> -> tensor<6x8xi8>
  return
}

// CHECK-LABEL: func @rotating(
func.func @rotating(%x: tensor<?x24xf32>) {
  // CHECK: lowbit.hadamard %{{.*}} axis 1 orders [12, 2] seed 7 : tensor<?x24xf32>
  %y = lowbit.hadamard %x axis 1 orders [12, 2] seed 7 : tensor<?x24xf32>
  // CHECK: lowbit.hadamard %{{.*}} axis 1 orders [12, 2] seed 7 transposed : tensor<?x24xf32>
  %z = lowbit.hadamard %y axis 1 orders [12, 2] seed 7 transposed : tensor<?x24xf32>
  return
}

// CHECK-LABEL: func @layers(
func.func @layers(%kx: tensor<?x?x8xi8>, %sx: tensor<?x?xf32>, %x: tensor<?x?x8xf32>,
                  %kw: tensor<6x8xi8>, %sw: tensor<6x2xf32>, %t: tensor<6xf32>, %o: tensor<6xi8>,
                  %b: tensor<6xf32>, %a: tensor<2x8xf32>, %bb: tensor<6x2xf32>, %ids: tensor<?x?xi64>) {
  // CHECK: lowbit.linear %{{.*}} scales %{{.*}}, %{{.*}} scales %{{.*}} bias %{{.*}} scheme <sym, bits = 4, per = group, group = 4>
  // CHECK-SAME: : tensor<?x?x8xi8>, tensor<?x?xf32>, tensor<6x8xi8>, tensor<6x2xf32>, tensor<6xf32> -> tensor<?x?x6xf32>
  %y = lowbit.linear %kx scales %sx, %kw scales %sw bias %b scheme <sym, bits = 4, per = group, group = 4>
       : tensor<?x?x8xi8>, tensor<?x?xf32>, tensor<6x8xi8>, tensor<6x2xf32>, tensor<6xf32> -> tensor<?x?x6xf32>
  // CHECK: lowbit.linear %{{.*}}, %{{.*}} scales %{{.*}} zeros %{{.*}} scheme <asym, bits = 4, per = channel>
  // CHECK-SAME: : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32>, tensor<6xi8> -> tensor<?x?x6xf32>
  %z = lowbit.linear %x, %kw scales %t zeros %o scheme <asym, bits = 4, per = channel>
       : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32>, tensor<6xi8> -> tensor<?x?x6xf32>
  // CHECK: splits [4, 2]
  %zs = lowbit.linear %x, %kw scales %t scheme <sym, bits = 8, per = channel> splits [4, 2]
       : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x6xf32>
  // CHECK: lowbit.lora_linear %{{.*}}, %{{.*}}, %{{.*}} scale 2.0{{.*}} onto %{{.*}} : tensor<?x?x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<?x?x6xf32>
  %l = lowbit.lora_linear %x, %a, %bb scale 2.0 onto %y : tensor<?x?x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<?x?x6xf32>
  // CHECK: lowbit.embedding
  %e = lowbit.embedding %ids, %kw, %t scheme <sym, bits = 8, per = channel> : tensor<?x?xi64>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x8xf32>
  return
}

// The examples of lora_linear and embedding as their documentation has them.
func.func @branch(%x: tensor<?x?x8xf32>, %a: tensor<2x8xf32>, %b: tensor<6x2xf32>, %base: tensor<?x?x6xf32>) {
  %y = lowbit.lora_linear %x, %a, %b scale 2.0 onto %base : tensor<?x?x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<?x?x6xf32>
  return
}

func.func @lookup(%ids: tensor<?x?xi64>, %k: tensor<6x8xi8>, %s: tensor<6xf32>) {
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 8, per = channel> : tensor<?x?xi64>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x8xf32>
  return
}
