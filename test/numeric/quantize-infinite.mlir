// A weight that holds no number has no codes.
// RUN: not qopt-interpret %s 2>&1 | FileCheck %s
// CHECK: 'lowbit.quantize' op expects finite numbers, got {{inf|INF}}
func.func @infinite() {
  %x = arith.constant dense<[[1.0, 0x7F800000]]> : tensor<1x2xf32>
  %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<1x2xf32> -> tensor<1x2xi8>, tensor<1xf32>
  return
}
