// Gradients that are ops, against values that NumPy computes from the formulas.

// RUN: qopt-interpret %s

func.func @linear_weight() {
  %dy = arith.constant dense<[[0.126, -0.132], [0.64, 0.105], [-0.536, 0.362]]> : tensor<3x2xf64>
  %x = arith.constant dense<[[1.304, 0.947, -0.704, -1.265], [-0.623, 0.041, -2.325, -0.219], [-1.246, -0.732, -0.544, -0.316]]> : tensor<3x4xf64>
  %dw = train.linear_weight_grad %dy, %x : tensor<3x2xf64>, tensor<3x4xf64> -> tensor<2x4xf64>
  %want = arith.constant dense<[[0.43344000000000005, 0.537914, -1.28512, -0.13017399999999998], [-0.688595, -0.385683, -0.348125, 0.029593000000000005]]> : tensor<2x4xf64>
  check.close %dw, %want within 1.0e-12 : tensor<2x4xf64>
  return
}

// The numbers that the codes mean, less the zero of their group.
func.func @packed_linear() {
  %dy = arith.constant dense<[[-0.922, -0.458, 0.22], [-1.01, -0.209, -0.159]]> : tensor<2x3xf64>
  %k = arith.constant dense<[[-7, -4, -1, -2], [-2, -8, -8, -7], [-8, 2, 0, 2]]> : tensor<3x4xi8>
  %s = arith.constant dense<[[0.5, 0.25], [1.0, 0.125], [2.0, 0.5]]> : tensor<3x2xf32>
  %z = arith.constant dense<[[-2, 0], [1, -1], [-1, 2]]> : tensor<3x2xi8>
  %dx = train.packed_linear_grad %dy, %k scales %s zeros %z scheme <asym, bits = 4, per = group, group = 2>
        : tensor<2x3xf64>, tensor<3x4xi8>, tensor<3x2xf32> zeros tensor<3x2xi8> -> tensor<2x4xf64>
  %want = arith.constant dense<[[0.5990000000000002, 6.364000000000001, 0.41125, 0.8045], [5.378, 1.937, 0.594375, 0.66175]]> : tensor<2x4xf64>
  check.close %dx, %want within 1.0e-12 : tensor<2x4xf64>
  return
}

func.func @norm_of_many_gains() {
  %dy = arith.constant dense<[[0.784, 1.493, -1.259, 1.514], [1.346, 0.781, 0.264, -0.314], [1.458, 1.96, 1.802, 1.315]]> : tensor<3x4xf64>
  %x = arith.constant dense<[[0.357, -1.208, -0.004, 0.656], [-1.288, 0.395, 0.43, 0.696], [-1.184, -0.662, -0.436, -1.17]]> : tensor<3x4xf64>
  %g = arith.constant dense<[0.541, 0.215, 0.355, -0.654]> : tensor<4xf64>
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 0.01 : tensor<3x4xf64>, tensor<4xf64>
  %wantx = arith.constant dense<[[0.8054085752581944, -0.27636256771134826, -0.6256440955556404, -0.9875795333223296], [0.47452170464307025, 0.3469637005435066, 0.26558049170028275, 0.4974181282501938], [0.6703804736105183, 0.3536615900763074, 0.6235161951361835, -1.1056551723299828]]> : tensor<3x4xf64>
  %wantg = arith.constant dense<[-3.653775599269356, -3.525968077784807, -0.6974004335812443, -0.5494298039140573]> : tensor<4xf64>
  check.close %dx, %wantx within 1.0e-12 : tensor<3x4xf64>
  check.close %dg, %wantg within 1.0e-12 : tensor<4xf64>
  return
}

func.func @norm_of_one_gain() {
  %dy = arith.constant dense<[[1.739, -0.496, 0.329, -0.259], [1.583, 1.32, 0.633, -2.204], [0.052, 0.684, 1.004, -0.618]]> : tensor<3x4xf64>
  %x = arith.constant dense<[[1.822, -1.32, -0.662, 0.935], [0.049, 2.002, 0.189, -0.633], [-0.378, -1.091, -1.278, 0.63]]> : tensor<3x4xf64>
  %g = arith.constant dense<[-0.13]> : tensor<1xf64>
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 0.01 : tensor<3x4xf64>, tensor<1xf64>
  %wantx = arith.constant dense<[[-0.08045329988293533, -0.020130017402679834, -0.06940596187182677, 0.07691397935297127], [-0.18862861435861872, 0.06991935494455459, -0.0558009568985397, 0.19719366496054497], [0.030839571225833372, 0.013762933799508483, -0.012454237570459407, 0.0234843926047906]]> : tensor<3x4xf64>
  %wantg = arith.constant dense<[4.011010536637767]> : tensor<1xf64>
  check.close %dx, %wantx within 1.0e-12 : tensor<3x4xf64>
  check.close %dg, %wantg within 1.0e-12 : tensor<1xf64>
  return
}

func.func @swiglu() {
  %dy = arith.constant dense<[0.581, 1.295, -0.755, 1.689, -0.287]> : tensor<5xf64>
  %g = arith.constant dense<[1.574, -0.433, -0.735, 0.25, 1.031]> : tensor<5xf64>
  %u = arith.constant dense<[0.161, -0.586, -1.341, -1.402, 0.503]> : tensor<5xf64>
  %dg, %du = train.swiglu_grad %dy, %g, %u : tensor<5xf64>
  %wantg = arith.constant dense<[0.09841926573843708, -0.2201327579207074, 0.16512165312131566, -1.4769316094577536, -0.13525122172515103]> : tensor<5xf64>
  %wantu = arith.constant dense<[0.7575239329371041, -0.2205988613581826, 0.17985034472668235, 0.23737902749902826, -0.2181085550423501]> : tensor<5xf64>
  check.close %dg, %wantg within 1.0e-12 : tensor<5xf64>
  check.close %du, %wantu within 1.0e-12 : tensor<5xf64>
  return
}

func.func @attention_causal_groups() {
  %dy = arith.constant dense<[[[[1.042], [1.402]], [[1.15], [-2.365]], [[1.229], [0.34]], [[0.424], [0.371]]]]> : tensor<1x4x2x1xf64>
  %q = arith.constant dense<[[[[0.99, -0.164], [-1.074, 0.873]], [[-1.28, -0.713], [0.621, -2.25]], [[0.386, -0.582], [0.109, -0.076]], [[0.202, 0.694], [-0.758, 1.421]]]]> : tensor<1x4x2x2xf64>
  %k = arith.constant dense<[[[[0.726, 0.844], [1.165, 0.788], [0.844, 0.076]], [[-1.427, -0.135], [-0.77, -1.423], [0.258, -0.569]]]]> : tensor<1x2x3x2xf64>
  %v = arith.constant dense<[[[[-1.03], [-1.043], [0.268]], [[0.359], [1.322], [-0.014]]]]> : tensor<1x2x3x1xf64>
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.7 : tensor<1x4x2x1xf64>, tensor<1x4x2x2xf64>, tensor<1x2x3x2xf64>, tensor<1x2x3x1xf64>
  %wantq = arith.constant dense<[[[[-0.0010159618206891884, 0.00012959877439326113], [-0.01596909014818423, -0.17971905131843]], [[-0.0011110348858593558, 0.00014172654580442672], [0.0691634146201893, 0.3806675714195633]], [[0.12058767670837055, -0.23640323835674512], [-0.039995912052386264, -0.05944877507750484]], [[0.043765383946711776, -0.08579880444956572], [-0.01391110826367825, -0.0315434386685463]]]]> : tensor<1x4x2x2xf64>
  check.close %dq, %wantq within 1.0e-12 : tensor<1x4x2x2xf64>
  %wantk = arith.constant dense<[[[[0.28660612042622313, -0.6210867064593437], [0.2938851338317738, -0.7535456210117836], [-0.580491254257997, 1.3746323274711272]], [[-0.07760063244813173, 0.046190845950143], [0.06730014519287661, -0.02071471645333839], [0.010300487255255166, -0.02547612949680473]]]]> : tensor<1x2x3x2xf64>
  check.close %dk, %wantk within 1.0e-12 : tensor<1x2x3x2xf64>
  %wantv = arith.constant dense<[[[[1.3337997108264186], [0.9676606211086918], [-1.0724603319351111]], [[1.0315500968535742], [1.144754390511912], [0.1876955126345137]]]]> : tensor<1x2x3x1xf64>
  check.close %dv, %wantv within 1.0e-12 : tensor<1x2x3x1xf64>
  return
}

func.func @attention_masks() {
  %dy = arith.constant dense<[[[[0.917], [1.067]], [[0.048], [0.917]]]]> : tensor<1x2x2x1xf64>
  %q = arith.constant dense<[[[[0.383, 0.319], [-0.359, -1.902]], [[-0.109, -0.804], [1.08, -0.289]]]]> : tensor<1x2x2x2xf64>
  %k = arith.constant dense<[[[[0.083, -0.85], [-0.511, -0.012], [-1.485, 0.301]], [[-0.106, -1.186], [-2.398, 0.513], [-0.298, -0.53]]]]> : tensor<1x2x3x2xf64>
  %v = arith.constant dense<[[[[-0.236], [1.816], [-0.05]], [[0.087], [-1.487], [1.647]]]]> : tensor<1x2x3x1xf64>
  %m = arith.constant dense<[[0.371, 0.613, -0.152], [-1.474, 1.029, -1.935]]> : tensor<2x3xf64>
  %p = arith.constant dense<[[true, false, true]]> : tensor<1x3xi1>
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v mask %m key_mask %p scale 0.7 : tensor<1x2x2x1xf64>, tensor<1x2x2x2xf64>, tensor<1x2x3x2xf64>, tensor<1x2x3x1xf64>, tensor<2x3xf64> key_mask tensor<1x3xi1>
  %wantq = arith.constant dense<[[[[-0.04169573191383246, 0.030607007291340034], [-0.030457081307627223, 0.022357207005790147]], [[-0.0020875959091583274, 0.007132619356290951], [-0.04205932713645156, 0.14370270104954277]]]]> : tensor<1x2x2x2xf64>
  check.close %dq, %wantq within 1.0e-12 : tensor<1x2x2x2xf64>
  %wantk = arith.constant dense<[[[[-0.003211334906606925, 0.02846200903481789], [0.0, 0.0], [0.003211334906606925, -0.028462009034817867]], [[-0.2353985695482782, 0.07204985756978016], [0.0, 0.0], [0.23539856954827826, -0.07204985756978018]]]]> : tensor<1x2x3x2xf64>
  check.close %dk, %wantk within 1.0e-12 : tensor<1x2x3x2xf64>
  %wantv = arith.constant dense<[[[[1.4976237762665625], [0.0], [0.48637622373343736]], [[0.6544797755020799], [0.0], [0.31052022449792016]]]]> : tensor<1x2x3x1xf64>
  check.close %dv, %wantv within 1.0e-12 : tensor<1x2x3x1xf64>
  return
}

// Row 2 is read twice, row 3 never.
func.func @embedding() {
  %dy = arith.constant dense<[[-0.24, -0.205], [-1.043, 0.613], [-0.2, -0.437], [0.52, -0.477]]> : tensor<4x2xf64>
  %ids = arith.constant dense<[2, 0, 2, 1]> : tensor<4xi64>
  %dt = train.embedding_grad %dy, %ids : tensor<4x2xf64>, tensor<4xi64> -> tensor<4x2xf64>
  %want = arith.constant dense<[[-1.043, 0.613], [0.52, -0.477], [-0.44, -0.642], [0.0, 0.0]]> : tensor<4x2xf64>
  check.close %dt, %want within 1.0e-12 : tensor<4x2xf64>
  return
}

// A row whose dy is 0 does not count.
func.func @cross_entropy() {
  %dy = arith.constant dense<[0.5, 0.0]> : tensor<2xf64>
  %x = arith.constant dense<[[1.389, 0.351, -0.474], [700.0, -1.308, 1.087]]> : tensor<2x3xf64>
  %t = arith.constant dense<[2, 1]> : tensor<2xi64>
  %dx = train.cross_entropy_grad %dy, %x, %t : tensor<2xf64>, tensor<2x3xf64>, tensor<2xi64>
  %want = arith.constant dense<[[0.33126434215848566, 0.1173213408973753, -0.448585683055861], [0.0, 0.0, -0.0]]> : tensor<2x3xf64>
  check.close %dx, %want within 1.0e-12 : tensor<2x3xf64>
  return
}

func.func @recompute() {
  %x = arith.constant dense<[1.0, -2.0]> : tensor<2xf64>
  %dy = arith.constant dense<3.0> : tensor<1xf64>
  %y = train.recompute %x after %dy : tensor<2xf64>, tensor<1xf64>
  check.close %y, %x within 0.0 : tensor<2xf64>
  return
}
