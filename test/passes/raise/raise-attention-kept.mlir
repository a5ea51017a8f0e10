// What is not attention for certain stays as it is, with a reason; a mask that
// is not recognised stays an operand.

// RUN: qopt-opt %s --qopt-raise-attention --qopt-raise-attention-mask \
// RUN:   --verify-diagnostics --remarks-filter=qopt.* | FileCheck %s

!q = tensor<2x4x3x6xf32>
!s = tensor<2x4x3x3xf32>

// CHECK-LABEL: func @softmax_over_queries(
func.func @softmax_over_queries(%q: !q, %k: !q, %v: !q) -> !q {
  %s = nn.matmul %q, %k transposed : !q, !q
  %p = nn.softmax %s axis 2 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{the softmax is not over the keys of [B, H, T, S]}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}

// CHECK-LABEL: func @scores_are_an_argument(
func.func @scores_are_an_argument(%s: !s, %v: !q) -> !q {
  %p = nn.softmax %s axis 3 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{scores do not come from one product}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}

// CHECK-LABEL: func @negative_scale(
func.func @negative_scale(%q: !q, %k: !q, %v: !q) -> !q {
  %minus = arith.constant dense<-1.0> : tensor<f32>
  %s = nn.matmul %q, %k transposed : !q, !q
  %m = nn.mul %s, %minus : !s, tensor<f32>
  %p = nn.softmax %m axis 3 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{scores are not a scaled product and masks}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}

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

// Padding alone: the mask of keys.
// CHECK-LABEL: func @padding(
func.func @padding(%q: !q, %k: !q, %v: !q, %m: tensor<2x3xi64>) -> !q {
  %zero = arith.constant dense<0> : tensor<i64>
  %seen = nn.compare ne, %m, %zero : tensor<2x3xi64>, tensor<i64>
  %mask = nn.reshape %seen : tensor<2x3xi1> -> tensor<2x1x1x3xi1>
  // CHECK: nn.attention {{.*}} key_mask %{{.*}} scale
  // expected-remark @+1 {{attention mask}}
  %y = nn.attention %q, %k, %v mask %mask scale 1.0 : !q, !q, !q, tensor<2x1x1x3xi1> -> !q
  return %y : !q
}
