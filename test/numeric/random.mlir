// Random parameters: key 7 xor xxh3("layer.weight") = 0xc9fa2a243fc432f0, words of
// Philox4x32-10, quantiles by Python's statistics.NormalDist.

// RUN: qopt-interpret %s

ml_program.global private @layer.weight(#nn.random<"layer.weight", seed = 7, deviation = 1.0> : tensor<7xf64>) : tensor<7xf64>
func.func @normal() {
  %got = ml_program.global_load @layer.weight : tensor<7xf64>
  %want = arith.constant dense<[-0.05440326515244442, 0.05196269623142206, 0.5199921585471386,
                                -0.3484122704503137, -0.21701358368877088, 0.16553504391709506, 0.2856801136762609]> : tensor<7xf64>
  check.close %got, %want within 1.0e-15 : tensor<7xf64>
  return
}

// Scaled, and rounded once. The name in the attribute counts, whatever the
// global is called now.
ml_program.global private @renamed(#nn.random<"layer.weight", seed = 7, deviation = 2.0e-2> : tensor<1x3xf32>) : tensor<1x3xf32>
func.func @scaled() {
  %got = ml_program.global_load @renamed : tensor<1x3xf32>
  %want = arith.constant dense<[[-0.0010880653030488883, 0.0010392539246284413, 0.010399843170942773]]> : tensor<1x3xf32>
  check.close %got, %want within 0.0 : tensor<1x3xf32>
  return
}

ml_program.global private @seed(#nn.random<"layer.weight", seed = 9223372036854775809, deviation = 1.0> : tensor<3xf64>) : tensor<3xf64>
func.func @large_seed() {
  %got = ml_program.global_load @seed : tensor<3xf64>
  %want = arith.constant dense<[-0.8472125828349936, -1.691177153666643, 0.3084444851558505]> : tensor<3xf64>
  check.close %got, %want within 1.0e-15 : tensor<3xf64>
  return
}

// A million: 1 + mean, variance and fourth moment are a normal number's, to six
// times 1, sqrt(2) and sqrt(96) over 1024.
ml_program.global private @many(#nn.random<"many", seed = 1, deviation = 1.0> : tensor<1048576xf64>) : tensor<1048576xf64>
func.func @moments() {
  %x = ml_program.global_load @many : tensor<1048576xf64>
  %one = arith.constant dense<1.0> : tensor<f64>
  %three = arith.constant dense<3.0> : tensor<f64>
  %mean = nn.reduce mean, %x axes [0] : tensor<1048576xf64>
  %shifted = nn.add %mean, %one : tensor<f64>, tensor<f64>
  %square = nn.mul %x, %x : tensor<1048576xf64>, tensor<1048576xf64>
  %variance = nn.reduce mean, %square axes [0] : tensor<1048576xf64>
  %power = nn.mul %square, %square : tensor<1048576xf64>, tensor<1048576xf64>
  %fourth = nn.reduce mean, %power axes [0] : tensor<1048576xf64>
  check.close %shifted, %one within 0.0059 : tensor<f64>
  check.close %variance, %one within 0.0083 : tensor<f64>
  check.close %fourth, %three within 0.0192 : tensor<f64>
  return
}
