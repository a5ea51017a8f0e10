// What a classifier with its loss refuses, one case a constraint.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics

func.func @classifier_loss_c1_dynamic(%x: tensor<4x?xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{operand #0 must be float tensor with a static last dimension}}
  %y = train.classifier_loss %x, %w targets %t : tensor<4x?xf32>, tensor<9x8xf32>, tensor<4xi64> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c2_weight(%x: tensor<4x8xf32>, %w: tensor<9x7xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects weight of shape [9, 8], got 'tensor<9x7xf32>'}}
  %y = train.classifier_loss %x, %w targets %t : tensor<4x8xf32>, tensor<9x7xf32>, tensor<4xi64> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c3_targets(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<3xi64>) {
  // expected-error @+1 {{expects targets of shape [4], got 'tensor<3xi64>'}}
  %y = train.classifier_loss %x, %w targets %t : tensor<4x8xf32>, tensor<9x8xf32>, tensor<3xi64> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c3_result(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects result of shape [4], got 'tensor<4x1xf32>'}}
  %y = train.classifier_loss %x, %w targets %t : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> -> tensor<4x1xf32>
  return
}

// -----

func.func @classifier_loss_grad_c1_dynamic(%dy: tensor<4xf32>, %x: tensor<4x?xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{operand #1 must be float tensor with a static last dimension}}
  %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x?xf32>, tensor<9x8xf32>, tensor<4xi64>
  return
}

// -----

func.func @classifier_loss_grad_c2_weight(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x7xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects weight of shape [9, 8], got 'tensor<9x7xf32>'}}
  %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x8xf32>, tensor<9x7xf32>, tensor<4xi64>
  return
}

// -----

func.func @classifier_loss_grad_c3_targets(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<3xi64>) {
  // expected-error @+1 {{expects targets of shape [4], got 'tensor<3xi64>'}}
  %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<3xi64>
  return
}

// -----

func.func @classifier_loss_grad_c3_dy(%dy: tensor<5xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects dy of shape [4], got 'tensor<5xf32>'}}
  %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<5xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64>
  return
}
