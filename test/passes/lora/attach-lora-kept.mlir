// Layers that get no branch, each with the reason it is given.

// RUN: qopt-opt %s --split-input-file --qopt-attach-lora=init=svd --verify-diagnostics \
// RUN:   --remarks-filter=qopt.* -o %t
// RUN: not qopt-opt %S/attach-lora.mlir --qopt-attach-lora=targets=nothing 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: no linear layer matches 'nothing'
// RUN: not qopt-opt %S/attach-lora.mlir --qopt-attach-lora=rank=0 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: expects a rank of at least 1
// RUN: not qopt-opt %S/attach-lora.mlir --qopt-attach-lora=factors=i8 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: expects factors in f32, f16 or bf16, got 'i8'
// alpha / rank is taken out of B: a scale near 0 makes it large.
// RUN: not qopt-opt %S/attach-lora.mlir --qopt-attach-lora="init=svd alpha=1e-7 factors=f16" 2>&1 | FileCheck %s --check-prefix=LARGE
// LARGE: a factor of layer 'w1' is {{.*}}, too large for 'f16': store factors in f32
// RUN: not qopt-opt %S/attach-lora.mlir --qopt-attach-lora=init=qera 2>&1 | FileCheck %s --check-prefix=DATA
// DATA: init=qera needs calibration data: --calib FILE, or the option data=FILE.npy

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
!k = tensor<8x8xi8>
!s = tensor<8xf32>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>

ml_program.global private @w(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @head(#ml_program.extern<!w>) : !w {nn.role = #nn.role<head>}
ml_program.global private @a(#ml_program.extern<!w>) : !w {nn.role = #nn.role<adapter>}

func.func @run(%x: !x, %kx: tensor<?x?x8xi8>, %sx: tensor<?x?xf32>) -> (!x, !x, !x, !x) {
  %w = ml_program.global_load @w : !w
  %head = ml_program.global_load @head : !w
  %la = ml_program.global_load @a : !w
  %k, %s = lowbit.quantize %w scheme #sym4 : !w -> !k, !s
  // expected-remark @+1 {{the head gets no branch}}
  %a = nn.linear %x, %head : !x, !w -> !x
  // expected-remark @+1 {{it has a branch}}
  %b = lowbit.linear %x, %k scales %s scheme #sym4 : !x, !k, !s -> !x
  %c = lowbit.lora_linear %x, %la, %la scale 1.0 onto %b : !x, !w, !w, !x
  // expected-remark @+1 {{its weight or its input is not made here}}
  %d = lowbit.linear %kx scales %sx, %k scales %s scheme #sym4 : tensor<?x?x8xi8>, tensor<?x?xf32>, !k, !s -> !x
  // expected-remark @+1 {{its weight is exact: there is nothing to correct}}
  %e = nn.linear %x, %w : !x, !w -> !x
  return %a, %c, %d, %e : !x, !x, !x, !x
}

// -----

!x = tensor<?x?x8xf32>
!k = tensor<8x8xi8>
!s = tensor<8xf32>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
ml_program.global private @codes(dense<1> : !k) : !k {nn.role = #nn.role<matrix>}
ml_program.global private @scales(dense<1.0> : !s) : !s
func.func @run(%x: !x) -> !x {
  %k = ml_program.global_load @codes : !k
  %s = ml_program.global_load @scales : !s
  // expected-error @+1 {{layer 'codes' has codes whose weight is gone: give qopt-gptq the rank, or attach with init=zero}}
  %y = lowbit.linear %x, %k scales %s scheme #sym4 : !x, !k, !s -> !x
  return %y : !x
}
