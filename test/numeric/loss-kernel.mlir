// A head with its loss, and the gradient of an embedding, against the
// interpreter: odd sizes, several blocks of rows and of words, on every kind of
// CPU that this one can run. Heads of codes and teachers: taught-loss-kernel.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,2,3,7,13,49,401 --ids=11 --within=4.0e-6
// RUN: qopt-kernel-bench %s --mcpu=avx2 --rows=1,3,13,49 --ids=11 --within=4.0e-6
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1,3,13,49 --ids=11 --within=4.0e-6
// A NaN and an infinity arrive.
// RUN: qopt-kernel-bench %s --mcpu=native --rows=3,13 --ids=11 --within=4.0e-6 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --ids=11 --rows=1,3,13 --within=4.0e-6
// RUN: qopt-kernel-simulate %s --ids=11 --rows=3 --special --seed=1 --within=4.0e-6

#row = #kernel.layout<panel = 0>

kernel.func @loss dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (101, 37)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<?x37xf32>, %w: tensor<101x37xf32>, %t: tensor<?xi64>):
  %y = train.classifier_loss %x, %w targets %t : tensor<?x37xf32>, tensor<101x37xf32>, tensor<?xi64> -> tensor<?xf32>
  kernel.return %y : tensor<?xf32>
}

// So many words that few rows of logits are a round.
kernel.func @loss_of_many_words dims [affine_map<()[s0] -> (2, s0, 5)>, affine_map<()[s0] -> (150001, 5)>, affine_map<()[s0] -> (2, s0)>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<2x?x5xf32>, %w: tensor<150001x5xf32>, %t: tensor<2x?xi32>):
  %y = train.classifier_loss %x, %w targets %t : tensor<2x?x5xf32>, tensor<150001x5xf32>, tensor<2x?xi32> -> tensor<2x?xf32>
  kernel.return %y : tensor<2x?xf32>
}

kernel.func @loss_grad dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (101, 37)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<?xf32>, %x: tensor<?x37xf32>, %w: tensor<101x37xf32>, %t: tensor<?xi64>):
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<?xf32>, tensor<?x37xf32>, tensor<101x37xf32>, tensor<?xi64> -> tensor<101x37xf32>
  kernel.return %y, %dx, %dw : tensor<?xf32>, tensor<?x37xf32>, tensor<101x37xf32>
}

kernel.func @loss_grad_of_batches dims [affine_map<()[s0] -> (3, s0)>, affine_map<()[s0] -> (3, s0, 64)>, affine_map<()[s0] -> (512, 64)>, affine_map<()[s0] -> (3, s0)>]
    layouts [#row, #row, #row, #row] {
^bb0(%dy: tensor<3x?xf32>, %x: tensor<3x?x64xf32>, %w: tensor<512x64xf32>, %t: tensor<3x?xi64>):
  %y, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<3x?xf32>, tensor<3x?x64xf32>, tensor<512x64xf32>, tensor<3x?xi64> -> tensor<512x64xf32>
  kernel.return %y, %dx, %dw : tensor<3x?xf32>, tensor<3x?x64xf32>, tensor<512x64xf32>
}

kernel.func @embedding dims [affine_map<()[s0] -> (s0, 37)>, affine_map<()[s0] -> (s0)>]
    layouts [#row, #row] {
^bb0(%dy: tensor<?x37xf32>, %ids: tensor<?xi64>):
  %dt = train.embedding_grad %dy, %ids : tensor<?x37xf32>, tensor<?xi64> -> tensor<11x37xf32>
  kernel.return %dt : tensor<11x37xf32>
}

kernel.func @embedding_of_tasks dims [affine_map<()[s0] -> (2, s0, 700)>, affine_map<()[s0] -> (2, s0)>]
    layouts [#row, #row] {
^bb0(%dy: tensor<2x?x700xf32>, %ids: tensor<2x?xi32>):
  %dt = train.embedding_grad %dy, %ids : tensor<2x?x700xf32>, tensor<2x?xi32> -> tensor<301x700xf32>
  kernel.return %dt : tensor<301x700xf32>
}

kernel.func @logits_grad dims [affine_map<()[s0] -> (2, s0)>, affine_map<()[s0] -> (2, s0, 101)>, affine_map<()[s0] -> (2, s0)>]
    layouts [#row, #row, #row] {
^bb0(%dy: tensor<2x?xf32>, %x: tensor<2x?x101xf32>, %t: tensor<2x?xi64>):
  %dx = train.cross_entropy_grad %dy, %x, %t : tensor<2x?xf32>, tensor<2x?x101xf32>, tensor<2x?xi64>
  kernel.return %dx : tensor<2x?x101xf32>
}

kernel.func @divergence dims [affine_map<()[s0] -> (s0, 101)>, affine_map<()[s0] -> (s0, 101)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x101xf32>, %z: tensor<?x101xf32>):
  %y = nn.kl_divergence %x, %z : tensor<?x101xf32>, tensor<?x101xf32>
  kernel.return %y : tensor<?xf32>
}
