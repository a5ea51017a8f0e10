// Layers whose codes data cannot choose, each with the reason it is given, and
// programs that cannot be calibrated.

// RUN: qopt-opt %s --split-input-file --qopt-gptq=data=random --verify-diagnostics \
// RUN:   --remarks-filter=qopt-gptq -o %t
// RUN: qopt-opt %S/gptq.mlir --qopt-gptq=optional --remarks-filter=qopt.* 2>&1 >%t | FileCheck %s
// RUN: qopt-opt %S/gptq.mlir | diff %t -
// CHECK: no calibration data: codes stay those of rounding to nearest
// RUN: not qopt-opt %S/gptq.mlir --qopt-gptq="data=random rank=2 rounds=-1" 2>&1 | FileCheck %s --check-prefix=ROUNDS
// ROUNDS: expects a number of rounds of at least 0, got -1

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
!k = tensor<8x8xi8>
!s = tensor<8xf32>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
#tern = #lowbit.scheme<ternary, bits = 2, per = tensor>

ml_program.global private @w(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @head(#ml_program.extern<!w>) : !w {nn.role = #nn.role<head>}
ml_program.global private @codes(dense<1> : !k) : !k
ml_program.global private @scales(dense<1.0> : !s) : !s

func.func @run(%x: !x, %kx: tensor<?x?x8xi8>, %sx: tensor<?x?xf32>) -> (!x, !x, !x, !x, !x, !x) {
  %w = ml_program.global_load @w : !w
  %head = ml_program.global_load @head : !w
  %codes = ml_program.global_load @codes : !k
  %scales = ml_program.global_load @scales : !s
  // expected-remark @+1 {{its codes are not made here from a weight}}
  %a = lowbit.linear %x, %codes scales %scales scheme #sym4 : !x, !k, !s -> !x
  %k1, %s1 = lowbit.quantize %w scheme #sym4 : !w -> !k, !s
  // expected-remark @+1 {{its input is not quantized here}}
  %b = lowbit.linear %kx scales %sx, %k1 scales %s1 scheme #sym4 : tensor<?x?x8xi8>, tensor<?x?xf32>, !k, !s -> !x
  %k2, %s2 = lowbit.quantize %w scheme #tern : !w -> !k, tensor<1xf32>
  // expected-remark @+1 {{ternary weights are trained, not fitted}}
  %c = lowbit.linear %x, %k2 scales %s2 scheme #tern : !x, !k, tensor<1xf32> -> !x
  %k3, %s3 = lowbit.quantize %w scheme #sym4 : !w -> !k, !s
  // expected-remark @+1 {{another layer reads its codes}}
  %d = lowbit.linear %x, %k3 scales %s3 scheme #sym4 : !x, !k, !s -> !x
  // expected-remark @+1 {{another layer reads its codes}}
  %e = lowbit.linear %x, %k3 scales %s3 scheme #sym4 : !x, !k, !s -> !x
  %k4, %s4 = lowbit.quantize %head scheme #sym4 : !w -> !k, !s
  // expected-remark @+1 {{it is the head}}
  %f = lowbit.linear %x, %k4 scales %s4 scheme #sym4 : !x, !k, !s -> !x
  return %a, %b, %c, %d, %e, %f : !x, !x, !x, !x, !x, !x
}

// -----

// expected-warning @-2 {{calibrated on random tokens}}
// expected-error @-3 {{calibration expects a language model: tokens 'input_ids' in, logits out, in a function 'run'}}

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
func.func @run(%words: tensor<?x?xi64>) -> !x {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w = ml_program.global_load @w : !w
  %x = nn.embedding %words, %table : tensor<?x?xi64>, tensor<16x8xf32>
  %k, %s = lowbit.quantize %w scheme #sym4 : !w -> tensor<8x8xi8>, tensor<8xf32>
  %y = lowbit.linear %x, %k scales %s scheme #sym4 : !x, tensor<8x8xi8>, tensor<8xf32> -> !x
  return %y : !x
}

// -----

// expected-warning @-2 {{calibrated on random tokens}}

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w(dense<0x7FC00000> : !w) : !w {nn.role = #nn.role<matrix>}
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (!x {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w = ml_program.global_load @w : !w
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  %k, %s = lowbit.quantize %w scheme #sym4 : !w -> tensor<8x8xi8>, tensor<8xf32>
  // expected-error @+1 {{the inputs or the weight of layer 'w' are not finite: its codes cannot be chosen}}
  %y = lowbit.linear %x, %k scales %s scheme #sym4 : !x, tensor<8x8xi8>, tensor<8xf32> -> !x
  return %y : !x
}

// -----

// expected-warning @-2 {{calibrated on random tokens}}

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (!x {nn.name = "logits"}, !x {nn.name = "more"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w = ml_program.global_load @w : !w
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  %k, %s = lowbit.quantize %w scheme #sym4 : !w -> tensor<8x8xi8>, tensor<8xf32>
  // expected-error @+1 {{is not part of what tokens become}}
  %y = lowbit.linear %x, %k scales %s scheme #sym4 : !x, tensor<8x8xi8>, tensor<8xf32> -> !x
  return %x, %y : !x, !x
}

// -----

// expected-warning @-2 {{calibrated on random tokens}}

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @v(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @row(#ml_program.extern<tensor<1x1x8xf32>>) : tensor<1x1x8xf32>
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (!x {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w = ml_program.global_load @w : !w
  %row = ml_program.global_load @row : tensor<1x1x8xf32>
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  %k, %s = lowbit.quantize %w scheme #sym4 : !w -> tensor<8x8xi8>, tensor<8xf32>
  // expected-error @+1 {{expects an input that depends on tokens}}
  %y = lowbit.linear %row, %k scales %s scheme #sym4 : tensor<1x1x8xf32>, tensor<8x8xi8>, tensor<8xf32> -> tensor<1x1x8xf32>
  %z = nn.add %x, %y : !x, tensor<1x1x8xf32>
  return %z : !x
}

// -----

// expected-warning @-2 {{calibrated on random tokens}}

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym4 = #lowbit.scheme<sym, bits = 4, per = channel>
ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @row(dense<1> : tensor<1x1x8xi8>) : tensor<1x1x8xi8>
ml_program.global private @size(dense<1.0> : tensor<1x1xf32>) : tensor<1x1xf32>
func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (!x {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w = ml_program.global_load @w : !w
  %row = ml_program.global_load @row : tensor<1x1x8xi8>
  %size = ml_program.global_load @size : tensor<1x1xf32>
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  %k, %s = lowbit.quantize %w scheme #sym4 : !w -> tensor<8x8xi8>, tensor<8xf32>
  %a = lowbit.linear %x, %k scales %s scheme #sym4 : !x, tensor<8x8xi8>, tensor<8xf32> -> !x
  %k2, %s2 = lowbit.quantize %w scheme #sym4 : !w -> tensor<8x8xi8>, tensor<8xf32>
  // expected-remark @+2 {{its input is not quantized here}}
  // expected-error @+1 {{expects an input that this program quantizes}}
  %y = lowbit.linear %row scales %size, %k2 scales %s2 scheme #sym4 : tensor<1x1x8xi8>, tensor<1x1xf32>, tensor<8x8xi8>, tensor<8xf32> -> tensor<1x1x8xf32>
  %z = nn.add %a, %y : !x, tensor<1x1x8xf32>
  return %z : !x
}
