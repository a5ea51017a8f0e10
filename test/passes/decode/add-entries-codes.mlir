// Caches hold what is computed: rotated keys, and codes with their scales where
// they are rounded; run keeps the inputs and outputs of the model. Tokens that
// are fed one by one give what all of them give at once.

// RUN: qopt-opt %s --pass-pipeline="builtin.module(qopt-raise,qopt-rotate-keys{required=true},qopt-quantize-cache,qopt-quantize-weights{matrix=i8 head=i8},qopt-quantize-activations,cse,qopt-decode)" -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: sed -e "/^}$/d" %t > %t.checked
// RUN: cat %S/Inputs/steps-codes.mlir.part >> %t.checked
// RUN: qopt-interpret %t.checked --f64
// Rotations alone leave caches of numbers.
// RUN: qopt-opt %s --pass-pipeline="builtin.module(qopt-raise,qopt-rotate-keys{required=true},qopt-decode)" -o %t.numbers
// RUN: FileCheck %s --input-file=%t.numbers --check-prefix=NUMBERS
// RUN: sed -e "/^}$/d" %t.numbers > %t.checked
// RUN: cat %S/Inputs/steps-codes.mlir.part >> %t.checked
// RUN: qopt-interpret %t.checked --f64
// NUMBERS: global private mutable @past.0.key : tensor<?x1x?x2xf32>
// NUMBERS-LABEL: func @decode(
// NUMBERS: nn.cache_append @past.0.key

!ids = tensor<?x?xi64>
!k = tensor<?x1x?x2xf32>
!x = tensor<?x?x2xf32>
!w = tensor<2x2xf32>
#ids = affine_map<()[s0, s1, s2] -> (s0, s1)>
#past = affine_map<()[s0, s1, s2] -> (s0, 1, s2, 2)>

ml_program.global private @table(dense<[[1.0, 0.5], [-1.0, 2.0], [0.25, -2.0], [3.0, 1.0], [0.5, 0.5]]> : tensor<5x2xf32>) : tensor<5x2xf32>
ml_program.global private @q(dense<[[1.0, 0.5], [-0.25, 2.0]]> : !w) : !w
ml_program.global private @v(dense<[[0.5, -1.5], [0.75, 1.0]]> : !w) : !w

// CHECK: ml_program.global private mutable @past.0.key.codes : tensor<?x1x?x2xi8>
// CHECK: ml_program.global private mutable @past.0.key.scales : tensor<?x1x?x1xf32>
// CHECK: ml_program.global private mutable @past.0.value.codes : tensor<?x1x?x2xi8>

// The past of run is the caller's: it is turned, and turned back.
// CHECK-LABEL: func @run(
// CHECK:         %[[T:.*]] = lowbit.hadamard %arg1 axis 3 orders [2] :
// CHECK:         %[[A:.*]] = nn.concat %[[T]], %
// CHECK:         lowbit.hadamard %[[A]] axis 3 orders [2] transposed
// CHECK-NOT:     nn.cache_append

// The head computes the last token only, codes and scales of its input too.
// CHECK-LABEL: func @prefill(
// CHECK:         %[[C:.*]], %[[S:.*]] = lowbit.quantize {{.*}} group = 2>
// CHECK-DAG:     %[[CC:.*]] = nn.cache_append @past.0.key.codes, %[[C]] at %{{.*}} : tensor<?x1x?x2xi8> -> tensor<?x1x?x2xi8>
// CHECK-DAG:     %[[SS:.*]] = nn.cache_append @past.0.key.scales, %[[S]] at %{{.*}} : tensor<?x1x?x1xf32> -> tensor<?x1x?x1xf32>
// CHECK:         %[[K:.*]] = lowbit.dequantize %[[CC]], %[[SS]]
// CHECK:         nn.attention %{{.*}}, %[[K]], %
// CHECK:         lowbit.quantize {{.*}} : tensor<?x1x2xf32> -> tensor<?x1x2xi8>, tensor<?x1xf32>
// CHECK:         lowbit.linear {{.*}} -> tensor<?x1x5xf32>

// CHECK-LABEL: func @nll(
// CHECK-NOT:     nn.cache_append
// CHECK:         lowbit.dequantize
func.func @run(%ids: !ids {nn.dims = #ids, nn.name = "input_ids"},
               %past_k: !k {nn.dims = #past, nn.name = "past.0.key"},
               %past_v: !k {nn.dims = #past, nn.name = "past.0.value"})
    -> (tensor<?x?x5xf32> {nn.name = "logits"}, !k {nn.name = "present.0.key"}, !k {nn.name = "present.0.value"})
    attributes {nn.symbols = ["batch", "seq", "past"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %ids, %c0 : !ids
  %T = tensor.dim %ids, %c1 : !ids
  %table = ml_program.global_load @table : tensor<5x2xf32>
  %wq = ml_program.global_load @q : !w
  %wv = ml_program.global_load @v : !w
  %x = nn.embedding %ids, %table : !ids, tensor<5x2xf32>
  %ql = nn.linear %x, %wq : !x, !w -> !x
  %q = nn.reshape %ql[%B, %T] : !x -> !k
  %kn = nn.reshape %x[%B, %T] : !x -> !k
  %vl = nn.linear %x, %wv : !x, !w -> !x
  %vn = nn.reshape %vl[%B, %T] : !x -> !k
  %k = nn.concat %past_k, %kn axis 2 : !k, !k -> !k
  %v = nn.concat %past_v, %vn axis 2 : !k, !k -> !k
  %a = nn.attention %q, %k, %v causal scale 0.5 : !k, !k, !k -> !k
  %y = nn.reshape %a[%B, %T] : !k -> !x
  %logits = nn.linear %y, %table : !x, tensor<5x2xf32> -> tensor<?x?x5xf32>
  return %logits, %k, %v : tensor<?x?x5xf32>, !k, !k
}
