// Keys and values that grow a past are rounded to codes, one scale for each
// position and head; the past is what the caller gives.

// RUN: qopt-opt %s --qopt-quantize-cache=bits=4 -o %t
// RUN: FileCheck %s --input-file=%t
// The same, with what is new fake-quantized.
// RUN: sed -e "s|// ; ||" -e "s/%%past_k, %%k/%%past_k, %%fk/" -e "s/%%past_v, %%v/%%past_v, %%fv/" %s > %t.meant
// RUN: qopt-interpret %t.meant --compare=%t --tolerance=0

!k = tensor<?x2x?x8xf32>
!q = tensor<?x4x?x8xf32>
#now = affine_map<()[s0, s1, s2] -> (s0, 2, s1, 8)>
#past = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 8)>

// CHECK-LABEL: func @grown(
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x?x8xf32> {{.*}}, %[[K:[a-z0-9]*]]: tensor<?x2x?x8xf32> {{.*}}, %[[V:[a-z0-9]*]]: tensor<?x2x?x8xf32> {{.*}}, %[[PK:[a-z0-9]*]]: tensor<?x2x?x8xf32> {{.*}}, %[[PV:[a-z0-9]*]]: tensor<?x2x?x8xf32>
func.func @grown(%q: !q {nn.dims = affine_map<()[s0, s1, s2] -> (s0, 4, s1, 8)>}, %k: !k {nn.dims = #now}, %v: !k {nn.dims = #now},
                 %past_k: !k {nn.dims = #past}, %past_v: !k {nn.dims = #past}) -> (!q, !k, !k)
    attributes {nn.symbols = ["batch", "seq", "past"]} {
  // ; %fk = lowbit.fake_quantize %k scheme <sym, bits = 4, per = group, group = 8> : !k
  // ; %fv = lowbit.fake_quantize %v scheme <sym, bits = 4, per = group, group = 8> : !k
  // CHECK: %[[KC:.*]], %[[KS:.*]] = lowbit.quantize %[[K]] scheme <sym, bits = 4, per = group, group = 8> : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xi8>, tensor<?x2x?x1xf32>
  // CHECK: %[[KD:.*]] = lowbit.dequantize %[[KC]], %[[KS]]
  // CHECK: %[[KA:.*]] = nn.concat %[[PK]], %[[KD]] axis 2
  %ka = nn.concat %past_k, %k axis 2 : !k, !k -> !k
  // CHECK: %[[VC:.*]], %[[VS:.*]] = lowbit.quantize %[[V]]
  // CHECK: %[[VD:.*]] = lowbit.dequantize %[[VC]], %[[VS]]
  // CHECK: %[[VA:.*]] = nn.concat %[[PV]], %[[VD]] axis 2
  %va = nn.concat %past_v, %v axis 2 : !k, !k -> !k
  // CHECK: nn.attention %[[Q]], %[[KA]], %[[VA]]
  %y = nn.attention %q, %ka, %va causal scale 0.35 : !q, !k, !k -> !q
  return %y, %ka, %va : !q, !k, !k
}
