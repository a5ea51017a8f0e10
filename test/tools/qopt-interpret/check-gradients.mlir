// Gradients that are wrong, misnamed or missing are found.
// RUN: split-file %s %t
// RUN: qopt-interpret %t/right.mlir --check-gradients --tolerance 1e-6 | FileCheck %s --check-prefix=RIGHT
// RUN: not qopt-interpret %t/wrong.mlir --check-gradients --tolerance 1e-6 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not qopt-interpret %t/nameless.mlir --check-gradients 2>&1 | FileCheck %s --check-prefix=NAMELESS
// RUN: not qopt-interpret %t/unknown.mlir --check-gradients 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qopt-interpret %t/none.mlir --check-gradients 2>&1 | FileCheck %s --check-prefix=NONE

// RIGHT: square arg0, dimension 3: relative error
// RIGHT: square arg0, dimension 1: relative error
// WRONG: dimension 3: the gradient of 'arg0', element 0, is {{.*}}, but the loss changes by
// NAMELESS: expects result 1 to be named after what it is the gradient of
// UNKNOWN: has neither argument nor parameter 'other'
// NONE: checks nothing: there is no gradient

//--- right.mlir
func.func @square(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = nn.mul %x, %x : tensor<?xf32>, tensor<?xf32>
  return %y : tensor<?xf32>
}
func.func @square.grad(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32> {nn.name = "arg0.grad"}) {
  %y = nn.mul %x, %x : tensor<?xf32>, tensor<?xf32>
  %dx = nn.add %x, %x : tensor<?xf32>, tensor<?xf32>
  return %y, %dx : tensor<?xf32>, tensor<?xf32>
}

//--- wrong.mlir
func.func @square(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = nn.mul %x, %x : tensor<?xf32>, tensor<?xf32>
  return %y : tensor<?xf32>
}
func.func @square.grad(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32> {nn.name = "arg0.grad"}) {
  %y = nn.mul %x, %x : tensor<?xf32>, tensor<?xf32>
  return %y, %x : tensor<?xf32>, tensor<?xf32>
}

//--- nameless.mlir
func.func @loss(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
func.func @loss.grad(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  return %x, %x : tensor<3xf32>, tensor<3xf32>
}

//--- unknown.mlir
func.func @loss(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
func.func @loss.grad(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32> {nn.name = "other.grad"}) {
  return %x, %x : tensor<3xf32>, tensor<3xf32>
}

//--- none.mlir
func.func @loss(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
