// Alternatives of a layer are kernels; the choice stays. Codes that are made as
// the program runs lie as the product reads them. A quantization computes the
// norm before it, whoever else reads that with another lambda.

// RUN: qopt-opt %s --qopt-outline-weights --qopt-outline-kernels | FileCheck %s
// RUN: qopt-opt %s --qopt-outline-weights=lanes=8 --qopt-outline-kernels=lanes=8 | FileCheck %s --check-prefix=NARROW
// RUN: qopt-opt %s --qopt-outline-weights --qopt-outline-kernels --qopt-place-variables --qopt-plan-memory -o %t.mlir
// RUN: FileCheck %s --check-prefix=PLAN --input-file %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir --tolerance 1e-6

!x = tensor<?x64xf32>
!w = tensor<96x64xf32>
!y = tensor<?x96xf32>
ml_program.global private mutable @w(dense<0.5> : tensor<64x96xf32>) : tensor<64x96xf32>

// CHECK:       kernel.func @quantize_0 {{.*}} results [#kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>, #kernel.layout<panel = 0>]
// NARROW:      kernel.func @quantize_0 {{.*}} results [#kernel.layout<panel = 32, bits = 2, lanes = 8, offset = 1>, #kernel.layout<panel = 0>]
// CHECK-NEXT:  ^bb0(%{{.*}}: tensor<64x96xf32>):
// CHECK-NEXT:    nn.transpose
// CHECK-NEXT:    lowbit.quantize
// CHECK:       kernel.func @quantize_1 dims [#{{[a-z0-9]+}}] layouts [#kernel.layout<panel = 0>] {
// CHECK-NEXT:  ^bb0
// CHECK-NEXT:    nn.rms_norm
// CHECK-NEXT:    lowbit.quantize
// CHECK:       kernel.func @linear_1 {{.*}} layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 0>, #kernel.layout<panel = 64, bits = 2, lanes = 16, offset = 1>, #kernel.layout<panel = 0>]
// CHECK-NEXT:  ^bb0
// CHECK-NEXT:    lowbit.linear

// CHECK-LABEL: func.func @layer(
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32> {{{.*}}}, %[[L:.*]]: tensor<2xf32>
// CHECK:         %[[W:.*]] = ml_program.global_load @w
// CHECK:         %[[K:.*]]:2 = kernel.launch @quantize_0(%[[W]])
// CHECK:         %[[F:.*]] = kernel.launch @fake_quantize_0(%[[W]],
// CHECK:         %[[N:.*]] = kernel.launch @rms_norm_0(%[[X]])
// CHECK:         %[[Q:.*]]:2 = kernel.launch @quantize_1(%[[X]])
// CHECK:         %[[XF:.*]] = kernel.launch @fake_quantize_1(%[[N]],
// CHECK:         %[[A:.*]] = kernel.launch @linear_0(%[[W]], %[[N]])
// CHECK:         %[[B:.*]] = kernel.launch @linear_0(%[[F]], %[[XF]])
// CHECK:         %[[C:.*]] = kernel.launch @linear_1(%[[Q]]#0, %[[Q]]#1, %[[K]]#0, %[[K]]#1)
// CHECK:         %[[Y:.*]] = train.choose %[[L]] at 1 none %[[A]] some %[[B]] whole %[[C]]
// CHECK:         kernel.launch @silu_0(%[[Y]])

// What no run needs both may share a slot: codes of the weight and its rounded
// numbers, the norm and the codes of its rows. What a run needs does not: both
// results of a quantization.
// PLAN-LABEL:  func.func @layer(
// PLAN:          kernel.launch @quantize_0{{.*}} slots [[[CODES:[0-9]+]], [[SCALE:[0-9]+]]]
// PLAN:          kernel.launch @fake_quantize_0{{.*}} slots [[[SCALE]]]
// PLAN:          kernel.launch @rms_norm_0{{.*}} slots [[[NORM:[0-9]+]]]
// PLAN:          kernel.launch @quantize_1{{.*}} slots [[[NORM]], [[ROWS:[0-9]+]]]
func.func @layer(%x: !x {nn.dims = affine_map<()[s0] -> (s0, 64)>}, %lambda: tensor<2xf32>) -> !y attributes {nn.symbols = ["rows"]} {
  %c1 = arith.constant 1 : index
  %s = nn.slice %lambda axis 0 from %c1 : tensor<2xf32> -> tensor<1xf32>
  %l = nn.reshape %s : tensor<1xf32> -> tensor<f32>
  %w = ml_program.global_load @w : tensor<64x96xf32>
  %t = nn.transpose %w [1, 0] : tensor<64x96xf32>
  %k, %sk = lowbit.quantize %t scheme <ternary, bits = 2, per = tensor> : !w -> tensor<96x64xi8>, tensor<1xf32>
  %wf = lowbit.fake_quantize %w lambda %l scheme <ternary, bits = 2, per = tensor> : tensor<64x96xf32>
  %wt = nn.transpose %wf [1, 0] : tensor<64x96xf32>
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  %q, %sq = lowbit.quantize %n scheme <sym, bits = 8, per = token> : !x -> tensor<?x64xi8>, tensor<?xf32>
  %xf = lowbit.fake_quantize %n lambda %l scheme <sym, bits = 8, per = token> : !x
  %a = nn.linear %n, %t : !x, !w -> !y
  %b = nn.linear %xf, %wt : !x, !w -> !y
  %c = lowbit.linear %q scales %sq, %k scales %sk scheme <ternary, bits = 2, per = tensor>
       : tensor<?x64xi8>, tensor<?xf32>, tensor<96x64xi8>, tensor<1xf32> -> !y
  %y = train.choose %lambda at 1 none %a some %b whole %c : tensor<2xf32>, !y
  %z = nn.silu %y : !y
  return %z : !y
}
