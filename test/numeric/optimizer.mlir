// Optimizers against values that NumPy computes from the formulas.

// RUN: qopt-interpret %s

// The norm is 5: to 2.5, to 0 (no limit), and not finite.
func.func @clip_norm() {
  %g = arith.constant dense<[3.0, 0.0]> : tensor<2xf64>
  %h = arith.constant dense<[[4.0]]> : tensor<1x1xf64>
  %most = arith.constant dense<2.5> : tensor<f32>
  %none = arith.constant dense<0.0> : tensor<f32>
  %norm, %scale = train.clip_norm %most of %g, %h : tensor<2xf64>, tensor<1x1xf64>
  %five = arith.constant dense<5.0> : tensor<f32>
  %half = arith.constant dense<0.5> : tensor<f32>
  %one = arith.constant dense<1.0> : tensor<f32>
  check.close %norm, %five within 0.0 : tensor<f32>
  check.close %scale, %half within 0.0 : tensor<f32>
  %norm1, %scale1 = train.clip_norm %none of %g, %h : tensor<2xf64>, tensor<1x1xf64>
  check.close %scale1, %one within 0.0 : tensor<f32>
  %bad = arith.constant dense<0x7FF0000000000000> : tensor<1xf64>
  %norm2, %scale2 = train.clip_norm %most of %g, %bad : tensor<2xf64>, tensor<1xf64>
  %nan = arith.constant dense<0x7FC00000> : tensor<f32>
  check.close %scale2, %nan within 0.0 : tensor<f32>
  return
}

// A scale that is NaN changes nothing.
func.func @sgd() {
  %p = arith.constant dense<[-0.476, 0.163, -1.293]> : tensor<3xf64>
  %g = arith.constant dense<[-0.472, 1.378, 0.136]> : tensor<3xf64>
  %v = arith.constant dense<[2.31, -0.787, 0.58]> : tensor<3xf64>
  %lr = arith.constant dense<0.125> : tensor<f32>
  %mu = arith.constant dense<0.5> : tensor<f32>
  %s = arith.constant dense<0.25> : tensor<f32>
  %nan = arith.constant dense<0x7FC00000> : tensor<f32>
  %p1, %v1 = train.sgd %p, %g, %v lr %lr momentum %mu scale %s : tensor<3xf64>, tensor<3xf64>
  %wantp = arith.constant dense<[-0.605625, 0.16912500000000003, -1.3335]> : tensor<3xf64>
  %wantv = arith.constant dense<[1.037, -0.049000000000000044, 0.32399999999999995]> : tensor<3xf64>
  check.close %p1, %wantp within 1.0e-12 : tensor<3xf64>
  check.close %v1, %wantv within 1.0e-12 : tensor<3xf64>
  %p2, %v2 = train.sgd %p, %g, %v lr %lr momentum %mu scale %nan : tensor<3xf64>, tensor<3xf64>
  check.close %p2, %p within 0.0 : tensor<3xf64>
  check.close %v2, %v within 0.0 : tensor<3xf64>
  return
}

func.func @adamw() {
  %p = arith.constant dense<[-0.196, 0.566, -0.007]> : tensor<3xf64>
  %g = arith.constant dense<[-0.561, -0.868, 3.066]> : tensor<3xf64>
  %m = arith.constant dense<[-0.077, -2.017, -0.649]> : tensor<3xf64>
  %v = arith.constant dense<[0.678, 0.5, 1.36]> : tensor<3xf64>
  %lr = arith.constant dense<0.125> : tensor<f32>
  %b1 = arith.constant dense<0.75> : tensor<f32>
  %b2 = arith.constant dense<0.875> : tensor<f32>
  %e = arith.constant dense<0.0078125> : tensor<f32>
  %wd = arith.constant dense<0.5> : tensor<f32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<3> : tensor<i64>
  %nan = arith.constant dense<0x7FC00000> : tensor<f32>
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<3xf64>, tensor<3xf64>
  %wantp = arith.constant dense<[-0.16341284873107487, 0.8252799850440925, 0.003953670871965377]> : tensor<3xf64>
  %wantm = arith.constant dense<[-0.12787500000000002, -1.62125, -0.10350000000000004]> : tensor<3xf64>
  %wantv = arith.constant dense<[0.60308503125, 0.4610445, 1.483761125]> : tensor<3xf64>
  check.close %p1, %wantp within 1.0e-12 : tensor<3xf64>
  check.close %m1, %wantm within 1.0e-12 : tensor<3xf64>
  check.close %v1, %wantv within 1.0e-12 : tensor<3xf64>
  %p2, %m2, %v2 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %nan : tensor<3xf64>, tensor<3xf64>
  check.close %p2, %p within 0.0 : tensor<3xf64>
  check.close %m2, %m within 0.0 : tensor<3xf64>
  check.close %v2, %v within 0.0 : tensor<3xf64>
  return
}

func.func @muon_whole() {
  %p = arith.constant dense<[[1.002, -0.152], [-0.472, -1.005], [-0.7, -1.473]]> : tensor<3x2xf64>
  %g = arith.constant dense<[[1.204, 1.591], [-1.256, -1.182], [-1.769, -0.964]]> : tensor<3x2xf64>
  %b = arith.constant dense<[[-3.106, -1.142], [1.297, -0.346], [0.855, -0.489]]> : tensor<3x2xf64>
  %lr = arith.constant dense<0.125> : tensor<f32>
  %mu = arith.constant dense<0.75> : tensor<f32>
  %wd = arith.constant dense<0.5> : tensor<f32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %wd scale %s : tensor<3x2xf64>, tensor<3x2xf64>
  %wantp = arith.constant dense<[[0.9680028096626967, -0.1640606986947252], [-0.44043208837268977, -0.9190416882244601], [-0.6306042877387777, -1.3657838987610333]]> : tensor<3x2xf64>
  %wantb = arith.constant dense<[[-1.7275, -0.06099999999999994], [0.34475, -0.8504999999999999], [-0.24324999999999997, -0.84875]]> : tensor<3x2xf64>
  check.close %p1, %wantp within 1.0e-12 : tensor<3x2xf64>
  check.close %b1, %wantb within 1.0e-12 : tensor<3x2xf64>
  return
}

func.func @muon_rows() {
  %p = arith.constant dense<[[1.761, 0.199], [-0.382, 2.552], [-0.324, -1.221]]> : tensor<3x2xf64>
  %g = arith.constant dense<[[0.202, -0.039], [1.066, -0.922], [0.805, 0.853]]> : tensor<3x2xf64>
  %b = arith.constant dense<[[-0.668, 0.163], [-0.831, 2.346], [-0.704, -0.453]]> : tensor<3x2xf64>
  %lr = arith.constant dense<0.125> : tensor<f32>
  %mu = arith.constant dense<0.75> : tensor<f32>
  %wd = arith.constant dense<0.5> : tensor<f32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b splits [2, 1] axis 0 lr %lr momentum %mu decay %wd scale %s : tensor<3x2xf64>, tensor<3x2xf64>
  %wantp = arith.constant dense<[[1.6708762970625255, 0.17220653727884613], [-0.3738116734372591, 2.371536857564041], [-0.3168350532963352, -1.165545615965885]]> : tensor<3x2xf64>
  %wantb = arith.constant dense<[[-0.4, 0.10275], [-0.09024999999999994, 1.2985], [-0.1255, 0.08675]]> : tensor<3x2xf64>
  check.close %p1, %wantp within 1.0e-12 : tensor<3x2xf64>
  check.close %b1, %wantb within 1.0e-12 : tensor<3x2xf64>
  return
}

func.func @muon_columns() {
  %p = arith.constant dense<[[-1.066, -0.346], [-0.006, 0.768], [-0.61, -0.186]]> : tensor<3x2xf64>
  %g = arith.constant dense<[[-1.416, -0.827], [2.756, 1.041], [-0.781, -1.337]]> : tensor<3x2xf64>
  %b = arith.constant dense<[[-0.976, -0.022], [0.035, -0.744], [-1.287, 1.422]]> : tensor<3x2xf64>
  %lr = arith.constant dense<0.125> : tensor<f32>
  %mu = arith.constant dense<0.75> : tensor<f32>
  %wd = arith.constant dense<0.5> : tensor<f32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %p1, %b1 = train.muon %p, %g, %b splits [1, 1] axis 1 lr %lr momentum %mu decay %wd scale %s : tensor<3x2xf64>, tensor<3x2xf64>
  %wantp = arith.constant dense<[[-0.9831822664619948, -0.3012477902449048], [-0.027642657364893304, 0.7045281794793954], [-0.5591299013885883, -0.1627485494437701]]> : tensor<3x2xf64>
  %wantb = arith.constant dense<[[-1.44, -0.43], [1.40425, -0.03750000000000009], [-1.35575, 0.398]]> : tensor<3x2xf64>
  check.close %p1, %wantp within 1.0e-12 : tensor<3x2xf64>
  check.close %b1, %wantb within 1.0e-12 : tensor<3x2xf64>
  return
}
