// A loss reads the codes of its head, and a teacher's table where it lies, turned.

// RUN: qopt-opt %s --qopt-outline-weights --qopt-outline-kernels -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

// Codes stay codes, packed as those of a layer.
// CHECK:      kernel.weight @[[$CODES:.*]] layout <panel = 16, bits = 8
// CHECK:      kernel.weight @[[$SCALES:.*]] layout <panel = 16>

// CHECK:      kernel.func @{{.*}}classifier_loss
// CHECK-SAME: layouts [{{.*}}bits = 8
// CHECK-NEXT: ^bb0(%[[K:.*]]: tensor<32x4xi8>, %[[S:.*]]: tensor<32xf32>, %[[V:.*]]: tensor<2x32xf32>, %[[X:.*]]: tensor<?x4xf32>, %[[T:.*]]: tensor<?xi64>, %[[U:.*]]: tensor<?x2xf32>):
// CHECK-DAG:    %[[W:.*]] = lowbit.dequantize %[[K]], %[[S]]
// CHECK-DAG:    %[[TW:.*]] = nn.transpose %[[V]] [1, 0]
// CHECK:        train.classifier_loss %[[X]], %[[W]] targets %[[T]] teacher %[[U]], %[[TW]]

ml_program.global private @head(dense<2.0> : tensor<32x4xf32>) : tensor<32x4xf32>

// CHECK-LABEL: func @loss(
// CHECK: kernel.load @[[$CODES]]
// CHECK: kernel.load @[[$SCALES]]
// CHECK-NOT: nn.transpose
func.func @loss(%x: tensor<?x4xf32> {nn.dims = affine_map<()[s0] -> (s0, 4)>}, %t: tensor<?xi64> {nn.dims = affine_map<()[s0] -> (s0)>},
                %u: tensor<?x2xf32> {nn.dims = affine_map<()[s0] -> (s0, 2)>}, %v: tensor<2x32xf32> {nn.dims = affine_map<()[s0] -> (2, 32)>})
    -> (tensor<?xf32> {nn.dims = affine_map<()[s0] -> (s0)>}) attributes {nn.symbols = ["rows"]} {
  %h = ml_program.global_load @head : tensor<32x4xf32>
  %k, %s = lowbit.quantize %h scheme <sym, bits = 8, per = channel> : tensor<32x4xf32> -> tensor<32x4xi8>, tensor<32xf32>
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = channel> : tensor<32x4xi8>, tensor<32xf32> -> tensor<32x4xf32>
  %tw = nn.transpose %v [1, 0] : tensor<2x32xf32>
  %y = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.5
       : tensor<?x4xf32>, tensor<32x4xf32>, tensor<?xi64> teacher tensor<?x2xf32>, tensor<32x2xf32> -> tensor<?xf32>
  return %y : tensor<?xf32>
}
