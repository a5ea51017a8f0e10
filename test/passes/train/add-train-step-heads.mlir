// Heads and teachers that are no float layer without a bias, and what a step
// makes of them.
// RUN: split-file %s %t
// RUN: qopt-opt %t/codes.mlir --qopt-add-train-step="train=lora optim=sgd" -o %t/codes.out.mlir
// RUN: FileCheck %s --check-prefix=CODES --input-file=%t/codes.out.mlir
// RUN: qopt-opt %t/bias.mlir --qopt-add-train-step="train=lora optim=sgd" | FileCheck %s --check-prefix=BIAS

// A head of codes: a step reads them as numbers, what an entry says of a text
// is what the deployed layer says.
// CODES-LABEL: func @nll(
// CODES: lowbit.linear
// CODES: nn.cross_entropy
// CODES-LABEL: func @train_step(
// CODES-NOT: lowbit.linear
// CODES: %[[W:.*]] = lowbit.dequantize %{{.*}} scheme <sym, bits = 8, per = channel>
// CODES: train.classifier_loss_grad %{{.*}}, %{{.*}}, %[[W]] targets %{{.*}} teacher

// Of a teacher with a bias the logits are there, and those of the student, by
// codes.
// BIAS-LABEL: func @train_step(
// BIAS: %[[Z:.*]] = nn.linear {{.*}} bias
// BIAS: %[[X:.*]] = lowbit.linear
// BIAS: nn.kl_divergence %[[X]], %[[Z]]
// BIAS-NOT: train.classifier_loss

//--- codes.mlir
ml_program.global private @w(dense<0.5> : tensor<4x2xf32>) : tensor<4x2xf32> {nn.role = #nn.role<head>}
ml_program.global private @a(dense<0.25> : tensor<1x2xf32>) : tensor<1x2xf32> {nn.role = #nn.role<adapter>}
ml_program.global private @b(dense<0.5> : tensor<2x1xf32>) : tensor<2x1xf32> {nn.role = #nn.role<adapter>}
func.func private @teacher(%ids: tensor<?xi64> {nn.name = "input_ids"}) -> tensor<?x4xf32> {
  %t = arith.constant dense<[[0.7, 0.2], [0.3, -0.1], [-0.4, 0.6], [0.1, 0.9]]> : tensor<4x2xf32>
  %x = nn.embedding %ids, %t : tensor<?xi64>, tensor<4x2xf32>
  %z = nn.linear %x, %t : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
func.func @nll(%ids: tensor<?xi64> {nn.name = "input_ids"}, %targets: tensor<?xi64> {nn.name = "targets"}) -> tensor<?xf32> {
  %w = ml_program.global_load @w : tensor<4x2xf32>
  %a = ml_program.global_load @a : tensor<1x2xf32>
  %b = ml_program.global_load @b : tensor<2x1xf32>
  %e = nn.embedding %ids, %w : tensor<?xi64>, tensor<4x2xf32>
  %x = lowbit.lora_linear %e, %a, %b scale 0.5 onto %e : tensor<?x2xf32>, tensor<1x2xf32>, tensor<2x1xf32>, tensor<?x2xf32>
  %k, %s = lowbit.quantize %w scheme <sym, bits = 8, per = channel> : tensor<4x2xf32> -> tensor<4x2xi8>, tensor<4xf32>
  %z = lowbit.linear %x, %k scales %s scheme <sym, bits = 8, per = channel> : tensor<?x2xf32>, tensor<4x2xi8>, tensor<4xf32> -> tensor<?x4xf32>
  %l = nn.cross_entropy %z, %targets : tensor<?x4xf32>, tensor<?xi64>
  return %l : tensor<?xf32>
}

//--- bias.mlir
ml_program.global private @w(dense<0.5> : tensor<4x2xf32>) : tensor<4x2xf32> {nn.role = #nn.role<head>}
ml_program.global private @a(dense<0.25> : tensor<1x2xf32>) : tensor<1x2xf32> {nn.role = #nn.role<adapter>}
ml_program.global private @b(dense<0.5> : tensor<2x1xf32>) : tensor<2x1xf32> {nn.role = #nn.role<adapter>}
func.func private @teacher(%ids: tensor<?xi64> {nn.name = "input_ids"}) -> tensor<?x4xf32> {
  %t = arith.constant dense<[[0.7, 0.2], [0.3, -0.1], [-0.4, 0.6], [0.1, 0.9]]> : tensor<4x2xf32>
  %bias = arith.constant dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>
  %x = nn.embedding %ids, %t : tensor<?xi64>, tensor<4x2xf32>
  %z = nn.linear %x, %t bias %bias : tensor<?x2xf32>, tensor<4x2xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
func.func @nll(%ids: tensor<?xi64> {nn.name = "input_ids"}, %targets: tensor<?xi64> {nn.name = "targets"}) -> tensor<?xf32> {
  %w = ml_program.global_load @w : tensor<4x2xf32>
  %a = ml_program.global_load @a : tensor<1x2xf32>
  %b = ml_program.global_load @b : tensor<2x1xf32>
  %e = nn.embedding %ids, %w : tensor<?xi64>, tensor<4x2xf32>
  %x = lowbit.lora_linear %e, %a, %b scale 0.5 onto %e : tensor<?x2xf32>, tensor<1x2xf32>, tensor<2x1xf32>, tensor<?x2xf32>
  %k, %s = lowbit.quantize %w scheme <sym, bits = 8, per = channel> : tensor<4x2xf32> -> tensor<4x2xi8>, tensor<4xf32>
  %z = lowbit.linear %x, %k scales %s scheme <sym, bits = 8, per = channel> : tensor<?x2xf32>, tensor<4x2xi8>, tensor<4xf32> -> tensor<?x4xf32>
  %l = nn.cross_entropy %z, %targets : tensor<?x4xf32>, tensor<?xi64>
  return %l : tensor<?xf32>
}
