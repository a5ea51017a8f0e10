// Gains begin with the sizes of inputs as they are without the norms.

// RUN: qopt-opt %s --qopt-insert-missing-norm="data=random samples=4 seq=16" | FileCheck %s
// RUN: qopt-opt %s --qopt-insert-missing-norm | FileCheck %s --check-prefix=ONES
// ONES: @w1.gain(dense<1.000000e+00> : tensor<8xf32>)
// ONES: @w2.gain(dense<1.000000e+00> : tensor<8xf32>)
// RUN: sed -e "s/dense<0.25>/dense<0.0>/" %s > %t.zero
// RUN: not qopt-opt %t.zero --qopt-insert-missing-norm="data=random samples=4 seq=16" 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: expects inputs with a size to begin the gain of its norm with, got 0.0
// RUN: sed -e "s/@run/@other/" %s > %t.other
// RUN: not qopt-opt %t.other --qopt-insert-missing-norm="data=random samples=4 seq=16" 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: calibration expects a language model
// RUN: not qopt-opt %s --qopt-insert-missing-norm="data=%t.none samples=4 seq=16" 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: cannot read the token ids in

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>

ml_program.global private @table(dense<0.25> : tensor<16x8xf32>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
// CHECK: @w1.gain(dense<2.500000e-01> : tensor<8xf32>)
ml_program.global private @w1(dense<0.5> : !w) : !w {nn.role = #nn.role<matrix>}
// 8 x 0.25 x 0.5 = 1, silu(1) = 0.7311.
// CHECK: @w2.gain(dense<0.73105{{.*}}> : tensor<8xf32>)
ml_program.global private @w2(dense<0.5> : !w) : !w {nn.role = #nn.role<matrix>}
// CHECK-NOT: @head.gain
ml_program.global private @head(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<head>}

// CHECK-LABEL: func @run(
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (tensor<?x?x16xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w1 = ml_program.global_load @w1 : !w
  %w2 = ml_program.global_load @w2 : !w
  %head = ml_program.global_load @head : tensor<16x8xf32>
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  // CHECK: nn.rms_norm {{.*}} {nn.gradual}
  %y = nn.linear %x, %w1 : !x, !w -> !x
  %h = nn.silu %y : !x
  // CHECK: nn.rms_norm {{.*}} {nn.gradual}
  %z = nn.linear %h, %w2 : !x, !w -> !x
  %n = nn.rms_norm %z eps 1.0e-6 : !x
  %logits = nn.linear %n, %head : !x, tensor<16x8xf32> -> tensor<?x?x16xf32>
  return %logits : tensor<?x?x16xf32>
}
