// A linear takes the residual behind it along; views move into their reader or
// are a kernel of their own before an anchor; equal layers share a kernel.

// RUN: qopt-opt %s --qopt-outline-weights --qopt-outline-kernels \
// RUN:   --qopt-plan-memory -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

// CHECK-LABEL: kernel.weight @w.packed layout <panel = 16>
// CHECK:         nn.transpose
// A tied head: the embedding lies as the linear reads it.
// CHECK:       kernel.weight @embed.packed layout <panel = 16> offset
// CHECK:       kernel.func @linear_0
// CHECK:         nn.linear
// CHECK-NEXT:    nn.add
// CHECK-NEXT:    kernel.return
// CHECK-NOT:   kernel.func @linear_2

ml_program.global private @w(dense<1.0> : tensor<8x8xf32>) : tensor<8x8xf32>
ml_program.global private @embed(dense<1.0> : tensor<32x8xf32>) : tensor<32x8xf32>

// CHECK-LABEL: func.func @run
func.func @run(%x: tensor<?x?x8xf32> {nn.name = "x", nn.dims = affine_map<()[s0, s1] -> (s0, s1, 8)>})
    -> (tensor<?x?x32xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %w = ml_program.global_load @w : tensor<8x8xf32>
  %wt = nn.transpose %w [1, 0] : tensor<8x8xf32>
  %e = ml_program.global_load @embed : tensor<32x8xf32>
  // CHECK: kernel.launch @linear_0({{.*}}) symbols #{{.*}} slots [0]
  %a = nn.linear %x, %wt : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %r = nn.add %x, %a : tensor<?x?x8xf32>, tensor<?x?x8xf32>
  // CHECK: kernel.launch @linear_0({{.*}}) symbols #{{.*}} slots [1]
  %b = nn.linear %r, %wt : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %s = nn.add %r, %b : tensor<?x?x8xf32>, tensor<?x?x8xf32>
  // CHECK: kernel.launch @linear_1({{.*}}) symbols #{{.*}} slots [-1]
  %y = nn.linear %s, %e : tensor<?x?x8xf32>, tensor<32x8xf32> -> tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}
