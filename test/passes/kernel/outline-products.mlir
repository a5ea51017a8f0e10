// The products of a training step: each becomes a kernel that reads stored
// matrices turned where they lie and takes the elementwise ops behind it along.

// RUN: qopt-opt %s --qopt-outline-kernels | FileCheck %s

// CHECK-LABEL: kernel.func @linear_weight_grad_0
// CHECK:       ^bb0([[DY:%.*]]: tensor<?x6xf32>, [[X:%.*]]: tensor<?x8xf32>, [[SUM:%.*]]: tensor<6x8xf32>):
// CHECK-NEXT:    [[DW:%.*]] = train.linear_weight_grad [[DY]], [[X]]
// CHECK-NEXT:    [[C:%.*]] = arith.constant
// CHECK-NEXT:    [[S:%.*]] = nn.mul [[DW]], [[C]]
// CHECK-NEXT:    [[A:%.*]] = nn.add [[SUM]], [[S]]
// CHECK-NEXT:    kernel.return [[A]]
func.func @gradients_are_summed(
    %dy: tensor<?x6xf32> {nn.dims = affine_map<()[s0] -> (s0, 6)>},
    %x: tensor<?x8xf32> {nn.dims = affine_map<()[s0] -> (s0, 8)>}, %sum: tensor<6x8xf32>)
    -> tensor<6x8xf32> attributes {nn.symbols = ["rows"]} {
  %half = arith.constant dense<0.5> : tensor<f32>
  %dw = train.linear_weight_grad %dy, %x : tensor<?x6xf32>, tensor<?x8xf32> -> tensor<6x8xf32>
  %s = nn.mul %dw, %half : tensor<6x8xf32>, tensor<f32>
  %r = nn.add %sum, %s : tensor<6x8xf32>, tensor<6x8xf32>
  return %r : tensor<6x8xf32>
}

// The weight of dX is read where it lies, by the kernel; the one of the forward
// pass, too.
// CHECK-LABEL: kernel.func @linear_0
// CHECK-NEXT:  ^bb0({{.*}}: tensor<?x8xf32>, {{.*}}: tensor<6x8xf32>):
// CHECK-NEXT:    nn.linear
// CHECK-LABEL: kernel.func @linear_1
// CHECK-NEXT:  ^bb0([[W:%.*]]: tensor<6x8xf32>, [[DY:%.*]]: tensor<?x6xf32>):
// CHECK-NEXT:    [[WT:%.*]] = nn.transpose [[W]] [1, 0]
// CHECK-NEXT:    nn.linear [[DY]], [[WT]]
// CHECK-NOT:   kernel.func @transpose
func.func @input_gradient(
    %dy: tensor<?x6xf32> {nn.dims = affine_map<()[s0] -> (s0, 6)>},
    %x: tensor<?x8xf32> {nn.dims = affine_map<()[s0] -> (s0, 8)>}, %w: tensor<6x8xf32>)
    -> (tensor<?x6xf32>, tensor<?x8xf32>) attributes {nn.symbols = ["rows"]} {
  %y = nn.linear %x, %w : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
  %wt = nn.transpose %w [1, 0] : tensor<6x8xf32>
  %dx = nn.linear %dy, %wt : tensor<?x6xf32>, tensor<8x6xf32> -> tensor<?x8xf32>
  return %y, %dx : tensor<?x6xf32>, tensor<?x8xf32>
}

// A step of Muon's iteration, on a matrix that another kernel stores.
// CHECK-LABEL: kernel.func @matmul_0
// CHECK:         [[T:%.*]] = nn.transpose
// CHECK-NEXT:    [[P:%.*]] = nn.matmul {{.*}}, [[T]]
// CHECK:         nn.mul [[P]]
// CHECK-NEXT:    nn.add
// CHECK-LABEL: kernel.func @matmul_1
// CHECK-NEXT:  ^bb0
// CHECK-NEXT:    nn.matmul
// CHECK-NEXT:    kernel.return
func.func @muon(%x: tensor<6x8xf32>, %c: tensor<6x6xf32>) -> tensor<6x8xf32> attributes {nn.symbols = []} {
  %b = arith.constant dense<2.0> : tensor<f32>
  %n = nn.softmax %x axis 1 : tensor<6x8xf32>
  %nt = nn.transpose %n [1, 0] : tensor<6x8xf32>
  %a = nn.matmul %n, %nt : tensor<6x8xf32>, tensor<8x6xf32>
  %ba = nn.mul %a, %b : tensor<6x6xf32>, tensor<f32>
  %bb = nn.add %ba, %c : tensor<6x6xf32>, tensor<6x6xf32>
  %y = nn.matmul %bb, %n : tensor<6x6xf32>, tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}

// What is read in another order, or is computed on the way, is stored first.
// CHECK-LABEL: kernel.func @transpose_0
// CHECK:         nn.transpose {{.*}} [1, 0, 2]
// CHECK-LABEL: kernel.func @transpose_1
// CHECK:         nn.exp
// CHECK-NEXT:    nn.transpose {{.*}} [0, 2, 1]
// CHECK-LABEL: kernel.func @matmul_2
// CHECK-NEXT:  ^bb0
// CHECK-NEXT:    nn.matmul
func.func @other_views(%x: tensor<2x3x8xf32>, %y: tensor<3x5x8xf32>) -> tensor<3x2x5xf32>
    attributes {nn.symbols = []} {
  %xt = nn.transpose %x [1, 0, 2] : tensor<2x3x8xf32>
  %e = nn.exp %y : tensor<3x5x8xf32>
  %et = nn.transpose %e [0, 2, 1] : tensor<3x5x8xf32>
  %z = nn.matmul %xt, %et : tensor<3x2x8xf32>, tensor<3x8x5xf32>
  return %z : tensor<3x2x5xf32>
}

// Computing again is a matter of order, not of kernels.
// CHECK-LABEL: kernel.func @rms_norm_0
// CHECK-NOT:   train.recompute
func.func @recomputed(%x: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) attributes {nn.symbols = []} {
  %y = nn.rms_norm %x eps 1.0e-6 : tensor<2x8xf32>
  %again = train.recompute %x after %y : tensor<2x8xf32>, tensor<2x8xf32>
  %z = nn.rms_norm %again eps 1.0e-6 : tensor<2x8xf32>
  return %y, %z : tensor<2x8xf32>, tensor<2x8xf32>
}

// Weights in panels are transposed before: the product reads rows.
// CHECK-LABEL: kernel.func @transpose_2
// CHECK:         nn.transpose
// CHECK-LABEL: kernel.func @linear_2
// CHECK-NEXT:  ^bb0
// CHECK-NEXT:    nn.linear
kernel.weight @panels layout <panel = 16> {
  %w = arith.constant dense<1.0> : tensor<6x8xf32>
  kernel.return %w : tensor<6x8xf32>
}
func.func @panels_are_moved(%dy: tensor<3x6xf32>) -> tensor<3x8xf32> attributes {nn.symbols = []} {
  %w = kernel.load @panels : tensor<6x8xf32>
  %wt = nn.transpose %w [1, 0] : tensor<6x8xf32>
  %dx = nn.linear %dy, %wt : tensor<3x6xf32>, tensor<8x6xf32> -> tensor<3x8xf32>
  return %dx : tensor<3x8xf32>
}

// A weight in rows is read where it lies.
// CHECK-LABEL: kernel.func @linear_3
// CHECK-NEXT:  ^bb0
// CHECK-NEXT:    nn.transpose
// CHECK-NEXT:    nn.linear
kernel.weight @rows layout <panel = 0> {
  %w = arith.constant dense<1.0> : tensor<6x8xf32>
  kernel.return %w : tensor<6x8xf32>
}
func.func @rows_are_read_in_place(%dy: tensor<3x6xf32>) -> tensor<3x8xf32> attributes {nn.symbols = []} {
  %w = kernel.load @rows : tensor<6x8xf32>
  %wt = nn.transpose %w [1, 0] : tensor<6x8xf32>
  %dx = nn.linear %dy, %wt : tensor<3x6xf32>, tensor<8x6xf32> -> tensor<3x8xf32>
  return %dx : tensor<3x8xf32>
}
