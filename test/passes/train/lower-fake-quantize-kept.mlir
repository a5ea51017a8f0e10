// What would not be the deployed layer multiplies rounded numbers as before.

// RUN: qopt-opt %s --pass-pipeline="builtin.module(func.func(qopt-lower-fake-quantize))" --remarks-filter=".*" --remark-policy=all 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t.remarks

!x = tensor<?x4xf32>
!w = tensor<4x4xf32>

// REMARK: its lambda is not an element of an input
// CHECK-LABEL: func.func @computed_lambda(
// CHECK-NOT:     train.choose
func.func @computed_lambda(%x: !x, %w: !w, %l: tensor<f32>) -> !x {
  %wf = lowbit.fake_quantize %w lambda %l scheme <ternary, bits = 2, per = tensor> : !w
  %y = nn.linear %x, %wf : !x, !w -> !x
  return %y : !x
}

// REMARK: its scales are searched for
// CHECK-LABEL: func.func @searched(
// CHECK-NOT:     lowbit.linear
func.func @searched(%x: !x, %w: !w) -> !x {
  %wf = lowbit.fake_quantize %w scheme <sym, bits = 4, per = channel, mse = true> : !w
  %y = nn.linear %x, %wf : !x, !w -> !x
  return %y : !x
}

// REMARK: its scales belong to inputs, not to outputs
// CHECK-LABEL: func.func @of_inputs(
// CHECK-NOT:     lowbit.linear
func.func @of_inputs(%x: !x, %w: !w) -> !x {
  %wf = lowbit.fake_quantize %w scheme <sym, bits = 4, per = channel> : !w
  %t = nn.transpose %wf [1, 0] : !w
  %y = nn.linear %x, %t : !x, !w -> !x
  return %y : !x
}

// REMARK: its input has not one scale a token
// CHECK-LABEL: func.func @input_by_groups(
// CHECK-NOT:     lowbit.linear
func.func @input_by_groups(%x: !x, %w: !w) -> !x {
  %xf = lowbit.fake_quantize %x scheme <sym, bits = 8, per = group, group = 2> : !x
  %wf = lowbit.fake_quantize %w scheme <sym, bits = 4, per = channel> : !w
  %y = nn.linear %xf, %wf : !x, !w -> !x
  return %y : !x
}

// REMARK: its operands have two lambdas
// CHECK-LABEL: func.func @two_lambdas(
// CHECK-NOT:     lowbit.linear
func.func @two_lambdas(%x: !x, %w: !w, %lambda: tensor<1xf32>) -> !x {
  %c0 = arith.constant 0 : index
  %s = nn.slice %lambda axis 0 from %c0 : tensor<1xf32> -> tensor<1xf32>
  %l = nn.reshape %s : tensor<1xf32> -> tensor<f32>
  %xf = lowbit.fake_quantize %x scheme <sym, bits = 8, per = token> : !x
  %wf = lowbit.fake_quantize %w lambda %l scheme <ternary, bits = 2, per = tensor> : !w
  %y = nn.linear %xf, %wf : !x, !w -> !x
  return %y : !x
}

// REMARK: its operands are not floats of one type
// CHECK-LABEL: func.func @two_types(
// CHECK-NOT:     lowbit.linear
func.func @two_types(%x: !x, %w: tensor<4x4xbf16>) -> !x {
  %wf = lowbit.fake_quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<4x4xbf16>
  %y = nn.linear %x, %wf : !x, tensor<4x4xbf16> -> !x
  return %y : !x
}

// Fused matrices with a scale each are no weight of one quantization; one scale
// of a table is not that of its rows.
// CHECK-LABEL: func.func @others(
// CHECK:         %[[T:.*]] = lowbit.fake_quantize
// CHECK:         nn.embedding %{{.*}}, %[[T]]
// CHECK:         nn.concat
// CHECK:         nn.linear
// CHECK-NOT:     lowbit.linear
func.func @others(%w: !w, %ids: tensor<?xi64>) -> tensor<?x8xf32> {
  %t = lowbit.fake_quantize %w scheme <sym, bits = 8, per = tensor> : !w
  %x = nn.embedding %ids, %t : tensor<?xi64>, !w
  %a = lowbit.fake_quantize %w scheme <ternary, bits = 2, per = tensor> : !w
  %b = nn.concat %a, %a axis 0 : !w, !w -> tensor<8x4xf32>
  %y = nn.linear %x, %b : !x, tensor<8x4xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
