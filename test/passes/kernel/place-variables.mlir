// Variables get offsets, those that begin with zeros behind the others, and
// are stored by the launches that write them; caches are not among them.

// RUN: qopt-opt %s --qopt-outline-kernels --qopt-place-variables --qopt-plan-memory | FileCheck %s
// RUN: qopt-opt %s --qopt-outline-kernels --qopt-place-variables --qopt-plan-memory -o %t.mlir
// RUN: qopt-interpret %s --compare %t.mlir

// CHECK-DAG: mutable @count(dense<0> : tensor<i64>) : tensor<i64> {kernel.offset = 128 : i64}
// CHECK-DAG: mutable @sum(dense<0.000000e+00> : tensor<17xf32>) : tensor<17xf32> {kernel.offset = 192 : i64}
// CHECK-DAG: mutable @w(dense<1.000000e+00> : tensor<17xf32>) : tensor<17xf32> {kernel.offset = 0 : i64}
// CHECK-DAG: mutable @cache : tensor<?x2x?x8xf32>{{$}}
// CHECK-DAG: global private @frozen(dense<2.000000e+00> : tensor<17xf32>) : tensor<17xf32>{{$}}
ml_program.global private mutable @count(dense<0> : tensor<i64>) : tensor<i64>
ml_program.global private mutable @sum(dense<0.0> : tensor<17xf32>) : tensor<17xf32>
ml_program.global private mutable @w(dense<1.0> : tensor<17xf32>) : tensor<17xf32>
ml_program.global private mutable @cache : tensor<?x2x?x8xf32>
ml_program.global private @frozen(dense<2.0> : tensor<17xf32>) : tensor<17xf32>

// What the launch gives lies in no slot.
// CHECK-LABEL: func.func @accumulate
// CHECK:         %[[NEW:.*]] = kernel.launch @add_0(%{{.*}}, %{{.*}}) {{.*}} slots [-1]
// CHECK:         ml_program.global_store @sum = %[[NEW]]
func.func @accumulate(%g: tensor<17xf32> {nn.dims = affine_map<() -> (17)>}) -> tensor<17xf32>
    attributes {nn.symbols = []} {
  %before = ml_program.global_load @sum : tensor<17xf32>
  %after = nn.add %before, %g : tensor<17xf32>, tensor<17xf32>
  ml_program.global_store @sum = %after : tensor<17xf32>
  %w = ml_program.global_load @w : tensor<17xf32>
  %y = nn.mul %w, %g : tensor<17xf32>, tensor<17xf32>
  return %y : tensor<17xf32>
}

// A constant, an argument, and what is also an output are copied.
// CHECK-LABEL: func.func @copies
// CHECK:         kernel.launch @broadcast_
// CHECK:         kernel.launch @broadcast_
// CHECK:         kernel.launch @neg_0({{.*}} slots [-1]
// CHECK:         kernel.launch @broadcast_{{.*}} slots [-1]
func.func @copies(%g: tensor<17xf32> {nn.dims = affine_map<() -> (17)>}) -> tensor<17xf32>
    attributes {nn.symbols = []} {
  %zero = arith.constant dense<0.0> : tensor<17xf32>
  ml_program.global_store @sum = %zero : tensor<17xf32>
  ml_program.global_store @w = %g : tensor<17xf32>
  %y = nn.neg %g : tensor<17xf32>
  ml_program.global_store @w = %y : tensor<17xf32>
  return %y : tensor<17xf32>
}
