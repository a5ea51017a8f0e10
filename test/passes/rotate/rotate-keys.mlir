// Queries and new keys are rotated behind rope, so that a cache holds rotated
// keys; the past that is given and returned keeps its basis.

// RUN: qopt-opt %s --qopt-rotate-keys --canonicalize -o %t
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
// CHECK-DAG:     %[[ROPEQ:.*]] = nn.rope {{.*}} : tensor<?x4x?x8xf32>
// CHECK-DAG:     %[[Q:.*]] = lowbit.hadamard %[[ROPEQ]] axis 3 orders [8] : tensor<?x4x?x8xf32>
// CHECK-DAG:     %[[ROPEK:.*]] = nn.rope {{.*}} : tensor<?x2x?x8xf32>
// CHECK-DAG:     %[[NEW:.*]] = lowbit.hadamard %[[ROPEK]] axis 3 orders [8] : tensor<?x2x?x8xf32>
// CHECK-DAG:     %[[PAST:.*]] = lowbit.hadamard %arg3 axis 3 orders [8]
// CHECK-DAG:     %[[K:.*]] = nn.concat %[[PAST]], %[[NEW]] axis 2
// CHECK-DAG:     nn.attention %[[Q]], %[[K]], %
// CHECK-DAG:     %[[OUT:.*]] = lowbit.hadamard %[[K]] axis 3 orders [8] transposed
// CHECK:         return %{{.*}}, %[[OUT]], %
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
