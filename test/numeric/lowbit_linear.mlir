// Layers on codes against sums in f64; every scheme once more by numpy.

// RUN: qopt-interpret %s
// RUN: %python %S/../support/lowbit.py linear | qopt-interpret -

// Two groups: 2 * (1 * 1 + 2 * 2) and 4 * (3 * 3 + 4 * 4), times 0.5.
func.func @groups() {
  %x = arith.constant dense<[[1, 2, 3, 4]]> : tensor<1x4xi8>
  %sx = arith.constant dense<[0.5]> : tensor<1xf32>
  %w = arith.constant dense<[[1, 2, 3, 4]]> : tensor<1x4xi8>
  %sw = arith.constant dense<[[2.0, 4.0]]> : tensor<1x2xf32>
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme <sym, bits = 4, per = group, group = 2>
       : tensor<1x4xi8>, tensor<1xf32>, tensor<1x4xi8>, tensor<1x2xf32> -> tensor<1x1xf32>
  %want = arith.constant dense<[[55.0]]> : tensor<1x1xf32>
  check.close %y, %want within 0.0 : tensor<1x1xf32>
  return
}

// 127 * -128 * 131071 needs all of 32 bits.
func.func @largest_sum() {
  %x = arith.constant dense<127> : tensor<1x131071xi8>
  %sx = arith.constant dense<[1.0]> : tensor<1xf32>
  %w = arith.constant dense<-128> : tensor<1x131071xi8>
  %sw = arith.constant dense<[1.0]> : tensor<1xf32>
  %y = lowbit.linear %x scales %sx, %w scales %sw scheme <sym, bits = 8, per = channel>
       : tensor<1x131071xi8>, tensor<1xf32>, tensor<1x131071xi8>, tensor<1xf32> -> tensor<1x1xf64>
  %want = arith.constant dense<[[-2130690176.0]]> : tensor<1x1xf64>
  check.close %y, %want within 0.0 : tensor<1x1xf64>
  return
}
