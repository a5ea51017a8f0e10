// A function that is not a language model has no entries; one without a past
// has no decode.

// RUN: qopt-opt %s --split-input-file --qopt-add-entries --verify-diagnostics \
// RUN:   --remarks-filter=qopt.* | FileCheck %s

// CHECK-LABEL: func @run(
// CHECK-NOT:   func @prefill
// expected-remark @+1 {{an input is neither tokens, mask, positions nor a cache}}
func.func @run(%x: tensor<2x3xf32> {nn.name = "x"}) -> tensor<2x3xf32> {
  return %x : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func @run(
// CHECK:       func @prefill
// CHECK-NOT:   func @decode
ml_program.global private @table(dense<1.0> : tensor<5x2xf32>) : tensor<5x2xf32>
// expected-remark @+1 {{a model without a past has no decode}}
func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1] -> (s0, s1)>, nn.name = "input_ids"})
    -> (tensor<?x?x5xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %x = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<5x2xf32>
  %y = nn.linear %x, %table : tensor<?x?x2xf32>, tensor<5x2xf32> -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

// CHECK-LABEL: func @run(
// CHECK-NOT:   func @prefill
// expected-remark @+1 {{no input_ids [B, T] or no logits [B, T, V]}}
func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1] -> (s0, s1)>, nn.name = "input_ids"})
    -> (tensor<?x?xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %y = nn.cast %ids : tensor<?x?xi64> -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

#past = affine_map<()[s0, s1, s2] -> (s0, 1, s2, 2)>
// CHECK-LABEL: func @run(
// CHECK-NOT:   func @prefill
ml_program.global private @table(dense<1.0> : tensor<5x2xf32>) : tensor<5x2xf32>
// expected-remark @+1 {{a past is read otherwise than to append to it}}
func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1, s2] -> (s0, s1)>, nn.name = "input_ids"},
               %past: tensor<?x1x?x2xf32> {nn.dims = #past, nn.name = "past.0.key"})
    -> (tensor<?x?x5xf32> {nn.name = "logits"}, tensor<?x1x?x2xf32> {nn.name = "present.0.key"})
    attributes {nn.symbols = ["batch", "seq", "past"]} {
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %x = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<5x2xf32>
  %read = nn.exp %past : tensor<?x1x?x2xf32>
  %all = nn.concat %past, %read axis 2 : tensor<?x1x?x2xf32>, tensor<?x1x?x2xf32> -> tensor<?x1x?x2xf32>
  %y = nn.linear %x, %table : tensor<?x?x2xf32>, tensor<5x2xf32> -> tensor<?x?x5xf32>
  return %y, %all : tensor<?x?x5xf32>, tensor<?x1x?x2xf32>
}

// -----

// CHECK-LABEL: func @run(
// CHECK-NOT:   func @prefill
ml_program.global private @table(dense<1.0> : tensor<5x2xf32>) : tensor<5x2xf32>
// expected-remark @+2 {{a model without a past has no decode}}
// expected-remark @+1 {{a size of an input is neither batch, seq nor past}}
func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1, s2] -> (s0, s1)>, nn.name = "input_ids"},
               %positions: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1, s2] -> (s0, s2)>, nn.name = "position_ids"})
    -> (tensor<?x?x5xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq", "other"]} {
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %x = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<5x2xf32>
  %y = nn.linear %x, %table : tensor<?x?x2xf32>, tensor<5x2xf32> -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

// A model for one number of tokens cannot continue a text.
// CHECK-LABEL: func @run(
// CHECK-NOT:   func @prefill
ml_program.global private @table(dense<1.0> : tensor<5x2xf32>) : tensor<5x2xf32>
// expected-remark @+1 {{the number of tokens is fixed}}
func.func @run(%ids: tensor<?x4xi64> {nn.dims = affine_map<()[s0] -> (s0, 4)>, nn.name = "input_ids"})
    -> (tensor<?x4x5xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch"]} {
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %x = nn.embedding %ids, %table : tensor<?x4xi64>, tensor<5x2xf32>
  %y = nn.linear %x, %table : tensor<?x4x2xf32>, tensor<5x2xf32> -> tensor<?x4x5xf32>
  return %y : tensor<?x4x5xf32>
}

// -----

// Nor can one whose past has one length.
// CHECK-LABEL: func @run(
// CHECK-NOT:   func @prefill
ml_program.global private @table(dense<1.0> : tensor<5x2xf32>) : tensor<5x2xf32>
// expected-remark @+1 {{the length of a past is fixed}}
func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1] -> (s0, s1)>, nn.name = "input_ids"},
               %past: tensor<?x1x3x2xf32> {nn.dims = affine_map<()[s0, s1] -> (s0, 1, 3, 2)>, nn.name = "past"})
    -> (tensor<?x?x5xf32> {nn.name = "logits"}, tensor<?x1x?x2xf32> {nn.name = "present"})
    attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %seq = tensor.dim %ids, %c1 : tensor<?x?xi64>
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %x = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<5x2xf32>
  %k = nn.reshape %x [%batch, %seq] : tensor<?x?x2xf32> -> tensor<?x1x?x2xf32>
  %all = nn.concat %past, %k axis 2 : tensor<?x1x3x2xf32>, tensor<?x1x?x2xf32> -> tensor<?x1x?x2xf32>
  %y = nn.linear %x, %table : tensor<?x?x2xf32>, tensor<5x2xf32> -> tensor<?x?x5xf32>
  return %y, %all : tensor<?x?x5xf32>, tensor<?x1x?x2xf32>
}
