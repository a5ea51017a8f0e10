// What cannot be copied, and what is not shared.

// RUN: qopt-opt %s --qopt-untie --verify-diagnostics --remarks-filter="qopt.*" | FileCheck %s

!t = tensor<4x3xf32>
!x = tensor<?x3xf32>

ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @head(dense<1.0> : !t) : !t

// CHECK-LABEL: func @no_value_kept(
func.func @no_value_kept(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  // CHECK: ml_program.global_load @table
  // CHECK-NOT: ml_program.global_load
  %t = ml_program.global_load @table : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{the table has no value to copy}}
  %y = nn.linear %x, %t : !x, !t -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func @own_head_kept(
func.func @own_head_kept(%x: !x) -> tensor<?x4xf32> {
  // CHECK: ml_program.global_load @head
  %t = ml_program.global_load @head : !t
  %y = nn.linear %x, %t : !x, !t -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
