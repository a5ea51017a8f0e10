// Quantizing is passed straight through; the layer's own gradients use the
// numbers that the forward pass multiplied.
// RUN: qopt-opt %s --qopt-differentiate="arguments=true" | FileCheck %s

// CHECK-LABEL: func @fake.grad(
// CHECK: %[[XQ:.*]] = lowbit.fake_quantize %{{.*}} lambda
// CHECK: %[[WQ:.*]] = lowbit.fake_quantize %{{.*}} lambda
// CHECK: %[[ONE:.*]] = nn.broadcast
// CHECK: %[[T:.*]] = nn.transpose %[[WQ]] [1, 0]
// CHECK: %[[DX:.*]] = nn.linear %[[ONE]], %[[T]]
// CHECK: %[[DW:.*]] = train.linear_weight_grad %[[ONE]], %[[XQ]]
// CHECK: return %{{.*}}, %[[DX]], %[[DW]] :
func.func @fake(%x: tensor<5x4xf32>, %w: tensor<3x4xf32>) -> tensor<5x3xf32> {
  %l = nn.iota : tensor<1xf32>
  %lambda = nn.reshape %l : tensor<1xf32> -> tensor<f32>
  %xq = lowbit.fake_quantize %x lambda %lambda scheme <sym, bits = 8, per = token> : tensor<5x4xf32>
  %wq = lowbit.fake_quantize %w lambda %lambda scheme <ternary, bits = 2, per = tensor> : tensor<3x4xf32>
  %y = nn.linear %xq, %wq : tensor<5x4xf32>, tensor<3x4xf32> -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// Codes in: the gradient goes to what was rounded, and none into the scales.
// CHECK-LABEL: func @codes.grad(
// CHECK: %[[DX:.*]] = train.packed_linear_grad
// CHECK: return %{{.*}}, %[[DX]] :
func.func @codes(%x: tensor<5x4xf32>) -> tensor<5x3xf32> {
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<5x4xf32> -> tensor<5x4xi8>, tensor<5xf32>
  %w = arith.constant dense<1> : tensor<3x4xi8>
  %t = arith.constant dense<0.5> : tensor<3xf32>
  %y = lowbit.linear %k scales %s, %w scales %t scheme <sym, bits = 4, per = channel> : tensor<5x4xi8>, tensor<5xf32>, tensor<3x4xi8>, tensor<3xf32> -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// CHECK-LABEL: func @dequantized.grad(
// CHECK: %[[ONE:.*]] = nn.broadcast
// CHECK: return %{{.*}}, %[[ONE]] :
func.func @dequantized(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<5x4xf32> -> tensor<5x4xi8>, tensor<5xf32>
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<5x4xi8>, tensor<5xf32> -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
