// What a mask asks is read element by element and split at its ands: "not after
// me" is causal, what only depends on batch and key is the mask of keys.

// RUN: qopt-opt %s --qopt-raise-attention-mask | FileCheck %s
// RUN: qopt-opt %s --qopt-raise-attention-mask -o %t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12

!q = tensor<2x4x3x6xf32>
!k = tensor<2x4x5x6xf32>

// Padding alone: the mask of keys.
// CHECK-LABEL: func @padding(
func.func @padding(%q: !q, %k: !q, %v: !q, %m: tensor<2x3xi64>) -> !q {
  %zero = arith.constant dense<0> : tensor<i64>
  %seen = nn.compare ne, %m, %zero : tensor<2x3xi64>, tensor<i64>
  %mask = nn.reshape %seen : tensor<2x3xi1> -> tensor<2x1x1x3xi1>
  // CHECK: nn.attention {{.*}} key_mask %{{.*}} scale
  %y = nn.attention %q, %k, %v mask %mask scale 1.0 : !q, !q, !q, tensor<2x1x1x3xi1> -> !q
  return %y : !q
}

// Two positions are past: query i sees keys up to i + 2.
// CHECK-LABEL: func @causal_after_a_past(
func.func @causal_after_a_past(%q: !q, %k: !k, %v: !k) -> !q {
  %past = arith.constant dense<2> : tensor<i64>
  %i = nn.iota : tensor<3xi64>
  %at = nn.add %i, %past : tensor<3xi64>, tensor<i64>
  %rows = nn.reshape %at : tensor<3xi64> -> tensor<3x1xi64>
  %j = nn.iota : tensor<5xi64>
  %seen = nn.compare le, %j, %rows : tensor<5xi64>, tensor<3x1xi64>
  // CHECK: nn.attention %{{[^:]*}}, %{{[^:]*}}, %{{[^:]*}} causal scale
  %y = nn.attention %q, %k, %v mask %seen scale 1.0 : !q, !k, !k, tensor<3x5xi1> -> !q
  return %y : !q
}

// Added, as most exporters write it, and combined with padding at the end: every
// query sees a key, for one that sees none would be 0 afterwards.
// CHECK-LABEL: func @added_causal_and_padding(
func.func @added_causal_and_padding(%q: !q, %k: !q, %v: !q) -> !q {
  %m = arith.constant dense<[[1, 1, 0], [1, 1, 1]]> : tensor<2x3xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %little = arith.constant dense<-3.40282347E+38> : tensor<f32>
  %none = arith.constant dense<0> : tensor<i64>
  %i = nn.iota : tensor<3xi64>
  %rows = nn.reshape %i : tensor<3xi64> -> tensor<3x1xi64>
  %before = nn.compare le, %i, %rows : tensor<3xi64>, tensor<3x1xi64>
  %real = nn.compare ne, %m, %none : tensor<2x3xi64>, tensor<i64>
  %keys = nn.reshape %real : tensor<2x3xi1> -> tensor<2x1x1x3xi1>
  %both = nn.and %before, %keys : tensor<3x3xi1>, tensor<2x1x1x3xi1>
  %added = nn.select %both, %zero, %little : tensor<2x1x3x3xi1>, tensor<f32>, tensor<f32>
  // CHECK: nn.attention {{.*}} key_mask %{{.*}} causal scale
  %y = nn.attention %q, %k, %v mask %added scale 1.0 : !q, !q, !q, tensor<2x1x3x3xf32> -> !q
  return %y : !q
}
