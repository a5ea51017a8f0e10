// Values that must not be rotated, each with the op that stops it.

// RUN: qopt-opt %s --split-input-file --qopt-rotate-values --verify-diagnostics --remarks-filter="qopt.*" -o %t
// RUN: not grep "hadamard" %t
// RUN: not qopt-opt %s --split-input-file --qopt-rotate-values="required" 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: a weight or bias is not a parameter
// ERROR: note: asked for by qopt-rotate-values here

!x = tensor<?x?x8xf32>
!h = tensor<?x1x?x8xf32>
ml_program.global private @wv(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>
ml_program.global private @wo(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>

// v would be rotated without its bias.
func.func @bias_given(%x: !x, %q: !h, %k: !h, %bv: tensor<8xf32>, %b: index, %t: index) -> !x {
  %wv = ml_program.global_load @wv : tensor<8x8xf32>
  %wo = ml_program.global_load @wo : tensor<8x8xf32>
  // expected-remark @+1 {{a weight or bias is not a parameter}}
  %vl = nn.linear %x, %wv bias %bv : !x, tensor<8x8xf32>, tensor<8xf32> -> !x
  %vh = nn.reshape %vl[%b, %t] : !x -> !h
  %a = nn.attention %q, %k, %vh scale 0.35 : !h, !h, !h -> !h
  %f = nn.reshape %a[%b, %t] : !h -> !x
  %o = nn.linear %f, %wo : !x, tensor<8x8xf32> -> !x
  return %o : !x
}

// -----

!x = tensor<?x?x8xf32>
!h = tensor<?x1x?x8xf32>
ml_program.global private @wv(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>
ml_program.global private @wo(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>
ml_program.global private @g(#ml_program.extern<tensor<8xf32>>) : tensor<8xf32>

// SubLN: a norm with a gain stands before o.
func.func @norm_before_o(%x: !x, %q: !h, %k: !h, %b: index, %t: index) -> !x {
  %wv = ml_program.global_load @wv : tensor<8x8xf32>
  %wo = ml_program.global_load @wo : tensor<8x8xf32>
  %g = ml_program.global_load @g : tensor<8xf32>
  %vl = nn.linear %x, %wv : !x, tensor<8x8xf32> -> !x
  %vh = nn.reshape %vl[%b, %t] : !x -> !h
  %a = nn.attention %q, %k, %vh scale 0.35 : !h, !h, !h -> !h
  %f = nn.reshape %a[%b, %t] : !h -> !x
  // expected-remark @+1 {{a gain does not commute with a rotation: fold it first}}
  %n = nn.rms_norm %f, %g eps 1.0e-6 : !x, tensor<8xf32>
  %o = nn.linear %n, %wo : !x, tensor<8x8xf32> -> !x
  return %o : !x
}

// -----

!x = tensor<?x?x8xf32>
!h = tensor<?x1x?x8xf32>
!f = tensor<?x?x24xf32>
ml_program.global private @qkv(#ml_program.extern<tensor<24x8xf32>>) : tensor<24x8xf32>
ml_program.global private @wo(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>

// Rows of v that something else reads too.
func.func @fused(%x: !x, %q: !h, %k: !h, %b: index, %t: index) -> (!x, !x) {
  %w = ml_program.global_load @qkv : tensor<24x8xf32>
  %wo = ml_program.global_load @wo : tensor<8x8xf32>
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %l = nn.linear %x, %w splits [8, 8, 8] : !x, tensor<24x8xf32> -> !f
  // expected-remark @+1 {{this op does not commute with a rotation}}
  %vl = nn.slice %l axis 2 from %c16 : !f -> !x
  %vh = nn.reshape %vl[%b, %t] : !x -> !h
  %a = nn.attention %q, %k, %vh scale 0.35 : !h, !h, !h -> !h
  %f = nn.reshape %a[%b, %t] : !h -> !x
  %o = nn.linear %f, %wo : !x, tensor<8x8xf32> -> !x
  %other = nn.slice %l axis 2 from %c12 : !f -> !x
  return %o, %other : !x, !x
}

// -----

!x = tensor<?x?x8xf32>
!h = tensor<?x1x?x8xf32>
!f = tensor<?x?x8xf32>
ml_program.global private @v(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>
ml_program.global private @wo(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>

func.func @splits(%x: !x, %q: !h, %k: !h, %b: index, %t: index) -> !x {
  %w = ml_program.global_load @v : tensor<8x8xf32>
  %wo = ml_program.global_load @wo : tensor<8x8xf32>
  // expected-remark @+1 {{a fused matrix is not rotated in parts}}
  %vl = nn.linear %x, %w splits [4, 4] : !x, tensor<8x8xf32> -> !x
  %vh = nn.reshape %vl[%b, %t] : !x -> !h
  %a = nn.attention %q, %k, %vh scale 0.35 : !h, !h, !h -> !h
  %f = nn.reshape %a[%b, %t] : !h -> !x
  %o = nn.linear %f, %wo : !x, tensor<8x8xf32> -> !x
  return %o : !x
}

// -----

!h = tensor<?x1x?x9xf32>
func.func @no_matrix(%q: !h, %k: !h, %v: !h) -> !h {
  // expected-remark @+1 {{there is no Hadamard matrix of order 9}}
  %a = nn.attention %q, %k, %v scale 0.35 : !h, !h, !h -> !h
  return %a : !h
}
