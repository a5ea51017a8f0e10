// States in 8 bits, and rounding by chance, against NumPy.

// RUN: qopt-interpret %s

func.func @signed_state() {
  %x = arith.constant dense<[0.0, 2.0, -2.0, 9.999999747378752e-06, 0.30000001192092896, -0.699999988079071, 0.020999999716877937]> : tensor<7xf64>
  %k, %s = train.encode_state %x : tensor<7xf64> -> tensor<7xi8>, tensor<1xf32>
  %y = train.decode_state %k, %s : tensor<7xi8>, tensor<1xf32> -> tensor<7xf64>
  %wantk = arith.constant dense<[-1, 127, -128, 1, 66, -82, 30]> : tensor<7xi8>
  %wants = arith.constant dense<[2.0]> : tensor<1xf32>
  %wanty = arith.constant dense<[0.0, 2.0, -1.985937476158142, 6.499999926745659e-06, 0.2984375059604645, -0.692187488079071, 0.019437499344348907]> : tensor<7xf64>
  check.close %k, %wantk within 0.0 : tensor<7xi8>
  check.close %s, %wants within 0.0 : tensor<1xf32>
  check.close %y, %wanty within 0.0 : tensor<7xf64>
  return
}

func.func @unsigned_state() {
  %x = arith.constant dense<[0.0, 2.0, 2.0, 9.999999747378752e-06, 0.30000001192092896, 0.699999988079071, 0.020999999716877937]> : tensor<7xf64>
  %k, %s = train.encode_state unsigned %x : tensor<7xf64> -> tensor<7xi8>, tensor<1xf32>
  %y = train.decode_state unsigned %k, %s : tensor<7xi8>, tensor<1xf32> -> tensor<7xf64>
  %wantk = arith.constant dense<[-128, 127, 127, -124, 6, 34, -65]> : tensor<7xi8>
  %wants = arith.constant dense<[2.0]> : tensor<1xf32>
  %wanty = arith.constant dense<[0.0, 2.0, 2.0, 8.750000233703759e-06, 0.30546873807907104, 0.69921875, 0.021406250074505806]> : tensor<7xf64>
  check.close %k, %wantk within 0.0 : tensor<7xi8>
  check.close %s, %wants within 0.0 : tensor<1xf32>
  check.close %y, %wanty within 0.0 : tensor<7xf64>
  return
}

// 300 zeros are two blocks, with scale 0.
func.func @zeros() {
  %x = arith.constant dense<0.0> : tensor<300xf64>
  %k, %s = train.encode_state %x : tensor<300xf64> -> tensor<300xi8>, tensor<2xf32>
  %y = train.decode_state %k, %s : tensor<300xi8>, tensor<2xf32> -> tensor<300xf64>
  check.close %y, %x within 0.0 : tensor<300xf64>
  return
}

// 1 + 1/512 lies a quarter of the way from 1 to the next bf16, 1 + 1/128.
func.func @stochastic_round() {
  %x = arith.constant dense<[1.001953125, 1.001953125, 1.001953125, 1.001953125, 1.001953125, 1.001953125]> : tensor<6xf32>
  %seed = arith.constant dense<5> : tensor<i64>
  %t = arith.constant dense<3> : tensor<i64>
  %y = train.stochastic_round %x seed %seed step %t stream 7 : tensor<6xf32> -> tensor<6xbf16>
  %want = arith.constant dense<[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]> : tensor<6xbf16>
  check.close %y, %want within 0.0 : tensor<6xbf16>
  %many = arith.constant dense<1.001953125> : tensor<16384xf32>
  %z = train.stochastic_round %many seed %seed step %t stream 7 : tensor<16384xf32> -> tensor<16384xbf16>
  %wide = nn.cast %z : tensor<16384xbf16> -> tensor<16384xf64>
  %mean = nn.reduce mean, %wide axes [0] : tensor<16384xf64>
  %same = arith.constant dense<1.001953125> : tensor<f64>
  check.close %mean, %same within 8.0e-5 : tensor<f64> // three standard errors
  return
}
