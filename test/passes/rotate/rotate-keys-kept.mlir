// Keys that must not be rotated; a rotation before rope cannot get behind it.

// RUN: qopt-opt %s --split-input-file --qopt-rotate-keys --verify-diagnostics --remarks-filter="qopt.*" | FileCheck %s
// RUN: not qopt-opt %s --split-input-file --qopt-rotate-keys="required" 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: there is no Hadamard matrix of order 9

!h = tensor<?x1x?x8xf32>
!angles = tensor<1x?x4xf32>

// A pair around keys is no change, but only one half of it is behind rope: the
// other one stays before it.
// CHECK-LABEL: func @before_rope(
func.func @before_rope(%q: !h, %k: !h, %v: !h, %cos: !angles, %sin: !angles) -> !h {
  // CHECK: lowbit.hadamard %{{.*}} axis 3 orders [8] :
  // CHECK: %[[D:.*]] = lowbit.hadamard %{{.*}} axis 3 orders [8] transposed
  // CHECK: %[[R:.*]] = nn.rope %[[D]]
  // CHECK: lowbit.hadamard %[[R]] axis 3 orders [8] :
  %u = lowbit.hadamard %k axis 3 orders [8] : !h
  %d = lowbit.hadamard %u axis 3 orders [8] transposed : !h
  %r = nn.rope %d, %cos, %sin : !h, !angles, !angles
  %y = nn.attention %q, %r, %v scale 0.35 : !h, !h, !h -> !h
  return %y : !h
}

// -----

!h = tensor<?x1x?x9xf32>
// CHECK-LABEL: func @no_matrix(
func.func @no_matrix(%q: !h, %k: !h, %v: !h) -> !h {
  // expected-remark @+1 {{there is no Hadamard matrix of order 9}}
  %a = nn.attention %q, %k, %v scale 0.35 : !h, !h, !h -> !h
  return %a : !h
}

// -----

!h = tensor<?x1x?x8xf32>
!angles = tensor<1x?x4xf32>

// Somebody reads keys behind attention's back, in a basis that is not rotated,
// and turns them by rope.
// CHECK-LABEL: func @read_by_rope(
func.func @read_by_rope(%q: !h, %k: !h, %v: !h, %cos: !angles, %sin: !angles) -> (!h, !h) {
  // CHECK-NOT: lowbit.hadamard
  %n = nn.neg %k : !h
  %y = nn.attention %q, %n, %v scale 0.35 : !h, !h, !h -> !h
  // expected-remark @+1 {{a rotation does not commute with rope: it must come behind}}
  %r = nn.rope %n, %cos, %sin : !h, !angles, !angles
  return %y, %r : !h, !h
}
