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
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x?xf32>, tensor<9x8xf32>, tensor<4xi64> -> tensor<9x8xf32>
  return
}

// -----

func.func @classifier_loss_grad_c2_weight(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x7xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects weight of shape [9, 8], got 'tensor<9x7xf32>'}}
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x8xf32>, tensor<9x7xf32>, tensor<4xi64> -> tensor<9x7xf32>
  return
}

// -----

func.func @classifier_loss_grad_c3_targets(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<3xi64>) {
  // expected-error @+1 {{expects targets of shape [4], got 'tensor<3xi64>'}}
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<3xi64> -> tensor<9x8xf32>
  return
}

// -----

func.func @classifier_loss_grad_c3_dy(%dy: tensor<5xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects dy of shape [4], got 'tensor<5xf32>'}}
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<5xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> -> tensor<9x8xf32>
  return
}

// -----

func.func @classifier_loss_c1_teacher(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x?xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{operand #3 must be float tensor with a static last dimension}}
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x?xf32>, tensor<9x6xf32> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c4_teacher_weight(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<9x5xf32>) {
  // expected-error @+1 {{expects teacher_weight of shape [9, 6], got 'tensor<9x5xf32>'}}
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<9x5xf32> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c4_words(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<8x6xf32>) {
  // expected-error @+1 {{expects teacher_weight of shape [9, 6], got 'tensor<8x6xf32>'}}
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<8x6xf32> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c4_teacher_input(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<3x6xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{expects teacher_input of shape [4, 6], got 'tensor<3x6xf32>'}}
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<3x6xf32>, tensor<9x6xf32> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c5_kl(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{expects kl and ce that are finite and not negative, got -1}}
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl -1.0 ce 0.1 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<9x6xf32> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_c5_ce(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{expects kl and ce that are finite and not negative, got }}
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0x7FF0000000000000 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<9x6xf32> -> tensor<4xf32>
  return
}

// -----

func.func @classifier_loss_grad_c1_teacher(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x?xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{operand #4 must be float tensor with a static last dimension}}
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x?xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @classifier_loss_grad_c4_teacher_weight(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<9x5xf32>) {
  // expected-error @+1 {{expects teacher_weight of shape [9, 6], got 'tensor<9x5xf32>'}}
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<9x5xf32>
  return
}

// -----

func.func @classifier_loss_grad_c4_words(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<8x6xf32>) {
  // expected-error @+1 {{expects teacher_weight of shape [9, 6], got 'tensor<8x6xf32>'}}
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @classifier_loss_grad_c4_teacher_input(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<3x6xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{expects teacher_input of shape [4, 6], got 'tensor<3x6xf32>'}}
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1 : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<3x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @classifier_loss_grad_c5_kl(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{expects kl and ce that are finite and not negative, got -1}}
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl -1.0 ce 0.1 : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @classifier_loss_grad_c5_ce(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>, %u: tensor<4x6xf32>, %tw: tensor<9x6xf32>) {
  // expected-error @+1 {{expects kl and ce that are finite and not negative, got }}
  %y, %dx = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0x7FF0000000000000 : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> teacher tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @classifier_loss_grad_c2_dweight(%dy: tensor<4xf32>, %x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{expects dweight of type 'tensor<9x8xf32>', got 'tensor<9x7xf32>'}}
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<4xf32>, tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi64> -> tensor<9x7xf32>
  return
}
