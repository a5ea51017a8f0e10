// Numbers on their way to their codes: lambda 0 and 1 give these very bits;
// every scheme once more by numpy.

// RUN: qopt-interpret %s
// RUN: %python %S/../support/lowbit.py fake_quantize | qopt-interpret -

// Scale 1: 2.75 is 3. Halfway is 2.875.
func.func @halfway() {
  %x = arith.constant dense<[[2.75, 7.0]]> : tensor<1x2xf32>
  %l = arith.constant dense<0.5> : tensor<f32>
  %y = lowbit.fake_quantize %x lambda %l scheme <sym, bits = 4, per = token> : tensor<1x2xf32>
  %want = arith.constant dense<[[2.875, 7.0]]> : tensor<1x2xf32>
  check.close %y, %want within 0.0 : tensor<1x2xf32>
  return
}

// x + (q - x) is not q in floats: 1e-3 disappears beside 7.
func.func @lambda_one_is_the_code() {
  %x = arith.constant dense<[[0.001, 7.0, 0x3F8CCCCD]]> : tensor<1x3xf32>
  %l = arith.constant dense<1.0> : tensor<f32>
  %y = lowbit.fake_quantize %x lambda %l scheme <sym, bits = 4, per = token> : tensor<1x3xf32>
  %want = arith.constant dense<[[0.0, 7.0, 1.0]]> : tensor<1x3xf32>
  check.close %y, %want within 0.0 : tensor<1x3xf32>
  return
}
