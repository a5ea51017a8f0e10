// Each parameter begins as its role says; what writes to the residual stream is
// smaller.

// RUN: qopt-opt %s --qopt-init-parameters="seed=7" -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// Another seed, other numbers; again, the same.
// RUN: qopt-opt %s --qopt-init-parameters="seed=8" -o %t.8.mlir
// RUN: not qopt-interpret %t.mlir --compare=%t.8.mlir --tolerance=0.1
// RUN: qopt-opt %t.8.mlir --qopt-init-parameters="seed=7" -o %t.again.mlir
// RUN: qopt-interpret %t.mlir --compare=%t.again.mlir --tolerance=0
// RUN: qopt-opt %s --qopt-init-parameters="deviation=0.5" | FileCheck %s --check-prefix=WIDE
// RUN: qopt-opt %s --qopt-init-parameters --remarks-filter=qopt.* -o %t 2>&1 | FileCheck %s --check-prefix=REMARK
// REMARK: begun {{.*}} Remark="with numbers of deviation ", Remark=0.020000

!x = tensor<?x?x4xf32>
!h = tensor<?x?x6xf32>

// CHECK: @table(#nn.random<"table", seed = 7, deviation = 2.000000e-02> : tensor<5x4xf32>)
// WIDE: @table(#nn.random<"table", seed = 0, deviation = 5.000000e-01> : tensor<5x4xf32>)
ml_program.global private @table(dense<3.0> : tensor<5x4xf32>) : tensor<5x4xf32> {nn.role = #nn.role<embedding>}
// CHECK: @norm(dense<1.000000e+00> : tensor<4xf32>)
ml_program.global private @norm(dense<3.0> : tensor<4xf32>) : tensor<4xf32> {nn.role = #nn.role<norm>}
// CHECK: @offset(dense<0.000000e+00> : tensor<4xf32>)
ml_program.global private @offset(dense<3.0> : tensor<4xf32>) : tensor<4xf32>
// CHECK: @up(#nn.random<"up", seed = 7, deviation = 2.000000e-02> : tensor<6x4xf16>)
ml_program.global private @up(dense<3.0> : tensor<6x4xf16>) : tensor<6x4xf16> {nn.role = #nn.role<matrix>}
// CHECK: @bias(dense<0.000000e+00> : tensor<6xf32>)
ml_program.global private @bias(dense<3.0> : tensor<6xf32>) : tensor<6xf32> {nn.role = #nn.role<bias>}
// Two that are added to the stream: 0.02 / sqrt(2).
// CHECK: @down(#nn.random<"down", seed = 7, deviation = 0.0141421356237309{{[0-9]*}}> : tensor<6x4xf32>)
ml_program.global private @down(dense<3.0> : tensor<6x4xf32>) : tensor<6x4xf32> {nn.role = #nn.role<matrix>}
// CHECK: @second(#nn.random<"second", seed = 7, deviation = 0.0141421356237309{{[0-9]*}}> : tensor<4x4xf32>)
ml_program.global private @second(dense<3.0> : tensor<4x4xf32>) : tensor<4x4xf32> {nn.role = #nn.role<matrix>}

func.func @model(%ids: tensor<?x?xi64>) -> tensor<?x?x5xf32> {
  %table = ml_program.global_load @table : tensor<5x4xf32>
  %x = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<5x4xf32>
  %g = ml_program.global_load @norm : tensor<4xf32>
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, tensor<4xf32>
  %narrow = ml_program.global_load @up : tensor<6x4xf16>
  %up = nn.cast %narrow : tensor<6x4xf16> -> tensor<6x4xf32>
  %bias = ml_program.global_load @bias : tensor<6xf32>
  %h = nn.linear %n, %up bias %bias : !x, tensor<6x4xf32>, tensor<6xf32> -> !h
  // As exporters store it: [C, N].
  %stored = ml_program.global_load @down : tensor<6x4xf32>
  %down = nn.transpose %stored [1, 0] : tensor<6x4xf32>
  %y = nn.linear %h, %down : !h, tensor<4x6xf32> -> !x
  %sum = nn.add %x, %y : !x, !x
  %w = ml_program.global_load @offset : tensor<4xf32>
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %shifted = nn.add %one, %w : tensor<4xf32>, tensor<4xf32>
  %m = nn.rms_norm %sum, %shifted eps 1.0e-6 : !x, tensor<4xf32>
  %second = ml_program.global_load @second : tensor<4x4xf32>
  %z = nn.linear %m, %second : !x, tensor<4x4xf32> -> !x
  %end = nn.add %z, %sum : !x, !x
  %head = ml_program.global_load @table : tensor<5x4xf32>
  %logits = nn.linear %end, %head : !x, tensor<5x4xf32> -> tensor<?x?x5xf32>
  return %logits : tensor<?x?x5xf32>
}
