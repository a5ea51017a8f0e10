// The elementwise ops: each Example of the documentation parses, prints as it
// was written, and has the result type that the function returns.

// RUN: qopt-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @neg(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @neg(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.neg %[[X]] : tensor<?x8xf32>
  %y = nn.neg %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @abs(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @abs(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.abs %[[X]] : tensor<?x8xf32>
  %y = nn.abs %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @exp(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @exp(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.exp %[[X]] : tensor<?x8xf32>
  %y = nn.exp %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @log(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @log(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.log %[[X]] : tensor<?x8xf32>
  %y = nn.log %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @sqrt(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @sqrt(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.sqrt %[[X]] : tensor<?x8xf32>
  %y = nn.sqrt %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @rsqrt(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @rsqrt(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.rsqrt %[[X]] : tensor<?x8xf32>
  %y = nn.rsqrt %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @reciprocal(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @reciprocal(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.reciprocal %[[X]] : tensor<?x8xf32>
  %y = nn.reciprocal %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @sin(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @sin(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.sin %[[X]] : tensor<?x8xf32>
  %y = nn.sin %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @cos(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @cos(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.cos %[[X]] : tensor<?x8xf32>
  %y = nn.cos %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @tanh(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @tanh(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.tanh %[[X]] : tensor<?x8xf32>
  %y = nn.tanh %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @erf(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @erf(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.erf %[[X]] : tensor<?x8xf32>
  %y = nn.erf %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @sigmoid(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @sigmoid(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.sigmoid %[[X]] : tensor<?x8xf32>
  %y = nn.sigmoid %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @silu(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @silu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.silu %[[X]] : tensor<?x8xf32>
  %y = nn.silu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @relu(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @relu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.relu %[[X]] : tensor<?x8xf32>
  %y = nn.relu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @floor(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @floor(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.floor %[[X]] : tensor<?x8xf32>
  %y = nn.floor %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @ceil(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @ceil(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.ceil %[[X]] : tensor<?x8xf32>
  %y = nn.ceil %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @round(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @round(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.round %[[X]] : tensor<?x8xf32>
  %y = nn.round %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @not(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xi1>)
func.func @not(%x: tensor<?x8xi1>) -> tensor<?x8xi1> {
  // CHECK: nn.not %[[X]] : tensor<?x8xi1>
  %y = nn.not %x : tensor<?x8xi1>
  return %y : tensor<?x8xi1>
}

// CHECK-LABEL: func @is_nan(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @is_nan(%x: tensor<?x8xf32>) -> tensor<?x8xi1> {
  // CHECK: nn.is_nan %[[X]] : tensor<?x8xf32>
  %y = nn.is_nan %x : tensor<?x8xf32>
  return %y : tensor<?x8xi1>
}

// CHECK-LABEL: func @is_inf(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @is_inf(%x: tensor<?x8xf32>) -> tensor<?x8xi1> {
  // CHECK: nn.is_inf %[[X]] : tensor<?x8xf32>
  %y = nn.is_inf %x : tensor<?x8xf32>
  return %y : tensor<?x8xi1>
}

// CHECK-LABEL: func @add(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @add(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.add %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.add %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @sub(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @sub(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.sub %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.sub %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @mul(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @mul(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.mul %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.mul %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @div(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @div(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.div %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.div %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @remainder(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @remainder(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.remainder %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.remainder %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @pow(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @pow(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.pow %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.pow %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @maximum(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @maximum(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.maximum %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.maximum %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @minimum(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @minimum(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.minimum %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.minimum %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @and(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xi1>, %[[Y:.*]]: tensor<8xi1>)
func.func @and(%x: tensor<?x8xi1>, %y: tensor<8xi1>) -> tensor<?x8xi1> {
  // CHECK: nn.and %[[X]], %[[Y]] : tensor<?x8xi1>, tensor<8xi1>
  %z = nn.and %x, %y : tensor<?x8xi1>, tensor<8xi1>
  return %z : tensor<?x8xi1>
}

// CHECK-LABEL: func @or(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xi1>, %[[Y:.*]]: tensor<8xi1>)
func.func @or(%x: tensor<?x8xi1>, %y: tensor<8xi1>) -> tensor<?x8xi1> {
  // CHECK: nn.or %[[X]], %[[Y]] : tensor<?x8xi1>, tensor<8xi1>
  %z = nn.or %x, %y : tensor<?x8xi1>, tensor<8xi1>
  return %z : tensor<?x8xi1>
}

// CHECK-LABEL: func @xor(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xi1>, %[[Y:.*]]: tensor<8xi1>)
func.func @xor(%x: tensor<?x8xi1>, %y: tensor<8xi1>) -> tensor<?x8xi1> {
  // CHECK: nn.xor %[[X]], %[[Y]] : tensor<?x8xi1>, tensor<8xi1>
  %z = nn.xor %x, %y : tensor<?x8xi1>, tensor<8xi1>
  return %z : tensor<?x8xi1>
}

// CHECK-LABEL: func @compare(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @compare(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> tensor<?x8xi1> {
  // CHECK: nn.compare le, %[[X]], %[[Y]] : tensor<?x8xf32>, tensor<8xf32>
  %z = nn.compare le, %x, %y : tensor<?x8xf32>, tensor<8xf32>
  return %z : tensor<?x8xi1>
}

// CHECK-LABEL: func @select(
// CHECK-SAME:    %[[P:.*]]: tensor<?x8xi1>, %[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<f32>)
func.func @select(%p: tensor<?x8xi1>, %a: tensor<?x8xf32>, %b: tensor<f32>) -> tensor<?x8xf32> {
  // CHECK: nn.select %[[P]], %[[A]], %[[B]] : tensor<?x8xi1>, tensor<?x8xf32>, tensor<f32>
  %y = nn.select %p, %a, %b : tensor<?x8xi1>, tensor<?x8xf32>, tensor<f32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @cast(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>)
func.func @cast(%x: tensor<?x8xf32>) -> tensor<?x8xi32> {
  // CHECK: nn.cast %[[X]] : tensor<?x8xf32> -> tensor<?x8xi32>
  %y = nn.cast %x : tensor<?x8xf32> -> tensor<?x8xi32>
  return %y : tensor<?x8xi32>
}

// CHECK-LABEL: func @swiglu(
// CHECK-SAME:    %[[GATE:.*]]: tensor<?x8xf32>, %[[UP:.*]]: tensor<?x8xf32>)
func.func @swiglu(%gate: tensor<?x8xf32>, %up: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.swiglu %[[GATE]], %[[UP]] : tensor<?x8xf32>
  %y = nn.swiglu %gate, %up : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
