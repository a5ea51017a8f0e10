// Reductions of whole tensors and of long rows against the interpreter: fewer
// elements than threads, odd ones, several axes, what is reduced computed on
// the way, and something made of the sum.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1,3,37,700 --within=4.0e-6
// The same for CUDA, lane by lane: numbers, and no fault. A block joins the
// elements in a fixed order.
// RUN: qopt-kernel-simulate %s --rows=0,1,3,37,700 --within=4.0e-6
// RUN: qopt-kernel-simulate %s --rows=3,37 --special --seed=1 --within=4.0e-6
// RUN: qopt-kernel-simulate %s --rows=37 --save %t.mlir --within=4.0e-6
// RUN: FileCheck %s < %t.mlir
// CHECK-DAG: llvm.func @qopt_reduce_loss(
// CHECK-DAG: llvm.func @qopt_reduce_all_axes(
// CHECK-DAG: llvm.func @qopt_reduce_least(
// CHECK-DAG: llvm.func @qopt_reduce_whole_numbers(
// CHECK-DAG: llvm.func @qopt_reduce_long_rows(
// A thread an element where there are many short ones, or the sum is joined
// again.
// CHECK-DAG: llvm.func @qopt_map_columns(
// CHECK-DAG: llvm.func @qopt_map_twice(
// CHECK-DAG: llvm.func @qopt_map_flags(

#row = #kernel.layout<panel = 0>

// The loss of a step: losses of tokens, weighted.
kernel.func @loss dims [affine_map<()[s0] -> (2, s0)>, affine_map<()[s0] -> ()>]
    layouts [#row, #row] {
^bb0(%x: tensor<2x?xf32>, %weight: tensor<f32>):
  %sum = nn.reduce sum, %x axes [0, 1] : tensor<2x?xf32>
  %y = nn.mul %sum, %weight : tensor<f32>, tensor<f32>
  kernel.return %y : tensor<f32>
}

kernel.func @all_axes dims [affine_map<()[s0] -> (3, s0, 5)>] layouts [#row] {
^bb0(%x: tensor<3x?x5xf32>):
  %y = nn.mul %x, %x : tensor<3x?x5xf32>, tensor<3x?x5xf32>
  %s = nn.reduce mean, %y axes [0, 1, 2] keep_dims : tensor<3x?x5xf32>
  kernel.return %s : tensor<1x1x1xf32>
}

kernel.func @least dims [affine_map<()[s0] -> (s0)>] layouts [#row] {
^bb0(%x: tensor<?xf16>):
  %s = nn.reduce min, %x axes [0] : tensor<?xf16>
  kernel.return %s : tensor<f16>
}

kernel.func @whole_numbers dims [affine_map<()[s0] -> (s0, 7)>] layouts [#row] {
^bb0(%x: tensor<?x7xi64>):
  %s = nn.reduce sum, %x axes [0, 1] : tensor<?x7xi64>
  kernel.return %s : tensor<i64>
}

kernel.func @long_rows dims [affine_map<()[s0] -> (s0, 1037)>] layouts [#row] {
^bb0(%x: tensor<?x1037xf32>):
  %s = nn.reduce max, %x axes [1] : tensor<?x1037xf32>
  kernel.return %s : tensor<?xf32>
}

kernel.func @columns dims [affine_map<()[s0] -> (s0, 1037)>] layouts [#row] {
^bb0(%x: tensor<?x1037xf32>):
  %s = nn.reduce sum, %x axes [0] : tensor<?x1037xf32>
  kernel.return %s : tensor<1037xf32>
}

kernel.func @twice dims [affine_map<()[s0] -> (s0, 5)>] layouts [#row] {
^bb0(%x: tensor<?x5xf32>):
  %r = nn.reduce max, %x axes [1] : tensor<?x5xf32>
  %s = nn.reduce sum, %r axes [0] : tensor<?xf32>
  kernel.return %s : tensor<f32>
}

kernel.func @flags dims [affine_map<()[s0] -> (s0)>] layouts [#row] {
^bb0(%x: tensor<?xi1>):
  %s = nn.reduce max, %x axes [0] : tensor<?xi1>
  kernel.return %s : tensor<i1>
}
