// Values of two key heads that four query heads share, with a bias: rotated in
// the rows of v and the columns of o; the past that is given and returned keeps
// its basis.

// RUN: qopt-opt %s --qopt-rotate-values="seed=3" --canonicalize -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12
// RUN: qopt-interpret %s --compare=%t --tolerance=1e-5

!x = tensor<?x?x16xf32>
!q = tensor<?x4x?x8xf32>
!k = tensor<?x2x?x8xf32>
!angles = tensor<1x?x4xf32>

ml_program.global private @wq(#ml_program.extern<tensor<32x16xf32>>) : tensor<32x16xf32>
ml_program.global private @wk(#ml_program.extern<tensor<16x16xf32>>) : tensor<16x16xf32>
ml_program.global private @wv(#ml_program.extern<tensor<16x16xf32>>) : tensor<16x16xf32>
ml_program.global private @bv(#ml_program.extern<tensor<16xf32>>) : tensor<16xf32>
ml_program.global private @wo(#ml_program.extern<tensor<16x32xf32>>) : tensor<16x32xf32>

// CHECK-LABEL: func @layer(
// CHECK-DAG:     %[[WV:.*]] = lowbit.hadamard %wv axis 0 orders [8] seed 3 : tensor<16x16xf32>
// CHECK-DAG:     %[[BV:.*]] = lowbit.hadamard %bv axis 0 orders [8] seed 3 : tensor<16xf32>
// CHECK-DAG:     nn.linear %{{.*}}, %[[WV]] bias %[[BV]]
// CHECK-DAG:     %[[PAST:.*]] = lowbit.hadamard %arg4 axis 3 orders [8] seed 3 : tensor<?x2x?x8xf32>
// CHECK-DAG:     %[[V:.*]] = nn.concat %[[PAST]], %{{.*}} axis 2
// CHECK-DAG:     nn.attention %{{.*}}, %{{.*}}, %[[V]]
// CHECK-DAG:     %[[WO:.*]] = lowbit.hadamard %wo axis 1 orders [8] seed 3 : tensor<16x32xf32>
// CHECK-DAG:     nn.linear %{{.*}}, %[[WO]]
// CHECK-DAG:     %[[OUT:.*]] = lowbit.hadamard %[[V]] axis 3 orders [8] seed 3 transposed
// CHECK:         return %{{.*}}, %{{.*}}, %[[OUT]]
func.func @layer(%x: !x {nn.dims = affine_map<()[s0, s1, s2] -> (s0, s1, 16)>}, %cos: !angles {nn.dims = affine_map<()[s0, s1, s2] -> (1, s1, 4)>}, %sin: !angles {nn.dims = affine_map<()[s0, s1, s2] -> (1, s1, 4)>},
                 %past_k: !k {nn.dims = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 8)>}, %past_v: !k {nn.dims = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 8)>}) -> (!x, !k, !k)
    attributes {nn.symbols = ["batch", "seq", "past"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : !x
  %t = tensor.dim %x, %c1 : !x
  %wq = ml_program.global_load @wq : tensor<32x16xf32>
  %wk = ml_program.global_load @wk : tensor<16x16xf32>
  %wv = ml_program.global_load @wv : tensor<16x16xf32>
  %bv = ml_program.global_load @bv : tensor<16xf32>
  %wo = ml_program.global_load @wo : tensor<16x32xf32>
  %ql = nn.linear %x, %wq : !x, tensor<32x16xf32> -> tensor<?x?x32xf32>
  %qh = nn.reshape %ql[%b, %t] : tensor<?x?x32xf32> -> tensor<?x?x4x8xf32>
  %qt = nn.transpose %qh [0, 2, 1, 3] : tensor<?x?x4x8xf32>
  %q = nn.rope %qt, %cos, %sin : !q, !angles, !angles
  %kl = nn.linear %x, %wk : !x, tensor<16x16xf32> -> !x
  %kh = nn.reshape %kl[%b, %t] : !x -> tensor<?x?x2x8xf32>
  %kt = nn.transpose %kh [0, 2, 1, 3] : tensor<?x?x2x8xf32>
  %kn = nn.rope %kt, %cos, %sin : !k, !angles, !angles
  %vl = nn.linear %x, %wv bias %bv : !x, tensor<16x16xf32>, tensor<16xf32> -> !x
  %vh = nn.reshape %vl[%b, %t] : !x -> tensor<?x?x2x8xf32>
  %vn = nn.transpose %vh [0, 2, 1, 3] : tensor<?x?x2x8xf32>
  %k = nn.concat %past_k, %kn axis 2 : !k, !k -> !k
  %v = nn.concat %past_v, %vn axis 2 : !k, !k -> !k
  %a = nn.attention %q, %k, %v causal scale 0.35 : !q, !k, !k -> !q
  %at = nn.transpose %a [0, 2, 1, 3] : !q
  %af = nn.reshape %at[%b, %t] : tensor<?x?x4x8xf32> -> tensor<?x?x32xf32>
  %o = nn.linear %af, %wo : tensor<?x?x32xf32>, tensor<16x32xf32> -> !x
  return %o, %k, %v : !x, !k, !k
}

ml_program.global private @qkv(#ml_program.extern<tensor<48x16xf32>>) : tensor<48x16xf32>
ml_program.global private @bqkv(#ml_program.extern<tensor<48xf32>>) : tensor<48xf32>
ml_program.global private @wo2(#ml_program.extern<tensor<16x16xf32>>) : tensor<16x16xf32>

// Of a fused matrix the rows of v are rotated.
// CHECK-LABEL: func @fused(
// CHECK:         %[[ROWS:.*]] = nn.slice %qkv axis 0 from %c32 : tensor<48x16xf32> -> tensor<16x16xf32>
// CHECK:         %[[R:.*]] = lowbit.hadamard %[[ROWS]] axis 0 orders [8] seed 3
// CHECK:         %[[W:.*]] = nn.concat %{{.*}}, %[[R]] axis 0
// CHECK:         lowbit.hadamard %{{.*}} axis 0 orders [8] seed 3 : tensor<16xf32>
// CHECK:         %[[B:.*]] = nn.concat
// CHECK:         nn.linear %{{.*}}, %[[W]] bias %[[B]] splits [16, 16, 16]
func.func @fused(%x: !x) -> !x {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %b = tensor.dim %x, %c0 : !x
  %t = tensor.dim %x, %c1 : !x
  %w = ml_program.global_load @qkv : tensor<48x16xf32>
  %bias = ml_program.global_load @bqkv : tensor<48xf32>
  %wo = ml_program.global_load @wo2 : tensor<16x16xf32>
  %l = nn.linear %x, %w bias %bias splits [16, 16, 16] : !x, tensor<48x16xf32>, tensor<48xf32> -> tensor<?x?x48xf32>
  %ql = nn.slice %l axis 2 from %c0 : tensor<?x?x48xf32> -> !x
  %kl = nn.slice %l axis 2 from %c16 : tensor<?x?x48xf32> -> !x
  %vl = nn.slice %l axis 2 from %c32 : tensor<?x?x48xf32> -> !x
  %qh = nn.reshape %ql[%b, %t] : !x -> tensor<?x?x2x8xf32>
  %kh = nn.reshape %kl[%b, %t] : !x -> tensor<?x?x2x8xf32>
  %vh = nn.reshape %vl[%b, %t] : !x -> tensor<?x?x2x8xf32>
  %q = nn.transpose %qh [0, 2, 1, 3] : tensor<?x?x2x8xf32>
  %k = nn.transpose %kh [0, 2, 1, 3] : tensor<?x?x2x8xf32>
  %v = nn.transpose %vh [0, 2, 1, 3] : tensor<?x?x2x8xf32>
  %a = nn.attention %q, %k, %v causal scale 0.35 : !k, !k, !k -> !k
  %at = nn.transpose %a [0, 2, 1, 3] : !k
  %af = nn.reshape %at[%b, %t] : tensor<?x?x2x8xf32> -> !x
  %o = nn.linear %af, %wo : !x, tensor<16x16xf32> -> !x
  return %o : !x
}
