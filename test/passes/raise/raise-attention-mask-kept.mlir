// A mask that is neither causal nor of keys alone stays an operand, which is
// always right, with a reason.

// RUN: qopt-opt %s --qopt-raise-attention-mask --verify-diagnostics \
// RUN:   --remarks-filter=qopt.* | FileCheck %s

!q = tensor<2x4x3x6xf32>

// CHECK-LABEL: func @bias_stays(
func.func @bias_stays(%q: !q, %k: !q, %v: !q, %bias: tensor<4x3x3xf32>) -> !q {
  // CHECK: nn.attention {{.*}} mask %{{.*}} scale
  // expected-remark @+1 {{an added mask is not a choice of 0 and very little}}
  %y = nn.attention %q, %k, %v mask %bias scale 1.0 : !q, !q, !q, tensor<4x3x3xf32> -> !q
  return %y : !q
}

// CHECK-LABEL: func @heads_differ(
func.func @heads_differ(%q: !q, %k: !q, %v: !q, %seen: tensor<4x3x3xi1>) -> !q {
  // CHECK: nn.attention {{.*}} mask %{{.*}} scale
  // expected-remark @+1 {{a mask is neither causal nor of keys alone}}
  %y = nn.attention %q, %k, %v mask %seen scale 1.0 : !q, !q, !q, tensor<4x3x3xi1> -> !q
  return %y : !q
}

// Key j is visible to query i if j >= i, and to no other.
// CHECK-LABEL: func @looks_ahead(
func.func @looks_ahead(%q: !q, %k: !q, %v: !q) -> !q {
  %i = nn.iota : tensor<3xi64>
  %rows = nn.reshape %i : tensor<3xi64> -> tensor<3x1xi64>
  %seen = nn.compare ge, %i, %rows : tensor<3xi64>, tensor<3x1xi64>
  // CHECK: nn.attention {{.*}} mask %{{.*}} scale
  // expected-remark @+1 {{a mask is neither causal nor of keys alone}}
  %y = nn.attention %q, %k, %v mask %seen scale 1.0 : !q, !q, !q, tensor<3x3xi1> -> !q
  return %y : !q
}

// Keys of all batches lie in columns of the argument, some of them in the next.
// CHECK-LABEL: func @keys_in_other_rows(
func.func @keys_in_other_rows(%q: !q, %k: !q, %v: !q, %seen: tensor<3x2xi1>) -> !q {
  %mask = nn.reshape %seen : tensor<3x2xi1> -> tensor<2x1x1x3xi1>
  // CHECK: nn.attention {{.*}} mask %{{.*}} scale
  // expected-remark @+1 {{the mask of keys cannot be written as [B, S]}}
  %y = nn.attention %q, %k, %v mask %mask scale 1.0 : !q, !q, !q, tensor<2x1x1x3xi1> -> !q
  return %y : !q
}
