// Branches that correct a quantized weight are no slots: nothing is put there.

// RUN: qopt-opt %s --qopt-outline-adapters | FileCheck %s

ml_program.global private @q.lora_A.weight(dense<1.0> : tensor<2x8xf32>) : tensor<2x8xf32> {nn.role = #nn.role<adapter>}

// CHECK: kernel.weight @kept layout <panel = 16> {
// CHECK-NOT: lowbit.slot
// CHECK-NOT: kernel.weight
kernel.weight @kept layout <panel = 16> {
  %a = ml_program.global_load @q.lora_A.weight : tensor<2x8xf32>
  kernel.return %a : tensor<2x8xf32>
}
