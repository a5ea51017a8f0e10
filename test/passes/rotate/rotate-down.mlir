// What gate and up multiply to is rotated online, and the columns of down.

// RUN: qopt-opt %s --qopt-rotate-down -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12
// RUN: qopt-interpret %s --compare=%t --tolerance=1e-5

!x = tensor<?x?x4xf32>
!h = tensor<?x?x24xf32>
!up = tensor<24x4xf32>
!down = tensor<4x24xf32>

ml_program.global private @gate(#ml_program.extern<!up>) : !up
ml_program.global private @up(#ml_program.extern<!up>) : !up
ml_program.global private @down(#ml_program.extern<!down>) : !down
ml_program.global private @a(#ml_program.extern<tensor<2x24xf32>>) : tensor<2x24xf32>
ml_program.global private @b(#ml_program.extern<tensor<4x2xf32>>) : tensor<4x2xf32>

// CHECK-LABEL: func @gated(
func.func @gated(%x: !x) -> !x {
  %wg = ml_program.global_load @gate : !up
  %wu = ml_program.global_load @up : !up
  %wd = ml_program.global_load @down : !down
  %a = ml_program.global_load @a : tensor<2x24xf32>
  %b = ml_program.global_load @b : tensor<4x2xf32>
  %g = nn.linear %x, %wg : !x, !up -> !h
  %u = nn.linear %x, %wu : !x, !up -> !h
  // CHECK: %[[H:.*]] = nn.swiglu
  // CHECK: %[[R:.*]] = lowbit.hadamard %[[H]] axis 2 orders [12, 2] : tensor<?x?x24xf32>
  %h = nn.swiglu %g, %u : !h
  // CHECK: %[[W:.*]] = lowbit.hadamard %down axis 1 orders [12, 2] : tensor<4x24xf32>
  // CHECK: %[[Y:.*]] = nn.linear %[[R]], %[[W]]
  %y = nn.linear %h, %wd : !h, !down -> !x
  // All that read it take it back.
  // CHECK: %[[A:.*]] = lowbit.hadamard %a axis 1 orders [12, 2] : tensor<2x24xf32>
  // CHECK: lowbit.lora_linear %[[R]], %[[A]], %{{.*}} onto %[[Y]]
  %z = lowbit.lora_linear %h, %a, %b scale 2.0 onto %y : !h, tensor<2x24xf32>, tensor<4x2xf32>, !x
  return %z : !x
}
