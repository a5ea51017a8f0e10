// What is not attention for certain stays as it is, with a reason.

// RUN: qopt-opt %s --qopt-raise-attention --verify-diagnostics \
// RUN:   --remarks-filter=qopt.* | FileCheck %s

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

// CHECK-LABEL: func @keys_come_first(
func.func @keys_come_first(%q: !q, %k: !q, %v: !q) -> !q {
  %s = nn.matmul %k, %q transposed : !q, !q
  %t = nn.transpose %s [0, 1, 3, 2] : !s
  %p = nn.softmax %t axis 3 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{scores are transposed}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}

// CHECK-LABEL: func @channels_before_queries(
func.func @channels_before_queries(%q: tensor<2x4x6x3xf32>, %k: !q, %v: !q) -> !q {
  %s = nn.matmul %q transposed, %k transposed : tensor<2x4x6x3xf32>, !q
  %p = nn.softmax %s axis 3 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{queries are transposed}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}

// Query heads read the two key heads by turns, not in groups.
// CHECK-LABEL: func @heads_by_turns(
func.func @heads_by_turns(%q: !q, %k: tensor<2x2x3x6xf32>, %v: !q) -> !q {
  %r = nn.reshape %k : tensor<2x2x3x6xf32> -> tensor<2x1x2x3x6xf32>
  %b = nn.broadcast %r : tensor<2x1x2x3x6xf32> -> tensor<2x2x2x3x6xf32>
  %h = nn.reshape %b : tensor<2x2x2x3x6xf32> -> !q
  %s = nn.matmul %q, %h transposed : !q, !q
  %p = nn.softmax %s axis 3 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{queries, keys or values have no heads of their own}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}

// CHECK-LABEL: func @values_are_not_grouped(
func.func @values_are_not_grouped(%q: !q, %k: tensor<2x2x3x6xf32>, %v: !q) -> !q {
  %r = nn.reshape %k : tensor<2x2x3x6xf32> -> tensor<2x2x1x3x6xf32>
  %b = nn.broadcast %r : tensor<2x2x1x3x6xf32> -> tensor<2x2x2x3x6xf32>
  %h = nn.reshape %b : tensor<2x2x2x3x6xf32> -> !q
  %s = nn.matmul %q, %h transposed : !q, !q
  %p = nn.softmax %s axis 3 : !s
  // CHECK-NOT: nn.attention
  // expected-remark @+1 {{keys and values have different numbers of heads}}
  %y = nn.matmul %p, %v : !s, !q
  return %y : !q
}
