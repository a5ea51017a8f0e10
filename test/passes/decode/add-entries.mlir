// From a model with a past come entries whose caches replace the past: tokens
// that are fed one by one give what all of them give at once.

// RUN: qopt-opt %s --qopt-raise --qopt-decode -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: sed -e "/^}$/d" %t > %t.checked
// RUN: cat %S/Inputs/steps.mlir.part >> %t.checked
// RUN: qopt-interpret %t.checked --f64

!ids = tensor<?x?xi64>
!k = tensor<?x1x?x2xf32>
!x = tensor<?x?x2xf32>
#ids = affine_map<()[s0, s1, s2, s3] -> (s0, s1)>
#past = affine_map<()[s0, s1, s2, s3] -> (s0, 1, s2, 2)>

ml_program.global private @table(dense<[[1.0, 0.5], [-1.0, 2.0], [0.25, -2.0], [3.0, 1.0], [0.5, 0.5]]> : tensor<5x2xf32>) : tensor<5x2xf32>

// CHECK: ml_program.global private mutable @past.0.key : tensor<?x1x?x2xf32>

// CHECK-LABEL: func @run(
// CHECK:         nn.concat

// CHECK-LABEL: func @prefill(
// CHECK-SAME:    tensor<?x?xi64> {{.*}} index {nn.dims = affine_map<()[s0, s1, s2, s3] -> (s2)>, nn.name = "past"}) -> (tensor<?x1x5xf32>
// CHECK-SAME:    nn.symbols = ["batch", "seq", "past", "capacity"]
// CHECK:         nn.cache_append @past.0.key
// CHECK:         nn.attention {{.*}} causal scale
// CHECK:         nn.linear {{.*}} -> tensor<?x1x5xf32>

// CHECK-LABEL: func @decode(
// CHECK-SAME:    tensor<?x1xi64> {{.*}} index {nn.dims = affine_map<()[s0, s1, s2] -> (s1)>, nn.name = "past"}) -> (tensor<?x1x5xf32>
// CHECK-SAME:    nn.symbols = ["batch", "past", "capacity"]
// CHECK:         nn.cache_append @past.0.key
// CHECK-NOT:     mask
// CHECK-NOT:     causal

// CHECK-LABEL: func @logits(
// CHECK-LABEL: func @nll(
// CHECK-NOT:     nn.cache_append
// CHECK:         nn.cross_entropy
func.func @run(%ids: !ids {nn.dims = #ids, nn.name = "input_ids"},
               %mask: !ids {nn.dims = affine_map<()[s0, s1, s2, s3] -> (s0, s3)>, nn.name = "attention_mask"},
               %past: !k {nn.dims = #past, nn.name = "past.0.key"})
    -> (tensor<?x?x5xf32> {nn.name = "logits"}, !k {nn.name = "present.0.key"})
    attributes {nn.symbols = ["batch", "seq", "past", "total"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %B = tensor.dim %ids, %c0 : !ids
  %T = tensor.dim %ids, %c1 : !ids
  %P = tensor.dim %past, %c2 : !k
  %S = arith.addi %P, %T : index
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %x = nn.embedding %ids, %table : !ids, tensor<5x2xf32>
  %q = nn.reshape %x[%B, %T] : !x -> !k
  %k = nn.concat %past, %q axis 2 : !k, !k -> !k
  // Padding, and what comes later, is not seen.
  %shown = nn.cast %mask : !ids -> tensor<?x?xi1>
  %S2 = tensor.dim %mask, %c1 : !ids
  %keys = nn.reshape %shown[%B, %S2] : tensor<?x?xi1> -> tensor<?x1x1x?xi1>
  %i = nn.iota %T : tensor<?xi64>
  %first = nn.from_index %P : tensor<i64>
  %at = nn.add %i, %first : tensor<?xi64>, tensor<i64>
  %row = nn.reshape %at[%T] : tensor<?xi64> -> tensor<?x1xi64>
  %j = nn.iota %S : tensor<?xi64>
  %before = nn.compare le, %j, %row : tensor<?xi64>, tensor<?x1xi64>
  %m = nn.and %keys, %before : tensor<?x1x1x?xi1>, tensor<?x?xi1>
  %a = nn.attention %q, %k, %k mask %m scale 0.5 : !k, !k, !k, tensor<?x1x?x?xi1> -> !k
  %y = nn.reshape %a[%B, %T] : !k -> !x
  %logits = nn.linear %y, %table : !x, tensor<5x2xf32> -> tensor<?x?x5xf32>
  return %logits, %k : tensor<?x?x5xf32>, !k
}
