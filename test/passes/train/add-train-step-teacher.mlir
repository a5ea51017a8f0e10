// A step that learns from a teacher: its loss, and that the teacher learns
// nothing and has no entry.
// RUN: qopt-opt %s --qopt-add-train-step="optim=sgd accumulate=true kl-weight=2.0 ce-weight=0.5" -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: %python %S/Inputs/append.py %t.mlir %S/Inputs/taught.txt
// RUN: qopt-interpret %t.mlir

ml_program.global private @w(dense<[[0.1, 0.2], [0.5, -0.6], [-0.9, 0.1], [0.4, 0.5]]> : tensor<4x2xf32>) : tensor<4x2xf32> {nn.role = #nn.role<matrix>}
// CHECK: ml_program.global private @"teacher/w"(
ml_program.global private @"teacher/w"(dense<[[0.7, 0.2], [0.3, -0.1], [-0.4, 0.6], [0.1, 0.9]]> : tensor<4x2xf32>) : tensor<4x2xf32>

// CHECK-NOT: func{{.*}} @teacher(
func.func private @teacher(%ids: tensor<?xi64> {nn.name = "input_ids"}) -> tensor<?x4xf32> {
  %w = ml_program.global_load @"teacher/w" : tensor<4x2xf32>
  %x = nn.embedding %ids, %w : tensor<?xi64>, tensor<4x2xf32>
  %z = nn.linear %x, %w : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// What the entry says of a text has nothing to do with a teacher.
// CHECK-LABEL: func @nll(
// CHECK-NOT: nn.kl_divergence
func.func @nll(%ids: tensor<?xi64> {nn.name = "input_ids", nn.dims = affine_map<()[s0] -> (s0)>}, %targets: tensor<?xi64> {nn.name = "targets", nn.dims = affine_map<()[s0] -> (s0)>}) -> tensor<?xf32>
    attributes {nn.symbols = ["seq"]} {
  %w = ml_program.global_load @w : tensor<4x2xf32>
  %x = nn.embedding %ids, %w : tensor<?xi64>, tensor<4x2xf32>
  %l = train.classifier_loss %x, %w targets %targets : tensor<?x2xf32>, tensor<4x2xf32>, tensor<?xi64> -> tensor<?xf32>
  return %l : tensor<?xf32>
}
// The teacher comes first: of it, only what its head reads is kept. The head is
// one op with the student's and the loss, and the gradient tells the loss.
// CHECK-LABEL: func @train_step(
// CHECK: ml_program.global_load @"teacher/w"
// CHECK: %[[U:.*]] = nn.embedding
// CHECK-NOT: nn.linear
// CHECK-NOT: train.classifier_loss %
// CHECK: %[[LOSS:.*]], %{{.*}}, %{{.*}} = train.classifier_loss_grad {{.*}} teacher %[[U]], %{{.*}} kl 2.000000e+00 ce 5.000000e-01
// CHECK: nn.mul %[[LOSS]], %
// CHECK-NOT: ml_program.global_store @"teacher/w"
// CHECK-LABEL: func @train_accumulate(
// CHECK: train.classifier_loss_grad {{.*}} teacher
