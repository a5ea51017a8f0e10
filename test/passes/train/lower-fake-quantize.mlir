// A layer on rounded numbers, its gradients among its readers, becomes a choice
// of three by the lambda of its layer, and computes the same whatever that is.

// RUN: qopt-opt %s --pass-pipeline="builtin.module(func.func(qopt-lower-fake-quantize))" -o %t.mlir
// RUN: FileCheck %s --input-file %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir --tolerance 1e-6
// RUN: qopt-opt %t.mlir --pass-pipeline="builtin.module(func.func(qopt-lower-fake-quantize))" -o %t.again.mlir
// RUN: diff %t.mlir %t.again.mlir
// With the wrong alternative it does not.
// RUN: sed 's/some \(%[0-9]*\) whole \(%[0-9]*\)/some \2 whole \1/' %t.mlir > %t.wrong.mlir
// RUN: not qopt-interpret %s --compare %t.wrong.mlir --tolerance 1e-6

!x = tensor<3x4xf32>
!w = tensor<2x4xf32>
!wt = tensor<4x2xf32>
!y = tensor<3x2xf32>
ml_program.global private @w(dense<[[0.5, -1.0], [0.25, 0.1], [1.5, 0.75], [-0.125, 2.0]]> : !wt) : !wt {nn.role = #nn.role<matrix>}
ml_program.global private @x(dense<[[0.5, -1.0, 0.25, 0.0], [1.5, 0.75, -0.125, 2.0], [1.0, 0.3, -3.0, 0.5]]> : !x) : !x
ml_program.global private @dy(dense<[[0.5, -1.0], [1.5, 0.75], [-0.125, 2.0]]> : !y) : !y

// A weight that the file holds transposed, one scale: it is read where it lies.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME:    %[[X:.*]]: tensor<3x4xf32>, %[[DY:.*]]: tensor<3x2xf32>, %[[L:.*]]: tensor<2xf32>)
// CHECK:         %[[W:.*]] = ml_program.global_load @w
// CHECK:         nn.transpose %[[W]] [1, 0]
// CHECK:         %[[WT:.*]] = nn.transpose %[[W]] [1, 0]
// CHECK-NEXT:    %[[KW:.*]], %[[SW:.*]] = lowbit.quantize %[[WT]] scheme <ternary, bits = 2, per = tensor> : tensor<2x4xf32>
// CHECK:         %[[WF:.*]] = lowbit.fake_quantize %[[W]] lambda %{{.*}} scheme <ternary, bits = 2, per = tensor> : tensor<4x2xf32>
// CHECK:         %[[KX:.*]], %[[SX:.*]] = lowbit.quantize %[[X]] scheme <sym, bits = 8, per = token>
// CHECK:         %[[XF:.*]] = lowbit.fake_quantize %[[X]] lambda
// CHECK:         %[[XQ:.*]] = lowbit.dequantize %[[KX]], %[[SX]]
// CHECK:         %[[XC:.*]] = train.choose %[[L]] at 1 none %[[X]] some %[[XF]] whole %[[XQ]]
// CHECK:         %[[Y0:.*]] = nn.linear %[[X]], %{{.*}} : tensor<3x4xf32>, tensor<2x4xf32>
// CHECK:         %[[Y1:.*]] = nn.linear %[[XF]], %{{.*}} : tensor<3x4xf32>, tensor<2x4xf32>
// CHECK:         %[[Y2:.*]] = lowbit.linear %[[KX]] scales %[[SX]], %[[KW]] scales %[[SW]] scheme <ternary
// CHECK:         %[[Y:.*]] = train.choose %[[L]] at 1 none %[[Y0]] some %[[Y1]] whole %[[Y2]]
// CHECK:         %[[D0:.*]] = nn.linear %[[DY]], %[[W]]
// CHECK:         %[[D1:.*]] = nn.linear %[[DY]], %{{.*}} : tensor<3x2xf32>, tensor<4x2xf32>
// CHECK:         %[[D2:.*]] = train.packed_linear_grad %[[DY]], %[[KW]] scales %[[SW]]
// CHECK:         %[[D:.*]] = train.choose %[[L]] at 1 none %[[D0]] some %[[D1]] whole %[[D2]]
// CHECK:         %[[DW:.*]] = train.linear_weight_grad %[[XC]], %[[DY]]
// CHECK:         return %[[Y]], %[[D]], %[[DW]]
func.func private @layer(%x: !x, %dy: !y, %lambda: tensor<2xf32>) -> (!y, !x, !wt) {
  %c1 = arith.constant 1 : index
  %s = nn.slice %lambda axis 0 from %c1 : tensor<2xf32> -> tensor<1xf32>
  %l = nn.reshape %s : tensor<1xf32> -> tensor<f32>
  %w = ml_program.global_load @w : !wt
  %wt = nn.transpose %w [1, 0] : !wt
  %wf = lowbit.fake_quantize %wt lambda %l scheme <ternary, bits = 2, per = tensor> : !w
  %xf = lowbit.fake_quantize %x lambda %l scheme <sym, bits = 8, per = token> : !x
  %y = nn.linear %xf, %wf : !x, !w -> !y
  %t = nn.transpose %wf [1, 0] : !w
  %dx = nn.linear %dy, %t : !y, !wt -> !x
  %dw = train.linear_weight_grad %xf, %dy : !x, !y -> !wt
  return %y, %dx, %dw : !y, !x, !wt
}

func.func @none() -> (!y, !x, !wt) {
  %lambda = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %x = ml_program.global_load @x : !x
  %dy = ml_program.global_load @dy : !y
  %r:3 = func.call @layer(%x, %dy, %lambda) : (!x, !y, tensor<2xf32>) -> (!y, !x, !wt)
  return %r#0, %r#1, %r#2 : !y, !x, !wt
}
func.func @some() -> (!y, !x, !wt) {
  %lambda = arith.constant dense<[0.0, 0.25]> : tensor<2xf32>
  %x = ml_program.global_load @x : !x
  %dy = ml_program.global_load @dy : !y
  %r:3 = func.call @layer(%x, %dy, %lambda) : (!x, !y, tensor<2xf32>) -> (!y, !x, !wt)
  return %r#0, %r#1, %r#2 : !y, !x, !wt
}
func.func @whole() -> (!y, !x, !wt) {
  %lambda = arith.constant dense<[0.5, 1.0]> : tensor<2xf32>
  %x = ml_program.global_load @x : !x
  %dy = ml_program.global_load @dy : !y
  %r:3 = func.call @layer(%x, %dy, %lambda) : (!x, !y, tensor<2xf32>) -> (!y, !x, !wt)
  return %r#0, %r#1, %r#2 : !y, !x, !wt
}

// Without a lambda it is the deployed layer, and so is the head with its loss;
// of a table the rows are rounded that are looked up.
// CHECK-LABEL: func.func @evaluate(
// CHECK:         %[[TABLE:.*]] = ml_program.global_load @table
// CHECK:         %[[K:.*]], %[[S:.*]] = lowbit.quantize %[[TABLE]] scheme <sym, bits = 8, per = channel>
// CHECK:         %[[ROWS:.*]] = nn.embedding %{{.*}}, %[[TABLE]] :
// CHECK:         lowbit.fake_quantize %[[ROWS]] scheme <sym, bits = 8, per = token> : tensor<3x4xf32>
// CHECK:         lowbit.linear %{{.*}}, %{{.*}} scales %{{.*}} scheme <sym, bits = 4, per = group, group = 2>
// CHECK:         %[[Z:.*]] = lowbit.linear %{{.*}} scales %{{.*}}, %[[K]] scales %[[S]]
// CHECK:         nn.cross_entropy %[[Z]]
// CHECK-NOT:     train.
ml_program.global private @table(dense<[[0.5, -1.0, 0.25, 0.0], [1.5, 0.75, -0.125, 2.0], [1.0, 1.0, -3.0, 0.5]]> : tensor<3x4xf32>) : tensor<3x4xf32> {nn.role = #nn.role<embedding>}
func.func @evaluate() -> tensor<3xf32> {
  %ids = arith.constant dense<[2, 0, 1]> : tensor<3xi64>
  %targets = arith.constant dense<[1, 1, 0]> : tensor<3xi64>
  %table = ml_program.global_load @table : tensor<3x4xf32>
  %tf = lowbit.fake_quantize %table scheme <sym, bits = 8, per = channel> : tensor<3x4xf32>
  %e = nn.embedding %ids, %tf : tensor<3xi64>, tensor<3x4xf32>
  %x = nn.neg %e : tensor<3x4xf32>
  %w = ml_program.global_load @table : tensor<3x4xf32>
  %wf = lowbit.fake_quantize %w scheme <sym, bits = 4, per = group, group = 2> : tensor<3x4xf32>
  %y = nn.linear %x, %wf : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x3xf32>
  %v = arith.constant dense<0.5> : tensor<4x3xf32>
  %h = nn.linear %y, %v : tensor<3x3xf32>, tensor<4x3xf32> -> tensor<3x4xf32>
  %hf = lowbit.fake_quantize %h scheme <sym, bits = 8, per = token> : tensor<3x4xf32>
  %nll = train.classifier_loss %hf, %tf targets %targets : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3xi64> -> tensor<3xf32>
  return %nll : tensor<3xf32>
}

// A norm that comes gradually is all there where its result is rounded in full;
// the loss of a step reads numbers.
// CHECK-LABEL: func.func private @gradual(
// CHECK:         %[[N:.*]] = nn.rms_norm
// CHECK:         %[[M:.*]] = nn.select
// CHECK:         %[[K:.*]], %[[S:.*]] = lowbit.quantize %[[N]] scheme
// CHECK:         %[[F:.*]] = lowbit.fake_quantize %[[M]]
// CHECK:         %[[D:.*]] = lowbit.dequantize %[[K]], %[[S]]
// CHECK:         %[[H:.*]] = train.choose %{{.*}} at 0 none %[[M]] some %[[F]] whole %[[D]]
// CHECK:         train.classifier_loss %[[H]], %{{.*}}
func.func private @gradual(%x: !x, %table: tensor<3x4xf32>, %targets: tensor<3xi64>, %lambda: tensor<1xf32>) -> tensor<3xf32> {
  %c0 = arith.constant 0 : index
  %s = nn.slice %lambda axis 0 from %c0 : tensor<1xf32> -> tensor<1xf32>
  %l = nn.reshape %s : tensor<1xf32> -> tensor<f32>
  %one = arith.constant dense<1.0> : tensor<f32>
  %isWhole = nn.compare ge, %l, %one : tensor<f32>, tensor<f32>
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  %d = nn.sub %n, %x : !x, !x
  %p = nn.mul %d, %l : !x, tensor<f32>
  %q = nn.add %x, %p : !x, !x
  %m = nn.select %isWhole, %n, %q : tensor<i1>, !x, !x
  %mf = lowbit.fake_quantize %m lambda %l scheme <sym, bits = 8, per = token> : !x
  %tf = lowbit.fake_quantize %table lambda %l scheme <sym, bits = 8, per = channel> : tensor<3x4xf32>
  %nll = train.classifier_loss %mf, %tf targets %targets : !x, tensor<3x4xf32>, tensor<3xi64> -> tensor<3xf32>
  return %nll : tensor<3xf32>
}
func.func @gradual_at_1() -> tensor<3xf32> {
  %lambda = arith.constant dense<1.0> : tensor<1xf32>
  %targets = arith.constant dense<[1, 1, 0]> : tensor<3xi64>
  %x = ml_program.global_load @x : !x
  %table = ml_program.global_load @table : tensor<3x4xf32>
  %nll = func.call @gradual(%x, %table, %targets, %lambda) : (!x, tensor<3x4xf32>, tensor<3xi64>, tensor<1xf32>) -> tensor<3xf32>
  return %nll : tensor<3xf32>
}
func.func @gradual_at_half() -> tensor<3xf32> {
  %lambda = arith.constant dense<0.5> : tensor<1xf32>
  %targets = arith.constant dense<[1, 1, 0]> : tensor<3xi64>
  %x = ml_program.global_load @x : !x
  %table = ml_program.global_load @table : tensor<3x4xf32>
  %nll = func.call @gradual(%x, %table, %targets, %lambda) : (!x, tensor<3x4xf32>, tensor<3xi64>, tensor<1xf32>) -> tensor<3xf32>
  return %nll : tensor<3xf32>
}
