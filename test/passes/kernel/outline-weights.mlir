// A chain on parameters and constants becomes a weight, once for all entries;
// a matrix lies in panels if a linear reads it, for every reader.

// RUN: qopt-opt %s --qopt-outline-weights -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

ml_program.global private @w(dense<1.0> : tensor<4x6xf32>) : tensor<4x6xf32>
ml_program.global private @embed(dense<1.0> : tensor<32x4xf32>) : tensor<32x4xf32>
ml_program.global private @g(dense<1.0> : tensor<4xf32>) : tensor<4xf32>

// Weights stand before the first entry, each at a multiple of 64 bytes: @w needs
// 16 rows of 4 floats, the padding of its panel included.
// CHECK:      kernel.weight @[[$EMBED:.*]] layout <panel = 16> {
// CHECK:      kernel.weight @[[$GAIN:.*]] layout <panel = 0> offset 512 {
// CHECK:      kernel.weight @[[$W:.*]] layout <panel = 16> offset 576 {
// CHECK-NEXT:   %[[LOAD:.*]] = ml_program.global_load @w
// CHECK-NEXT:   %[[TRANSPOSED:.*]] = nn.transpose %[[LOAD]] [1, 0]
// CHECK-NEXT:   kernel.return %[[TRANSPOSED]] : tensor<6x4xf32>
// CHECK-NOT:  kernel.weight

// CHECK-LABEL: func @prefill(
func.func @prefill(%ids: tensor<?xi64>) -> (tensor<?x6xf32>, tensor<?x32xf32>) {
  %e = ml_program.global_load @embed : tensor<32x4xf32>
  // CHECK: %[[E:.*]] = kernel.load @[[$EMBED]] : tensor<32x4xf32>
  // CHECK: %[[X:.*]] = nn.embedding %{{.*}}, %[[E]]
  %x = nn.embedding %ids, %e : tensor<?xi64>, tensor<32x4xf32>
  %g = ml_program.global_load @g : tensor<4xf32>
  // CHECK: %[[G:.*]] = kernel.load @[[$GAIN]] : tensor<4xf32>
  // CHECK: nn.rms_norm %[[X]], %[[G]]
  %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<?x4xf32>, tensor<4xf32>
  %w = ml_program.global_load @w : tensor<4x6xf32>
  %wt = nn.transpose %w [1, 0] : tensor<4x6xf32>
  // CHECK: %[[WT:.*]] = kernel.load @[[$W]] : tensor<6x4xf32>
  // CHECK: nn.linear %{{.*}}, %[[WT]]
  %y = nn.linear %n, %wt : tensor<?x4xf32>, tensor<6x4xf32> -> tensor<?x6xf32>
  // CHECK: nn.linear %{{.*}}, %[[E]]
  %z = nn.linear %n, %e : tensor<?x4xf32>, tensor<32x4xf32> -> tensor<?x32xf32>
  return %y, %z : tensor<?x6xf32>, tensor<?x32xf32>
}

// CHECK-LABEL: func @decode(
func.func @decode(%x: tensor<1x4xf32>) -> tensor<1x6xf32> {
  // CHECK-NOT: global_load
  // CHECK:     kernel.load @[[$W]]
  %w = ml_program.global_load @w : tensor<4x6xf32>
  %wt = nn.transpose %w [1, 0] : tensor<4x6xf32>
  %y = nn.linear %x, %wt : tensor<1x4xf32>, tensor<6x4xf32> -> tensor<1x6xf32>
  return %y : tensor<1x6xf32>
}
