// Every adapter that is not active has a weight for each slot, with its chain and
// its layout.

// RUN: qopt-opt %s --qopt-outline-adapters -o %t
// RUN: FileCheck %s --input-file=%t
// The active one is still what the program computes with.
// RUN: qopt-interpret %s --compare=%t --tolerance=0
// RUN: sed 's/dense<1.000000e+00>/dense<1.5>/' %t > %t.other
// RUN: not qopt-interpret %s --compare=%t.other --tolerance=0

ml_program.global private @q.lora_A.weight(dense<1.0> : tensor<2x8xf32>) : tensor<2x8xf32> {lowbit.module = "q", lowbit.scale = 2.0 : f64}
ml_program.global private @"b/q.lora_A.weight"(dense<2.0> : tensor<2x8xf32>) : tensor<2x8xf32> {lowbit.adapter = "b", lowbit.slot = @q.lora_A.weight}
ml_program.global private @v.lora_A.weight(dense<1.0> : tensor<2x8xf32>) : tensor<2x8xf32> {lowbit.module = "v", lowbit.scale = 2.0 : f64}
ml_program.global private @"b/v.lora_A.weight"(dense<2.0> : tensor<2x8xf32>) : tensor<2x8xf32> {lowbit.adapter = "b", lowbit.slot = @v.lora_A.weight}

// A factor that goes in as it is.
// CHECK: kernel.weight @plain layout <panel = 16> {
// CHECK: lowbit.plain, lowbit.slot = @q.lora_A.weight
// CHECK: kernel.weight @"b/q.lora_A.weight.packed" layout <panel = 16> offset 1088 {
// CHECK-NEXT: load @"b/q.lora_A.weight"
// CHECK: lowbit.adapter = "b", lowbit.plain, lowbit.slot = @plain
kernel.weight @plain layout <panel = 16> {
  %a = ml_program.global_load @q.lora_A.weight : tensor<2x8xf32>
  kernel.return %a : tensor<2x8xf32>
}

// One that was rotated: the other is rotated, too.
// CHECK: kernel.weight @turned layout <panel = 0> offset 1024 {
// CHECK-NOT: lowbit.plain
// CHECK: lowbit.slot = @v.lora_A.weight
// CHECK: kernel.weight @"b/v.lora_A.weight.packed" layout <panel = 0> offset 1600 {
// CHECK-NEXT: load @"b/v.lora_A.weight"
// CHECK-NEXT: lowbit.hadamard
// CHECK-NOT: lowbit.plain
// CHECK: lowbit.adapter = "b", lowbit.slot = @turned
kernel.weight @turned layout <panel = 0> offset 1024 {
  %a = ml_program.global_load @v.lora_A.weight : tensor<2x8xf32>
  %h = lowbit.hadamard %a axis 1 orders [8] : tensor<2x8xf32>
  kernel.return %h : tensor<2x8xf32>
}

func.func @run(%x: tensor<?x8xf32> {nn.dims = affine_map<()[s0] -> (s0, 8)>}) -> (tensor<?x2xf32>, tensor<?x2xf32>)
    attributes {nn.symbols = ["rows"]} {
  %q = kernel.load @plain : tensor<2x8xf32>
  %v = kernel.load @turned : tensor<2x8xf32>
  %a = nn.linear %x, %q : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x2xf32>
  %b = nn.linear %x, %v : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x2xf32>
  return %a, %b : tensor<?x2xf32>, tensor<?x2xf32>
}
