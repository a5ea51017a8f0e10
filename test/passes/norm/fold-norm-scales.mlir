// Gains move into the columns of the weights that read the norm.

// RUN: qopt-opt %s --qopt-fold-norm-scales -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12
// A half precision weight is widened first: it is rounded once more, not twice.
// RUN: qopt-interpret %s --compare=%t --tolerance=1e-2

!x = tensor<?x?x4xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x4xf32>
!g = tensor<4xf32>

ml_program.global private @g(#ml_program.extern<!g>) : !g
ml_program.global private @s(dense<3.0> : tensor<1xf32>) : tensor<1xf32>
ml_program.global private @wq(#ml_program.extern<!w>) : !w
ml_program.global private @wk(#ml_program.extern<!w>) : !w
ml_program.global private @a(#ml_program.extern<tensor<2x4xf32>>) : tensor<2x4xf32>
ml_program.global private @b(#ml_program.extern<tensor<6x2xf32>>) : tensor<6x2xf32>
ml_program.global private @half(#ml_program.extern<tensor<6x4xf16>>) : tensor<6x4xf16>
ml_program.global private @halfgain(#ml_program.extern<tensor<4xf16>>) : tensor<4xf16>

// CHECK-LABEL: func @shared(
func.func @shared(%x: !x) -> (!y, !y) {
  %g = ml_program.global_load @g : !g
  // CHECK: %[[N:.*]] = nn.rms_norm %{{.*}} eps {{[^,]*}} : tensor<?x?x4xf32>
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, !g
  %wq = ml_program.global_load @wq : !w
  %wk = ml_program.global_load @wk : !w
  // CHECK: %[[Q:.*]] = nn.mul %wq, %g
  // CHECK: nn.linear %[[N]], %[[Q]]
  %q = nn.linear %n, %wq : !x, !w -> !y
  // CHECK: %[[K:.*]] = nn.mul %wk, %g
  // CHECK: nn.linear %[[N]], %[[K]]
  %k = nn.linear %n, %wk : !x, !w -> !y
  return %q, %k : !y, !y
}

// CHECK-LABEL: func @scalar_and_branch(
func.func @scalar_and_branch(%x: !x) -> !y {
  %s = ml_program.global_load @s : tensor<1xf32>
  %n = nn.rms_norm %x, %s eps 1.0e-6 : !x, tensor<1xf32>
  %w = ml_program.global_load @wq : !w
  %a = ml_program.global_load @a : tensor<2x4xf32>
  %b = ml_program.global_load @b : tensor<6x2xf32>
  %y = nn.linear %n, %w : !x, !w -> !y
  // CHECK: %[[A:.*]] = nn.mul %a, %s
  // CHECK: lowbit.lora_linear %{{.*}}, %[[A]], %b
  %z = lowbit.lora_linear %n, %a, %b scale 0.5 onto %y : !x, tensor<2x4xf32>, tensor<6x2xf32>, !y
  return %z : !y
}

// CHECK-LABEL: func @narrow(
func.func @narrow(%x: tensor<?x4xf16>) -> tensor<?x6xf16> {
  %g = ml_program.global_load @halfgain : tensor<4xf16>
  %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<?x4xf16>, tensor<4xf16>
  %w = ml_program.global_load @half : tensor<6x4xf16>
  // CHECK: %[[W:.*]] = nn.cast %half : tensor<6x4xf16> -> tensor<6x4xf32>
  // CHECK: %[[P:.*]] = nn.mul %[[W]]
  // CHECK: nn.cast %[[P]] : tensor<6x4xf32> -> tensor<6x4xf16>
  %y = nn.linear %n, %w : tensor<?x4xf16>, tensor<6x4xf16> -> tensor<?x6xf16>
  return %y : tensor<?x6xf16>
}
