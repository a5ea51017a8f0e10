// Rotary positions, attention, the cache, products of activations. Expected
// values are NumPy's (einsum, matmul) by the formulas of the ops, in f64.

// RUN: qopt-interpret %s

// Pair i is (i, i + 2).
func.func @rope_halves() {
  %x = arith.constant dense<[[[[0.13, -0.13, 0.64, 0.1], [-0.54, 0.36, 1.3, 0.95]], [[-0.7, -1.27, -0.62, 0.04], [-2.33, -0.22, -1.25, -0.73]]]]> : tensor<1x2x2x4xf64>
  %c = arith.constant dense<[[[-0.54, -0.32], [0.41, 1.04]]]> : tensor<1x2x2xf64>
  %s = arith.constant dense<[[[-0.13, 1.37], [-0.67, 0.35]]]> : tensor<1x2x2xf64>
  %y = nn.rope %x, %c, %s : tensor<1x2x2x4xf64>, tensor<1x2x2xf64>, tensor<1x2x2xf64>
  %want = arith.constant dense<[[[[0.012999999999999998, -0.09540000000000001, -0.36250000000000004, -0.2101], [0.6496000000000001, 0.04190000000000005, 0.8948, 1.1139999999999999]], [[0.2974, 0.3516, 0.42580000000000007, -1.7527000000000001], [-1.7928, 0.0267, 1.0486000000000002, -0.8361999999999999]]]]> : tensor<1x2x2x4xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x2x2x4xf64>
  return
}

// Pair i is (2 i, 2 i + 1).
func.func @rope_interleaved() {
  %x = arith.constant dense<[[[[0.13, -0.13, 0.64, 0.1], [-0.54, 0.36, 1.3, 0.95]], [[-0.7, -1.27, -0.62, 0.04], [-2.33, -0.22, -1.25, -0.73]]]]> : tensor<1x2x2x4xf64>
  %c = arith.constant dense<[[[-0.54, -0.32], [0.41, 1.04]]]> : tensor<1x2x2xf64>
  %s = arith.constant dense<[[[-0.13, 1.37], [-0.67, 0.35]]]> : tensor<1x2x2xf64>
  %y = nn.rope %x, %c, %s interleaved : tensor<1x2x2x4xf64>, tensor<1x2x2xf64>, tensor<1x2x2xf64>
  %want = arith.constant dense<[[[[-0.08710000000000001, 0.053300000000000014, -0.3418, 0.8448000000000001], [0.019799999999999984, 0.5094000000000001, 1.0195, 1.443]], [[0.2129, 0.7768, 0.14359999999999998, -0.8622000000000001], [-1.1027, 1.4709, -1.0445, -1.1966999999999999]]]]> : tensor<1x2x2x4xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x2x2x4xf64>
  return
}

// T = 1, angles for each batch, and only the first pair of five channels turns.
func.func @rope_partial() {
  %x = arith.constant dense<[[[[0.9, 0.09, -0.74, -0.92, -0.46]]], [[[0.22, -1.01, -0.21, -0.16, 0.54]]]]> : tensor<2x1x1x5xf64>
  %c = arith.constant dense<[[[0.21]], [[0.36]]]> : tensor<2x1x1xf64>
  %s = arith.constant dense<[[[-0.65]], [[-0.13]]]> : tensor<2x1x1xf64>
  %y = nn.rope %x, %c, %s : tensor<2x1x1x5xf64>, tensor<2x1x1xf64>, tensor<2x1x1xf64>
  %want = arith.constant dense<[[[[0.2475, -0.5661, -0.74, -0.92, -0.46]]], [[[-0.05210000000000001, -0.3922, -0.21, -0.16, 0.54]]]]> : tensor<2x1x1x5xf64>
  check.close %y, %want within 1.0e-14 : tensor<2x1x1x5xf64>
  return
}

// No mask; keys and values differ in size.
func.func @attention_plain() {
  %q = arith.constant dense<[[[[0.78, 1.49], [-1.26, 1.51], [1.35, 0.78]], [[0.26, -0.31], [1.46, 1.96], [1.8, 1.32]]]]> : tensor<1x2x3x2xf64>
  %k = arith.constant dense<[[[[0.36, -1.21], [-0.0, 0.66], [-1.29, 0.4]], [[0.43, 0.7], [-1.18, -0.66], [-0.44, -1.17]]]]> : tensor<1x2x3x2xf64>
  %v = arith.constant dense<[[[[1.74, -0.5, 0.33], [-0.26, 1.58, 1.32], [0.63, -2.2, 0.05]], [[0.68, 1.0, -0.62], [1.82, -1.32, -0.66], [0.94, 0.05, 2.0]]]]> : tensor<1x2x3x3xf64>
  %y = nn.attention %q, %k, %v scale 0.5 : tensor<1x2x3x2xf64>, tensor<1x2x3x2xf64>, tensor<1x2x3x3xf64> -> tensor<1x2x3x3xf64>
  %want = arith.constant dense<[[[[0.3088751255555151, 0.19123983907985487, 0.806771616778162], [0.4086333543705351, -0.8508370210725474, 0.48472579104584845], [0.5259123499750922, 0.22093481142775495, 0.7735579502338348]], [[1.1344767772015552, -0.08210594418135336, 0.3460820671628996], [0.7784946421243547, 0.7689581781378785, -0.4323261371493391], [0.7969331432683741, 0.716464561255195, -0.33946115148135636]]]]> : tensor<1x2x3x3xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x2x3x3xf64>
  return
}

// Four query heads share two key heads; three keys for two queries: the first
// query sees two of them.
func.func @attention_grouped_causal() {
  %q = arith.constant dense<[[[[0.19, -0.63], [-0.38, -1.09]], [[-1.28, 0.63], [0.58, 1.29]], [[-0.75, 1.69], [-0.29, 1.57]], [[-0.43, -0.74], [0.25, 1.03]]]]> : tensor<1x4x2x2xf64>
  %k = arith.constant dense<[[[[0.16, -0.59], [-1.34, -1.4], [0.5, 0.99]], [[-0.16, -1.07], [0.87, -1.28], [-0.71, 0.62]]]]> : tensor<1x2x3x2xf64>
  %v = arith.constant dense<[[[[-2.25, 0.39], [-0.58, 0.11], [-0.08, 0.2]], [[0.69, -0.76], [1.42, 0.73], [0.84, 1.16]]]]> : tensor<1x2x3x2xf64>
  %y = nn.attention %q, %k, %v causal scale 0.7 : tensor<1x4x2x2xf64>, tensor<1x2x3x2xf64>, tensor<1x2x3x2xf64> -> tensor<1x4x2x2xf64>
  %want = arith.constant dense<[[[[-1.3492922113509693, 0.23898312525644996], [-0.959632830033252, 0.18542877457079926]], [[-1.0334827866025096, 0.18603304206509141], [-0.46072663002663217, 0.2275416543581752]], [[0.9180116794945412, -0.2946062980179912], [0.8653863299124478, 0.9105524084930006]], [[1.0183953371871333, -0.08971362683722112], [0.927624362812496, 0.6968383170029596]]]]> : tensor<1x4x2x2xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x4x2x2xf64>
  return
}

// A mask of floats is added, and repeated for every query.
func.func @attention_float_mask() {
  %q = arith.constant dense<[[[[0.79, 0.84], [0.08, -1.43]]]]> : tensor<1x1x2x2xf64>
  %k = arith.constant dense<[[[[-0.14, -0.77], [-1.42, 0.26], [-0.57, -1.03]]]]> : tensor<1x1x3x2xf64>
  %v = arith.constant dense<[[[[-1.04, 0.27], [0.36, 1.32], [-0.01, 1.04]]]]> : tensor<1x1x3x2xf64>
  %m = arith.constant dense<[[[[0.0, -1.5, 0xFFF0000000000000]]]]> : tensor<1x1x1x3xf64>
  %y = nn.attention %q, %k, %v mask %m scale 1.0 : tensor<1x1x2x2xf64>, tensor<1x1x3x2xf64>, tensor<1x1x3x2xf64>, tensor<1x1x1x3xf64> -> tensor<1x1x2x2xf64>
  %want = arith.constant dense<[[[[-0.8136895882518395, 0.4397328088111205], [-0.9782072452515362, 0.3163445660613478]]]]> : tensor<1x1x2x2xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x1x2x2xf64>
  return
}

// A mask of bools; a query that sees nothing gives 0.
func.func @attention_bool_mask() {
  %q = arith.constant dense<[[[[0.79, 0.84], [0.08, -1.43]]]]> : tensor<1x1x2x2xf64>
  %k = arith.constant dense<[[[[-0.14, -0.77], [-1.42, 0.26], [-0.57, -1.03]]]]> : tensor<1x1x3x2xf64>
  %v = arith.constant dense<[[[[-1.04, 0.27], [0.36, 1.32], [-0.01, 1.04]]]]> : tensor<1x1x3x2xf64>
  %m = arith.constant dense<[[true, false, true], [false, false, false]]> : tensor<2x3xi1>
  %y = nn.attention %q, %k, %v mask %m scale 1.0 : tensor<1x1x2x2xf64>, tensor<1x1x3x2xf64>, tensor<1x1x3x2xf64>, tensor<2x3xi1> -> tensor<1x1x2x2xf64>
  %want = arith.constant dense<[[[[-0.6650931871616719, 0.5502701416364202], [0.0, 0.0]]]]> : tensor<1x1x2x2xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x1x2x2xf64>
  return
}

// T = 1. A key that is hidden counts for nothing, even if its value is NaN.
func.func @attention_key_mask() {
  %q = arith.constant dense<[[[[1.4, 1.15]]], [[[-2.37, 1.23]]]]> : tensor<2x1x1x2xf64>
  %k = arith.constant dense<[[[[0.34, 0.42], [0.37, 0.38], [0.32, -0.36]]], [[[-1.9, -0.11], [-0.8, 1.08], [-0.29, 0.08]]]]> : tensor<2x1x3x2xf64>
  %v = arith.constant dense<[[[[-0.85, -0.51], [-0.01, -1.49], [0.3, 0x7FF8000000000000]]], [[[-1.19, -2.4], [0.51, -0.3], [-0.53, -0.24]]]]> : tensor<2x1x3x2xf64>
  %m = arith.constant dense<[[true, true, false], [false, true, true]]> : tensor<2x3xi1>
  %y = nn.attention %q, %k, %v key_mask %m causal scale 1.0 : tensor<2x1x1x2xf64>, tensor<2x1x3x2xf64>, tensor<2x1x3x2xf64> key_mask tensor<2x3xi1> -> tensor<2x1x1x2xf64>
  %want = arith.constant dense<[[[[-0.4308399988800018, -0.9990200013066646]]], [[[0.4265204133764269, -0.29518387000248614]]]]> : tensor<2x1x1x2xf64>
  check.close %y, %want within 1.0e-14 : tensor<2x1x1x2xf64>
  return
}

// Scores of a million do not overflow.
func.func @attention_large_scores() {
  %q = arith.constant dense<[[[[1000.0]]]]> : tensor<1x1x1x1xf64>
  %k = arith.constant dense<[[[[1000.0], [-1000.0]]]]> : tensor<1x1x2x1xf64>
  %v = arith.constant dense<[[[[2.0], [3.0]]]]> : tensor<1x1x2x1xf64>
  %y = nn.attention %q, %k, %v scale 1.0 : tensor<1x1x1x1xf64>, tensor<1x1x2x1xf64>, tensor<1x1x2x1xf64> -> tensor<1x1x1x1xf64>
  %want = arith.constant dense<[[[[2.0]]]]> : tensor<1x1x1x1xf64>
  check.close %y, %want within 1.0e-14 : tensor<1x1x1x1xf64>
  return
}

// The cache starts empty; the second step sees the first one's positions, and
// a third one at position 1 forgets what came behind it.
ml_program.global private mutable @cache : tensor<?x2x?x1xf32>

func.func @cache_append() {
  %p0 = arith.constant 0 : index
  %p1 = arith.constant 1 : index
  %p2 = arith.constant 2 : index
  %a = arith.constant dense<[[[[1.0], [2.0]], [[3.0], [4.0]]]]> : tensor<1x2x2x1xf32>
  %b = arith.constant dense<[[[[5.0]], [[6.0]]]]> : tensor<1x2x1x1xf32>
  %x = nn.cache_append @cache, %a at %p0 : tensor<1x2x2x1xf32> -> tensor<1x2x?x1xf32>
  %y = nn.cache_append @cache, %b at %p2 : tensor<1x2x1x1xf32> -> tensor<1x2x?x1xf32>
  %z = nn.cache_append @cache, %b at %p1 : tensor<1x2x1x1xf32> -> tensor<1x2x?x1xf32>
  %y3 = nn.reshape %y : tensor<1x2x?x1xf32> -> tensor<1x2x3x1xf32>
  %z2 = nn.reshape %z : tensor<1x2x?x1xf32> -> tensor<1x2x2x1xf32>
  %want3 = arith.constant dense<[[[[1.0], [2.0], [5.0]], [[3.0], [4.0], [6.0]]]]> : tensor<1x2x3x1xf32>
  %want2 = arith.constant dense<[[[[1.0], [5.0]], [[3.0], [6.0]]]]> : tensor<1x2x2x1xf32>
  check.close %y3, %want3 within 0.0 : tensor<1x2x3x1xf32>
  check.close %z2, %want2 within 0.0 : tensor<1x2x2x1xf32>
  return
}

// A call computes what its callee says.
func.func @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = nn.add %x, %x : tensor<?xf32>, tensor<?xf32>
  return %y : tensor<?xf32>
}

func.func @call() {
  %n = arith.constant 2 : index
  %x = arith.constant dense<[1.0, -2.5]> : tensor<2xf32>
  %d = nn.reshape %x [%n] : tensor<2xf32> -> tensor<?xf32>
  %e = func.call @twice(%d) : (tensor<?xf32>) -> tensor<?xf32>
  %y = nn.reshape %e : tensor<?xf32> -> tensor<2xf32>
  %want = arith.constant dense<[2.0, -5.0]> : tensor<2xf32>
  check.close %y, %want within 0.0 : tensor<2xf32>
  return
}
