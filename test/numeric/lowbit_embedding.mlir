// Rows of a table of codes: what dequantize gives for the whole of it.

// RUN: qopt-interpret %s

func.func @rows() {
  %ids = arith.constant dense<[[2, 0]]> : tensor<1x2xi64>
  %k = arith.constant dense<[[1, -2], [3, 4], [-8, 7]]> : tensor<3x2xi8>
  %s = arith.constant dense<[0.5, 1.0, 0.1]> : tensor<3xf32>
  %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 4, per = channel> : tensor<1x2xi64>, tensor<3x2xi8>, tensor<3xf32> -> tensor<1x2x2xf64>
  // f32(-8 * 0.1) and f32(7 * 0.1)
  %want = arith.constant dense<[[[0xBFE99999A0000000, 0x3FE6666660000000], [0.5, -1.0]]]> : tensor<1x2x2xf64>
  check.close %y, %want within 0.0 : tensor<1x2x2xf64>
  return
}

// Groups with zeros, scales of 16 bits.
func.func @groups() {
  %ids = arith.constant dense<[1]> : tensor<1xi64>
  %k = arith.constant dense<[[0, 0, 0, 0], [-8, 0, 7, 1]]> : tensor<2x4xi8>
  %s = arith.constant dense<[[1.0, 1.0], [0.5, 2.0]]> : tensor<2x2xf16>
  %z = arith.constant dense<[[0, 0], [-8, 3]]> : tensor<2x2xi8>
  %y = lowbit.embedding %ids, %k, %s zeros %z scheme <asym, bits = 4, per = group, group = 2, half = true> : tensor<1xi64>, tensor<2x4xi8>, tensor<2x2xf16>, tensor<2x2xi8> -> tensor<1x4xf32>
  %want = arith.constant dense<[[0.0, 4.0, 8.0, -4.0]]> : tensor<1x4xf32>
  check.close %y, %want within 0.0 : tensor<1x4xf32>
  return
}
