// Codes in bytes and back, for every number of bits that a scheme has, with
// rows that end within a byte, and both conventions of zero.

// RUN: qopt-interpret %s

// Low bits first: 001 010 011 -> 11010001, then the bit that is left.
func.func @three_bits() {
  %k = arith.constant dense<[[-3, -2, -1], [3, 3, 3]]> : tensor<2x3xi8>
  %p = lowbit.pack %k bits 3 offset 4 : tensor<2x3xi8> -> tensor<2x2xi8>
  %want = arith.constant dense<[[-47, 0], [-1, 1]]> : tensor<2x2xi8>
  check.close %p, %want within 0.0 : tensor<2x2xi8>
  %u = lowbit.unpack %p bits 3 offset 4 : tensor<2x2xi8> -> tensor<2x3xi8>
  check.close %u, %k within 0.0 : tensor<2x3xi8>
  return
}

// Ternary codes are stored one higher: 2 1 0 2 0 -> 10 00 01 10, 00.
func.func @ternary() {
  %k = arith.constant dense<[[1, 0, -1, 1, -1]]> : tensor<1x5xi8>
  %p = lowbit.pack %k bits 2 offset 1 : tensor<1x5xi8> -> tensor<1x2xi8>
  %want = arith.constant dense<[[-122, 0]]> : tensor<1x2xi8>
  check.close %p, %want within 0.0 : tensor<1x2xi8>
  %u = lowbit.unpack %p bits 2 offset 1 : tensor<1x2xi8> -> tensor<1x5xi8>
  check.close %u, %k within 0.0 : tensor<1x5xi8>
  return
}

// GPTQ's files hold the zero point less 1: the same bytes mean one less.
func.func @other_zero_point() {
  %k = arith.constant dense<[[-8, 7, 0]]> : tensor<1x3xi8>
  %p = lowbit.pack %k bits 4 offset 8 : tensor<1x3xi8> -> tensor<1x2xi8>
  %want = arith.constant dense<[[-16, 8]]> : tensor<1x2xi8>
  check.close %p, %want within 0.0 : tensor<1x2xi8>
  %u = lowbit.unpack %p bits 4 offset 7 : tensor<1x2xi8> -> tensor<1x3xi8>
  %higher = arith.constant dense<[[-7, 8, 1]]> : tensor<1x3xi8>
  check.close %u, %higher within 0.0 : tensor<1x3xi8>
  return
}

func.func @eight_bits() {
  %k = arith.constant dense<[[-128, -1, 0, 127]]> : tensor<1x4xi8>
  %p = lowbit.pack %k bits 8 offset 128 : tensor<1x4xi8> -> tensor<1x4xi8>
  %want = arith.constant dense<[[0, 127, -128, -1]]> : tensor<1x4xi8>
  check.close %p, %want within 0.0 : tensor<1x4xi8>
  %u = lowbit.unpack %p bits 8 offset 128 : tensor<1x4xi8> -> tensor<1x4xi8>
  check.close %u, %k within 0.0 : tensor<1x4xi8>
  return
}

// ONNX's INT4 is in two's complement: 0x8f 0x07 -> -1 -8 7.
func.func @signed() {
  %p = arith.constant dense<[[-113, 7]]> : tensor<1x2xi8>
  %u = lowbit.unpack %p bits 4 offset 0 signed : tensor<1x2xi8> -> tensor<1x3xi8>
  %want = arith.constant dense<[[-1, -8, 7]]> : tensor<1x3xi8>
  check.close %u, %want within 0.0 : tensor<1x3xi8>
  return
}
