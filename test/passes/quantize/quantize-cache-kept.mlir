// Keys and values that stay, each with its reason.

// RUN: qopt-opt %s --qopt-quantize-cache --verify-diagnostics --remarks-filter="qopt.*" | FileCheck %s
// RUN: not qopt-opt %s --qopt-quantize-cache=bits=1 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: error: expects 2 to 8 bits and a clip of 1 to 100 %, got 1 and 100
// A rotation cannot get between codes and past any more.
// RUN: qopt-opt %s --qopt-rotate-keys --qopt-rotate-values --remarks-filter="qopt.*" 2>&1 -o /dev/null | FileCheck %s --check-prefix=LATE
// LATE: qopt-rotate-keys | {{.*}}its past is rounded to codes: rotate before
// LATE: qopt-rotate-values | {{.*}}its past is rounded to codes: rotate before

!k = tensor<?x2x?x8xf32>

// CHECK-LABEL: func @no_past_kept(
func.func @no_past_kept(%q: !k, %k: !k, %past: !k) -> !k {
  // CHECK-NOT: lowbit.quantize
  %ka = nn.concat %past, %k axis 2 : !k, !k -> !k
  %n = nn.neg %ka : !k
  // expected-remark @+1 {{its keys or values do not grow a past}}
  %y = nn.attention %q, %n, %k scale 0.35 : !k, !k, !k -> !k
  return %y : !k
}

// CHECK-LABEL: func @codes_kept(
func.func @codes_kept(%q: !k, %k: !k, %past: !k) -> (!k, !k) {
  // CHECK-COUNT-1: lowbit.quantize
  // CHECK-NOT: lowbit.quantize
  %c, %s = lowbit.quantize %k scheme <sym, bits = 8, per = group, group = 8> : !k -> tensor<?x2x?x8xi8>, tensor<?x2x?x1xf32>
  %d = lowbit.dequantize %c, %s scheme <sym, bits = 8, per = group, group = 8> : tensor<?x2x?x8xi8>, tensor<?x2x?x1xf32> -> !k
  // expected-remark @+1 {{what is new is codes already}}
  %ka = nn.concat %past, %d axis 2 : !k, !k -> !k
  %y = nn.attention %q, %ka, %ka scale 0.35 : !k, !k, !k -> !k
  return %y, %ka : !k, !k
}

!h = tensor<?x2x?x?xf32>
// CHECK-LABEL: func @unknown_heads_kept(
func.func @unknown_heads_kept(%q: !h, %k: !h, %past: !h) -> !h {
  // CHECK-NOT: lowbit.quantize
  // expected-remark @+1 {{the size of its heads is not known}}
  %ka = nn.concat %past, %k axis 2 : !h, !h -> !h
  %y = nn.attention %q, %ka, %ka scale 0.35 : !h, !h, !h -> !h
  return %y : !h
}
