// Bools are 0 and 1 to a maximum, and a mean's sum is wider than its elements.
// One row of angles, known to be one only when it runs, serves all batches.

// RUN: qopt %s --emit=obj -q -o %t.o --compare --tolerance=1e-6 | FileCheck %s

// CHECK: larger: equal
// CHECK: smaller: equal
// CHECK: any: equal
// CHECK: all: equal
// CHECK: mean: equal
// CHECK: turned: max error
func.func @run(%x: tensor<?x7xi1> {nn.name = "x", nn.dims = affine_map<()[s0, s1] -> (s0, 7)>},
               %y: tensor<?x7xi1> {nn.name = "y", nn.dims = affine_map<()[s0, s1] -> (s0, 7)>},
               %q: tensor<?x2x?x4xf32> {nn.name = "q", nn.dims = affine_map<()[s0, s1] -> (s0, 2, s1, 4)>},
               %cos: tensor<?x?x2xf32> {nn.name = "cos", nn.dims = affine_map<()[s0, s1] -> (1, s1, 2)>},
               %sin: tensor<?x?x2xf32> {nn.name = "sin", nn.dims = affine_map<()[s0, s1] -> (1, s1, 2)>})
    -> (tensor<?x7xi1> {nn.name = "larger"}, tensor<?x7xi1> {nn.name = "smaller"},
        tensor<?xi1> {nn.name = "any"}, tensor<?xi1> {nn.name = "all"},
        tensor<?xi8> {nn.name = "mean"}, tensor<?x2x?x4xf32> {nn.name = "turned"})
    attributes {nn.symbols = ["batch", "seq"]} {
  %larger = nn.maximum %x, %y : tensor<?x7xi1>, tensor<?x7xi1>
  %smaller = nn.minimum %x, %y : tensor<?x7xi1>, tensor<?x7xi1>
  %any = nn.reduce max, %x axes [1] : tensor<?x7xi1>
  %all = nn.reduce min, %x axes [1] : tensor<?x7xi1>
  %hundred = arith.constant dense<100> : tensor<1x7xi8>
  %i = nn.cast %x : tensor<?x7xi1> -> tensor<?x7xi8>
  %wide = nn.add %i, %hundred : tensor<?x7xi8>, tensor<1x7xi8>
  %mean = nn.reduce mean, %wide axes [1] : tensor<?x7xi8>
  %turned = nn.rope %q, %cos, %sin : tensor<?x2x?x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>
  return %larger, %smaller, %any, %all, %mean, %turned
    : tensor<?x7xi1>, tensor<?x7xi1>, tensor<?xi1>, tensor<?xi1>, tensor<?xi8>, tensor<?x2x?x4xf32>
}
