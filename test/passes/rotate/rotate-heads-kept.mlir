// Heads that stay apart: nine and fourteen of them have no matrix.

// RUN: qopt-opt %s --split-input-file --qopt-rotate-heads --verify-diagnostics --remarks-filter="qopt.*" -o %t
// RUN: not grep "hadamard" %t
// RUN: not qopt-opt %s --split-input-file --qopt-rotate-heads="required" 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: there is no Hadamard matrix of order 9

!h = tensor<?x9x?x8xf32>
!k = tensor<?x3x?x8xf32>
func.func @nine(%q: !h, %k: !k, %v: !k) -> tensor<?x?x9x8xf32> {
  // expected-remark @+1 {{there is no Hadamard matrix of order 9}}
  %a = nn.attention %q, %k, %v scale 0.35 : !h, !k, !k -> !h
  %t = nn.transpose %a [0, 2, 1, 3] : !h
  return %t : tensor<?x?x9x8xf32>
}

// -----

!h = tensor<?x14x?x8xf32>
func.func @fourteen(%q: !h, %k: !h, %v: !h) -> tensor<?x?x14x8xf32> {
  // expected-remark @+1 {{there is no Hadamard matrix of order 14}}
  %a = nn.attention %q, %k, %v scale 0.35 : !h, !h, !h -> !h
  %t = nn.transpose %a [0, 2, 1, 3] : !h
  return %t : tensor<?x?x14x8xf32>
}

// -----

!h = tensor<?x4x?x8xf32>
func.func @not_joined(%q: !h, %k: !h, %v: !h) -> !h {
  // expected-remark @+1 {{its heads are not joined as rows}}
  %a = nn.attention %q, %k, %v scale 0.35 : !h, !h, !h -> !h
  return %a : !h
}

// -----

!h = tensor<?x4x?x8xf32>
func.func @returned(%q: !h, %k: !h, %v: !h) -> tensor<?x?x4x8xf32> {
  %a = nn.attention %q, %k, %v scale 0.35 : !h, !h, !h -> !h
  %t = nn.transpose %a [0, 2, 1, 3] : !h
  // expected-remark @+1 {{the value is returned as it is}}
  return %t : tensor<?x?x4x8xf32>
}
