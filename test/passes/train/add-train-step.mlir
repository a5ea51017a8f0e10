// The step of a small model: what it consists of, and what it does when it runs.
// RUN: qopt-opt %s --qopt-add-train-step | FileCheck %s
// RUN: qopt-opt %s --qopt-add-train-step="optim=sgd accumulate=true" -o %t.mlir
// RUN: %python %S/Inputs/append.py %t.mlir %S/Inputs/steps.txt
// RUN: qopt-interpret %t.mlir
// RUN: qopt-opt %s --qopt-add-train-step="optim=muon accumulate=true" | FileCheck %s --check-prefix=MUON
// RUN: qopt-opt %s --qopt-add-train-step="optim=sgd" | FileCheck %s --check-prefix=SGD
// RUN: qopt-opt %s --qopt-add-train-step="states=8bit" | FileCheck %s --check-prefix=CODES

// CHECK: ml_program.global private mutable @table(
// CHECK: ml_program.global private mutable @table.adamw.v(dense<0.0{{.*}}> : tensor<5x4xf32>)
// CHECK: ml_program.global private mutable @table.adamw.m(
// CHECK: ml_program.global private mutable @gain(
// Splits of a fused matrix lie along the axis where the parameter holds them.
// MUON: ml_program.global private mutable @w.muon.momentum
// MUON: func @train_step(
// MUON: train.clip_norm
// MUON: train.adamw
// MUON: train.muon %{{.*}} splits [3, 1] axis 1 lr
// MUON: func @train_accumulate(
// MUON: ml_program.global_store @w.grad
// MUON: return %{{.*}} : tensor<f32>
// MUON: func @train_update(
// MUON: train.muon
// MUON: ml_program.global_store @w.grad
// SGD: func @train_step(
// SGD: train.sgd
// SGD-NOT: train.adamw
// Small states and embeddings stay f32.
// CODES-NOT: .codes
// CODES: @big.adamw.v.codes(dense<0> : tensor<64x64xi8>)
// CODES: func @train_step(
// CODES: train.encode_state unsigned

ml_program.global private @table(dense<[[0.1, 0.2, 0.3, 0.4], [0.5, -0.6, 0.7, 0.8], [-0.9, 0.1, 0.2, 0.3], [0.4, 0.5, 0.6, -0.7], [0.8, -0.9, 0.1, 0.2]]> : tensor<5x4xf32>) : tensor<5x4xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @gain(dense<1.0> : tensor<4xf32>) : tensor<4xf32> {nn.role = #nn.role<norm>}
ml_program.global private @w(dense<[[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 0.1, 0.2, 0.3], [0.4, 0.5, 0.6, 0.7]]> : tensor<4x4xf32>) : tensor<4x4xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @big(dense<0.125> : tensor<64x64xf32>) : tensor<64x64xf32> {nn.role = #nn.role<matrix>}

// CHECK-LABEL: func @train_step(
// CHECK-SAME: {nn.name = "weight"}, %{{.*}}: tensor<f32> {nn.name = "clip"}, %{{.*}}: tensor<f32> {nn.name = "lr"}
// CHECK-SAME: -> (tensor<f32> {nn.name = "loss"}, tensor<f32> {nn.name = "grad_norm"})
// CHECK: nn.select
// CHECK: train.clip_norm
// CHECK: train.adamw
// CHECK: ml_program.global_store @table
func.func @nll(%ids: tensor<?x3xi64> {nn.name = "input_ids"}, %targets: tensor<?x3xi64> {nn.name = "targets"}) -> tensor<?x3xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?x3xi64>
  %table = ml_program.global_load @table : tensor<5x4xf32>
  %x = nn.embedding %ids, %table : tensor<?x3xi64>, tensor<5x4xf32>
  %gain = ml_program.global_load @gain : tensor<4xf32>
  %y = nn.rms_norm %x, %gain eps 1.0e-6 : tensor<?x3x4xf32>, tensor<4xf32>
  %w = ml_program.global_load @w : tensor<4x4xf32>
  %t = nn.transpose %w [1, 0] : tensor<4x4xf32>
  %z = nn.linear %y, %t splits [3, 1] : tensor<?x3x4xf32>, tensor<4x4xf32> -> tensor<?x3x4xf32>
  %wide = nn.concat %z, %z, %z, %z, %z, %z, %z, %z, %z, %z, %z, %z, %z, %z, %z, %z axis 2 : tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32> -> tensor<?x3x64xf32>
  %big = ml_program.global_load @big : tensor<64x64xf32>
  %b = nn.linear %wide, %big : tensor<?x3x64xf32>, tensor<64x64xf32> -> tensor<?x3x64xf32>
  %s = nn.slice %b axis 2 from %c0 : tensor<?x3x64xf32> -> tensor<?x3x4xf32>
  %h = nn.add %s, %z : tensor<?x3x4xf32>, tensor<?x3x4xf32>
  %logits = nn.linear %h, %table : tensor<?x3x4xf32>, tensor<5x4xf32> -> tensor<?x3x5xf32>
  %l = nn.cross_entropy %logits, %targets : tensor<?x3x5xf32>, tensor<?x3xi64>
  return %l : tensor<?x3xf32>
}
