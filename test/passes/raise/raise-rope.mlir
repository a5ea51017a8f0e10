// Pairs that are turned by an angle are a rope, whether they are halves or
// neighbours, and wherever the channels were cut and put together.

// RUN: qopt-opt %s --qopt-raise-rope --cse | FileCheck %s
// RUN: qopt-opt %s --qopt-raise-rope --cse -o %t
// RUN: qopt-interpret %s --compare=%t --f64 --tolerance=1e-12

!x = tensor<?x2x?x4xf32>
!h = tensor<?x2x?x2xf32>
!a = tensor<1x1x?x4xf32>
!f = tensor<1x?x2xf32>
#x = affine_map<()[s0, s1] -> (s0, 2, s1, 4)>
#f = affine_map<()[s0, s1] -> (1, s1, 2)>

// CHECK-LABEL: func @rotate_half(
// CHECK-SAME:    %[[X:.*]]: tensor<?x2x?x4xf32>
func.func @rotate_half(%x: !x {nn.dims = #x}, %angle: !f {nn.dims = #f})
    -> !x attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %T = tensor.dim %angle, %c1 : !f
  %aa = nn.concat %angle, %angle axis 2 : !f, !f -> tensor<1x?x4xf32>
  %cos3 = nn.cos %aa : tensor<1x?x4xf32>
  %sin3 = nn.sin %aa : tensor<1x?x4xf32>
  %cos = nn.reshape %cos3[%T] : tensor<1x?x4xf32> -> !a
  %sin = nn.reshape %sin3[%T] : tensor<1x?x4xf32> -> !a
  %p = nn.mul %x, %cos : !x, !a
  %lo = nn.slice %x axis 3 from %c0 : !x -> !h
  %hi = nn.slice %x axis 3 from %c2 : !x -> !h
  %n = nn.neg %hi : !h
  %t = nn.concat %n, %lo axis 3 : !h, !h -> !x
  %q = nn.mul %t, %sin : !x, !a
  // CHECK-DAG: %[[C:.*]] = nn.cos %{{.*}} : tensor<1x?x2xf32>
  // CHECK-DAG: %[[S:.*]] = nn.sin %{{.*}} : tensor<1x?x2xf32>
  // CHECK: nn.rope %[[X]], %[[C]], %[[S]] :
  %y = nn.add %p, %q : !x, !x
  return %y : !x
}

// CHECK-LABEL: func @neighbours(
// CHECK-SAME:    %[[X:.*]]: tensor<?x2x?x4xf32>
func.func @neighbours(%x: !x {nn.dims = #x}, %angle: !f {nn.dims = #f})
    -> !x attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %x, %c0 : !x
  %T = tensor.dim %angle, %c1 : !f
  %cos3 = nn.cos %angle : !f
  %sin3 = nn.sin %angle : !f
  %cos = nn.reshape %cos3[%T] : !f -> tensor<1x1x?x2xf32>
  %sin = nn.reshape %sin3[%T] : !f -> tensor<1x1x?x2xf32>
  %even = nn.slice %x axis 3 from %c0 step 2 : !x -> !h
  %odd = nn.slice %x axis 3 from %c1 step 2 : !x -> !h
  %ec = nn.mul %even, %cos : !h, tensor<1x1x?x2xf32>
  %os = nn.mul %odd, %sin : !h, tensor<1x1x?x2xf32>
  %first = nn.sub %ec, %os : !h, !h
  %oc = nn.mul %odd, %cos : !h, tensor<1x1x?x2xf32>
  %es = nn.mul %even, %sin : !h, tensor<1x1x?x2xf32>
  %second = nn.add %oc, %es : !h, !h
  %f5 = nn.reshape %first[%B, %T] : !h -> tensor<?x2x?x2x1xf32>
  %s5 = nn.reshape %second[%B, %T] : !h -> tensor<?x2x?x2x1xf32>
  %z = nn.concat %f5, %s5 axis 4 : tensor<?x2x?x2x1xf32>, tensor<?x2x?x2x1xf32> -> tensor<?x2x?x2x2xf32>
  // CHECK: nn.rope %[[X]], %{{.*}}, %{{.*}} interleaved
  %y = nn.reshape %z[%B, %T] : tensor<?x2x?x2x2xf32> -> !x
  return %y : !x
}

// Both signs alike: a reflection, which no angle gives.
// CHECK-LABEL: func @not_a_rotation(
func.func @not_a_rotation(%x: !x {nn.dims = #x}, %cos: !a {nn.dims = affine_map<()[s0, s1] -> (1, 1, s1, 4)>})
    -> !x attributes {nn.symbols = ["batch", "seq"]} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %p = nn.mul %x, %cos : !x, !a
  %lo = nn.slice %x axis 3 from %c0 : !x -> !h
  %hi = nn.slice %x axis 3 from %c2 : !x -> !h
  %t = nn.concat %hi, %lo axis 3 : !h, !h -> !x
  %q = nn.mul %t, %cos : !x, !a
  // CHECK-NOT: nn.rope
  %y = nn.add %p, %q : !x, !x
  return %y : !x
}
