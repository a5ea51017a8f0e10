// With segments a layer is computed again where its gradient begins, from the
// kept sum; gradients are the same bits.
// RUN: qopt-opt %s --qopt-differentiate -o %t.kept.mlir
// RUN: qopt-opt %s --qopt-differentiate="recompute=1" --cse -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: qopt-interpret %t.kept.mlir --compare %t.mlir

ml_program.global private @table(#ml_program.extern : tensor<5x4xf32>) : tensor<5x4xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @g0(#ml_program.extern : tensor<4xf32>) : tensor<4xf32> {nn.role = #nn.role<norm>}
ml_program.global private @w0(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @w1(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32> {nn.role = #nn.role<matrix>}

// CHECK-LABEL: func @loss.grad(
// CHECK: %[[X0:.*]] = nn.embedding
// CHECK: nn.rms_norm %[[X0]]
// CHECK: nn.silu
// CHECK: %[[X1:.*]] = nn.add %[[X0]]
// CHECK: nn.exp
// CHECK: nn.add %[[X1]]
// The second layer, then the first; what is behind them is kept.
// CHECK: train.cross_entropy_grad
// CHECK: %[[AGAIN1:.*]] = train.recompute %[[X1]] after
// CHECK: nn.linear %[[AGAIN1]]
// CHECK: nn.exp
// CHECK: %[[AGAIN0:.*]] = train.recompute %[[X0]] after
// CHECK: %[[N:.*]] = nn.rms_norm %[[AGAIN0]]
// CHECK: train.linear_weight_grad %{{.*}}, %[[N]]
// CHECK: train.rms_norm_grad %{{.*}}, %[[AGAIN0]]
func.func @loss(%ids: tensor<?xi64>, %targets: tensor<?xi64>) -> tensor<?xf32> {
  %table = ml_program.global_load @table : tensor<5x4xf32>
  %x0 = nn.embedding %ids, %table : tensor<?xi64>, tensor<5x4xf32>
  %g0 = ml_program.global_load @g0 : tensor<4xf32>
  %n0 = nn.rms_norm %x0, %g0 eps 1.0e-6 : tensor<?x4xf32>, tensor<4xf32>
  %w0 = ml_program.global_load @w0 : tensor<4x4xf32>
  %y0 = nn.linear %n0, %w0 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %z0 = nn.silu %y0 : tensor<?x4xf32>
  %x1 = nn.add %x0, %z0 : tensor<?x4xf32>, tensor<?x4xf32>
  %w1 = ml_program.global_load @w1 : tensor<4x4xf32>
  %y1 = nn.linear %x1, %w1 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %z1 = nn.exp %y1 : tensor<?x4xf32>
  %x2 = nn.add %x1, %z1 : tensor<?x4xf32>, tensor<?x4xf32>
  %logits = nn.linear %x2, %table : tensor<?x4xf32>, tensor<5x4xf32> -> tensor<?x5xf32>
  %l = nn.cross_entropy %logits, %targets : tensor<?x5xf32>, tensor<?xi64>
  return %l : tensor<?xf32>
}
