// A branch of rank 2 beside a layer; b = 0 leaves the base as it is.

// RUN: qopt-interpret %s

// u = [1 + 2, 1 - 2] = [3, -1]; base + 2 * [3, -1, 3 - 1]
func.func @branch() {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %a = arith.constant dense<[[1.0, 1.0], [1.0, -1.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]> : tensor<3x2xf32>
  %base = arith.constant dense<[[10.0, 20.0, 30.0]]> : tensor<1x3xf32>
  %y = lowbit.lora_linear %x, %a, %b scale 2.0 onto %base : tensor<1x2xf32>, tensor<2x2xf32>, tensor<3x2xf32>, tensor<1x3xf32>
  %want = arith.constant dense<[[16.0, 18.0, 34.0]]> : tensor<1x3xf32>
  check.close %y, %want within 0.0 : tensor<1x3xf32>
  %zero = arith.constant dense<0.0> : tensor<3x2xf32>
  %same = lowbit.lora_linear %x, %a, %zero scale 2.0 onto %base : tensor<1x2xf32>, tensor<2x2xf32>, tensor<3x2xf32>, tensor<1x3xf32>
  check.close %same, %base within 0.0 : tensor<1x3xf32>
  return
}
