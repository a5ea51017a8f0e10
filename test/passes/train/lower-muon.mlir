// RUN: qopt-opt %s --qopt-lower-muon | FileCheck %s
// RUN: qopt-opt %s --qopt-lower-muon -o %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir --tolerance=1e-4

// CHECK-LABEL: func.func @wide
// CHECK-NOT: train.muon
// CHECK: train.clip_norm
// CHECK: nn.matmul %[[X:.*]], %[[X]] transposed
// CHECK-COUNT-14: nn.matmul
// CHECK-NOT: nn.matmul
// CHECK: nn.select
// CHECK-LABEL: func.func @tall
func.func @wide(%p: tensor<5x7xf32>, %g: tensor<5x7xf32>, %b: tensor<5x7xf32>, %lr: tensor<f32>, %s: tensor<f32>) -> (tensor<5x7xf32>, tensor<5x7xf32>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %wd scale %s : tensor<5x7xf32>, tensor<5x7xf32>
  return %p1, %b1 : tensor<5x7xf32>, tensor<5x7xf32>
}

// CHECK: nn.matmul %[[Y:.*]] transposed, %[[Y]] :
func.func @tall(%p: tensor<7x3xf32>, %g: tensor<7x3xf32>, %b: tensor<7x3xf32>, %lr: tensor<f32>, %s: tensor<f32>) -> (tensor<7x3xf32>, tensor<7x3xf32>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %wd scale %s : tensor<7x3xf32>, tensor<7x3xf32>
  return %p1, %b1 : tensor<7x3xf32>, tensor<7x3xf32>
}

// Each split by itself: two norms.
// CHECK-LABEL: func.func @rows
// CHECK-COUNT-2: train.clip_norm
// CHECK-NOT: train.clip_norm
// CHECK: nn.concat
func.func @rows(%p: tensor<6x4xf32>, %g: tensor<6x4xf32>, %b: tensor<6x4xf32>, %lr: tensor<f32>, %s: tensor<f32>) -> (tensor<6x4xf32>, tensor<6x4xf32>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b splits [4, 2] axis 0 lr %lr momentum %mu decay %wd scale %s : tensor<6x4xf32>, tensor<6x4xf32>
  return %p1, %b1 : tensor<6x4xf32>, tensor<6x4xf32>
}

// CHECK-LABEL: func.func @columns
// CHECK: axis 1
func.func @columns(%p: tensor<4x6xf32>, %g: tensor<4x6xf32>, %b: tensor<4x6xf32>, %lr: tensor<f32>, %s: tensor<f32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b splits [1, 5] axis 1 lr %lr momentum %mu decay %wd scale %s : tensor<4x6xf32>, tensor<4x6xf32>
  return %p1, %b1 : tensor<4x6xf32>, tensor<4x6xf32>
}

// A step that is skipped changes nothing.
func.func @skipped(%p: tensor<4x6xf32>, %g: tensor<4x6xf32>, %b: tensor<4x6xf32>, %lr: tensor<f32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<0x7FC00000> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %wd scale %s : tensor<4x6xf32>, tensor<4x6xf32>
  return %p1, %b1 : tensor<4x6xf32>, tensor<4x6xf32>
}

// A gradient of 16 bits.
// CHECK-LABEL: func.func @halves
// CHECK: nn.cast
func.func @halves(%p: tensor<4x6xf32>, %g: tensor<4x6xbf16>, %b: tensor<4x6xf32>, %lr: tensor<f32>, %s: tensor<f32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %mu = arith.constant dense<0.95> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %s scale %s : tensor<4x6xf32>, tensor<4x6xbf16>
  return %p1, %b1 : tensor<4x6xf32>, tensor<4x6xf32>
}
