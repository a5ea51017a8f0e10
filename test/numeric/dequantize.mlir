// Numbers that codes mean, bit for bit; every scheme once more by numpy.

// RUN: qopt-interpret %s
// RUN: %python %S/../support/lowbit.py dequantize | qopt-interpret -

func.func @zero_is_subtracted() {
  %k = arith.constant dense<[[-8, 0, 7, 1]]> : tensor<1x4xi8>
  %s = arith.constant dense<[[0.5, 2.0]]> : tensor<1x2xf32>
  %z = arith.constant dense<[[-8, 3]]> : tensor<1x2xi8>
  %y = lowbit.dequantize %k, %s zeros %z scheme <asym, bits = 4, per = group, group = 2> : tensor<1x4xi8>, tensor<1x2xf32>, tensor<1x2xi8> -> tensor<1x4xf32>
  %want = arith.constant dense<[[0.0, 4.0, 8.0, -4.0]]> : tensor<1x4xf32>
  check.close %y, %want within 0.0 : tensor<1x4xf32>
  return
}

// 3 * f32(0.1) is rounded to f32 before it becomes f16, and is no f64.
func.func @rounds_to_f32_first() {
  %k = arith.constant dense<[[3]]> : tensor<1x1xi8>
  %s = arith.constant dense<[0.1]> : tensor<1xf32>
  %y = lowbit.dequantize %k, %s scheme <sym, bits = 4, per = channel> : tensor<1x1xi8>, tensor<1xf32> -> tensor<1x1xf64>
  %want = arith.constant dense<[[0x3FD3333340000000]]> : tensor<1x1xf64>
  check.close %y, %want within 0.0 : tensor<1x1xf64>
  return
}
