// A branch beside a rotated weight is in a basis of its own: adapters from
// outside, which are made for the file's, may not take its place.
// RUN: qopt-opt %s --qopt-attach-lora | FileCheck %s
// RUN: sed '/lowbit.hadamard/d; s/.turned/%%w/' %s | qopt-opt --qopt-attach-lora | FileCheck %s --check-prefix=PLAIN

// CHECK-NOT: lowbit.adapters
// CHECK: @w.lora_A.weight({{.*}} : tensor<8x8xf32> {nn.role = #nn.role<adapter>}
// PLAIN: module attributes {lowbit.adapters = ["lora"]}
// PLAIN: @w.lora_A.weight({{.*}} : tensor<8x8xf32> {lowbit.module = "w"
ml_program.global private @w(dense<0.5> : tensor<8x8xf32>) : tensor<8x8xf32> {nn.role = #nn.role<matrix>}
func.func @run(%x: tensor<?x8xf32> {nn.name = "x"}) -> (tensor<?x8xf32> {nn.name = "y"}) {
  %w = ml_program.global_load @w : tensor<8x8xf32>
  %turned = lowbit.hadamard %w axis 1 orders [8] : tensor<8x8xf32>
  %y = nn.linear %x, %turned : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
