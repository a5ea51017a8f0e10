// Every rule against differences of the loss in f64, and the form of a few.
// RUN: qopt-opt %s --qopt-differentiate="arguments=true" -o %t.mlir
// RUN: qopt-interpret %t.mlir --check-gradients --tolerance 1e-6 | FileCheck %s --check-prefix=SLOPE
// RUN: FileCheck %s < %t.mlir

// The gradient of the input is a linear layer with the transposed weight.
// SLOPE-DAG: linear arg0, dimension 3
// SLOPE-DAG: linear w, dimension 3
// SLOPE-DAG: linear bias, dimension 1
// CHECK-LABEL: func @linear.grad(
// CHECK-SAME: %[[X:.*]]: tensor<?x2x4xf64>) -> (tensor<?x2x3xf64>, tensor<3x4xf64> {nn.name = "w.grad"}, tensor<3xf64> {nn.name = "bias.grad"}, tensor<?x2x4xf64> {nn.name = "arg0.grad"})
// CHECK: %[[W:.*]] = ml_program.global_load @w
// CHECK: %[[T:.*]] = nn.transpose %[[W]] [1, 0]
// CHECK: nn.linear %{{.*}}, %[[T]]
// CHECK: train.linear_weight_grad %{{.*}}, %[[X]]
ml_program.global private @w(#ml_program.extern : tensor<3x4xf64>) : tensor<3x4xf64> {nn.role = #nn.role<matrix>}
ml_program.global private @bias(#ml_program.extern : tensor<3xf64>) : tensor<3xf64> {nn.role = #nn.role<bias>}
func.func @linear(%x: tensor<?x2x4xf64>) -> tensor<?x2x3xf64> {
  %w = ml_program.global_load @w : tensor<3x4xf64>
  %b = ml_program.global_load @bias : tensor<3xf64>
  %y = nn.linear %x, %w bias %b splits [2, 1] : tensor<?x2x4xf64>, tensor<3x4xf64>, tensor<3xf64> -> tensor<?x2x3xf64>
  %z = nn.mul %y, %y : tensor<?x2x3xf64>, tensor<?x2x3xf64>
  return %z : tensor<?x2x3xf64>
}

// A table that both ends of the network read gets one sum.
// SLOPE-DAG: tied table, dimension 3
ml_program.global private @table(#ml_program.extern : tensor<5x4xf64>) : tensor<5x4xf64> {nn.role = #nn.role<embedding>}
// CHECK-LABEL: func @tied.grad(
// CHECK: train.linear_weight_grad
// CHECK: train.embedding_grad
// CHECK: nn.add
func.func @tied(%ids: tensor<?xi64>, %targets: tensor<?xi64>) -> tensor<?xf64> {
  %first = ml_program.global_load @table : tensor<5x4xf64>
  %x = nn.embedding %ids, %first : tensor<?xi64>, tensor<5x4xf64>
  %e = nn.exp %x : tensor<?x4xf64>
  %second = ml_program.global_load @table : tensor<5x4xf64>
  %y = nn.linear %e, %second : tensor<?x4xf64>, tensor<5x4xf64> -> tensor<?x5xf64>
  %l = nn.cross_entropy %y, %targets : tensor<?x5xf64>, tensor<?xi64>
  return %l : tensor<?xf64>
}

// SLOPE-DAG: norms arg0, dimension 3
// SLOPE-DAG: norms arg1, dimension 3
// SLOPE-DAG: norms arg2, dimension 3
func.func @norms(%x: tensor<?x4xf64>, %g: tensor<4xf64>, %s: tensor<1xf64>) -> tensor<?x4xf64> {
  %a = nn.rms_norm %x, %g eps 0.01 : tensor<?x4xf64>, tensor<4xf64>
  %b = nn.rms_norm %x, %s eps 0.01 : tensor<?x4xf64>, tensor<1xf64>
  %c = nn.rms_norm %x eps 0.01 : tensor<?x4xf64>
  %d = nn.mul %a, %b : tensor<?x4xf64>, tensor<?x4xf64>
  %y = nn.mul %d, %c : tensor<?x4xf64>, tensor<?x4xf64>
  return %y : tensor<?x4xf64>
}

// Four query heads read two key heads, causally and through a mask of keys.
// SLOPE-DAG: attention arg0, dimension 3
// SLOPE-DAG: attention arg1, dimension 3
// SLOPE-DAG: attention arg2, dimension 1
func.func @attention(%q: tensor<1x4x3x2xf64>, %k: tensor<1x2x?x2xf64>, %v: tensor<1x2x?x3xf64>) -> tensor<1x4x3x3xf64> {
  %y = nn.attention %q, %k, %v causal scale 0.7 : tensor<1x4x3x2xf64>, tensor<1x2x?x2xf64>, tensor<1x2x?x3xf64> -> tensor<1x4x3x3xf64>
  %z = nn.mul %y, %y : tensor<1x4x3x3xf64>, tensor<1x4x3x3xf64>
  return %z : tensor<1x4x3x3xf64>
}

// SLOPE-DAG: masks arg0, dimension 3
// SLOPE-DAG: masks arg1, dimension 3
func.func @masks(%q: tensor<1x2x2x2xf64>, %k: tensor<1x2x3x2xf64>) -> tensor<1x2x2x2xf64> {
  %m = arith.constant dense<[[0.5, 0.0, 1.0], [-1.0, 0.25, 0.0]]> : tensor<2x3xf64>
  %p = arith.constant dense<[[true, false, true]]> : tensor<1x3xi1>
  %y = nn.attention %q, %k, %k mask %m key_mask %p scale 0.7 : tensor<1x2x2x2xf64>, tensor<1x2x3x2xf64>, tensor<1x2x3x2xf64>, tensor<2x3xf64> key_mask tensor<1x3xi1> -> tensor<1x2x2x2xf64>
  %z = nn.mul %y, %y : tensor<1x2x2x2xf64>, tensor<1x2x2x2xf64>
  return %z : tensor<1x2x2x2xf64>
}

// Three of four channels' pairs turn, half by half and side by side.
// SLOPE-DAG: rope arg0, dimension 3
// CHECK-LABEL: func @rope.grad(
// CHECK: nn.neg
// CHECK: nn.rope %{{.*}} interleaved
func.func @rope(%x: tensor<1x2x3x6xf64>) -> tensor<1x2x3x6xf64> {
  %c = arith.constant dense<[[[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]]> : tensor<1x3x2xf64>
  %s = arith.constant dense<[[[0.6, 0.5], [0.4, 0.3], [0.2, 0.1]]]> : tensor<1x3x2xf64>
  %a = nn.rope %x, %c, %s : tensor<1x2x3x6xf64>, tensor<1x3x2xf64>, tensor<1x3x2xf64>
  %b = nn.rope %x, %c, %s interleaved : tensor<1x2x3x6xf64>, tensor<1x3x2xf64>, tensor<1x3x2xf64>
  %y = nn.mul %a, %b : tensor<1x2x3x6xf64>, tensor<1x2x3x6xf64>
  return %y : tensor<1x2x3x6xf64>
}

// SLOPE-DAG: products arg0, dimension 3
// SLOPE-DAG: products arg1, dimension 3
func.func @products(%a: tensor<2x3x4xf64>, %b: tensor<4x5xf64>) -> tensor<2x5x5xf64> {
  %n = nn.matmul %a, %b : tensor<2x3x4xf64>, tensor<4x5xf64>
  %at = nn.transpose %a [0, 2, 1] : tensor<2x3x4xf64>
  %bt = nn.transpose %b [1, 0] : tensor<4x5xf64>
  %m = nn.matmul %at transposed, %bt transposed : tensor<2x4x3xf64>, tensor<5x4xf64>
  %y = nn.matmul %n transposed, %m : tensor<2x3x5xf64>, tensor<2x3x5xf64>
  return %y : tensor<2x5x5xf64>
}

// SLOPE-DAG: gates arg0, dimension 3
// SLOPE-DAG: gates arg1, dimension 3
func.func @gates(%g: tensor<?x3xf64>, %u: tensor<?x3xf64>) -> tensor<?x3xf64> {
  %a = nn.swiglu %g, %u : tensor<?x3xf64>
  %b = nn.silu %a : tensor<?x3xf64>
  %c = nn.sigmoid %b : tensor<?x3xf64>
  %d = nn.relu %u : tensor<?x3xf64>
  %y = nn.mul %c, %d : tensor<?x3xf64>, tensor<?x3xf64>
  return %y : tensor<?x3xf64>
}

// SLOPE-DAG: unary arg0, dimension 3
func.func @unary(%x: tensor<7xf64>) -> tensor<7xf64> {
  %a = nn.tanh %x : tensor<7xf64>
  %b = nn.erf %x : tensor<7xf64>
  %c = nn.sin %a : tensor<7xf64>
  %d = nn.cos %b : tensor<7xf64>
  %e = nn.abs %x : tensor<7xf64>
  %f = nn.neg %e : tensor<7xf64>
  %g = nn.exp %f : tensor<7xf64>
  %h = nn.log %g : tensor<7xf64>
  %i = nn.sqrt %e : tensor<7xf64>
  %j = nn.rsqrt %g : tensor<7xf64>
  %k = nn.reciprocal %j : tensor<7xf64>
  %l = nn.floor %x : tensor<7xf64>
  %m = nn.mul %c, %d : tensor<7xf64>, tensor<7xf64>
  %n = nn.mul %h, %i : tensor<7xf64>, tensor<7xf64>
  %o = nn.add %m, %n : tensor<7xf64>, tensor<7xf64>
  %p = nn.mul %o, %k : tensor<7xf64>, tensor<7xf64>
  %q = nn.sub %p, %l : tensor<7xf64>, tensor<7xf64>
  %r = nn.cast %q : tensor<7xf64> -> tensor<7xf32>
  %y = nn.mul %r, %r : tensor<7xf32>, tensor<7xf32>
  %z = nn.cast %y : tensor<7xf32> -> tensor<7xf64>
  return %z : tensor<7xf64>
}

// What is repeated gets a sum.
// SLOPE-DAG: binary arg0, dimension 3
// SLOPE-DAG: binary arg1, dimension 3
// SLOPE-DAG: binary arg2, dimension 3
func.func @binary(%a: tensor<?x3xf64>, %b: tensor<3xf64>, %c: tensor<1x1xf64>) -> tensor<?x3xf64> {
  %p = nn.add %a, %b : tensor<?x3xf64>, tensor<3xf64>
  %q = nn.sub %p, %c : tensor<?x3xf64>, tensor<1x1xf64>
  %r = nn.mul %q, %c : tensor<?x3xf64>, tensor<1x1xf64>
  %four = arith.constant dense<4.0> : tensor<f64>
  %b2 = nn.add %b, %four : tensor<3xf64>, tensor<f64>
  %s = nn.div %r, %b2 : tensor<?x3xf64>, tensor<3xf64>
  %a2 = nn.exp %a : tensor<?x3xf64>
  %t = nn.pow %a2, %b : tensor<?x3xf64>, tensor<3xf64>
  %u = nn.maximum %s, %t : tensor<?x3xf64>, tensor<?x3xf64>
  %v = nn.minimum %u, %a2 : tensor<?x3xf64>, tensor<?x3xf64>
  %k = nn.compare gt, %a, %b : tensor<?x3xf64>, tensor<3xf64>
  %w = nn.select %k, %v, %b : tensor<?x3xi1>, tensor<?x3xf64>, tensor<3xf64>
  %y = nn.mul %w, %s : tensor<?x3xf64>, tensor<?x3xf64>
  return %y : tensor<?x3xf64>
}

// SLOPE-DAG: views arg0, dimension 3
// SLOPE-DAG: views arg1, dimension 1
func.func @views(%x: tensor<?x4xf64>, %z: tensor<2x4xf64>) -> tensor<?x2x2xf64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf64>
  %s = nn.slice %x axis 1 from %c1 : tensor<?x4xf64> -> tensor<?x2xf64>
  %r = nn.reshape %x [%n] : tensor<?x4xf64> -> tensor<?x2x2xf64>
  %t = nn.transpose %r [0, 2, 1] : tensor<?x2x2xf64>
  %l = nn.triangle %t : tensor<?x2x2xf64>
  %j = nn.concat %x, %z axis 0 : tensor<?x4xf64>, tensor<2x4xf64> -> tensor<?x4xf64>
  %k = nn.slice %j axis 0 from %c1 size %n : tensor<?x4xf64> -> tensor<?x4xf64>
  %k3 = nn.reshape %k [%n] : tensor<?x4xf64> -> tensor<?x2x2xf64>
  %s3 = nn.reshape %s [%n] : tensor<?x2xf64> -> tensor<?x1x2xf64>
  %b = nn.broadcast %s3 [%n] : tensor<?x1x2xf64> -> tensor<?x2x2xf64>
  %p = nn.mul %l, %b : tensor<?x2x2xf64>, tensor<?x2x2xf64>
  %q = nn.mul %p, %k3 : tensor<?x2x2xf64>, tensor<?x2x2xf64>
  %y = nn.add %q, %k3 : tensor<?x2x2xf64>, tensor<?x2x2xf64>
  return %y : tensor<?x2x2xf64>
}

// SLOPE-DAG: reductions arg0, dimension 3
func.func @reductions(%x: tensor<?x4xf64>) -> tensor<?xf64> {
  %a = nn.reduce sum, %x axes [1] : tensor<?x4xf64>
  %b = nn.reduce mean, %x axes [0, 1] : tensor<?x4xf64>
  %c = nn.reduce max, %x axes [1] keep_dims : tensor<?x4xf64>
  %d = nn.reduce min, %x axes [0] : tensor<?x4xf64>
  %e = nn.cumsum %x axis 1 exclusive : tensor<?x4xf64>
  %f = nn.softmax %e axis 1 : tensor<?x4xf64>
  %g = nn.mul %f, %c : tensor<?x4xf64>, tensor<?x1xf64>
  %h = nn.mul %g, %d : tensor<?x4xf64>, tensor<4xf64>
  %i = nn.reduce sum, %h axes [1] : tensor<?x4xf64>
  %j = nn.mul %i, %a : tensor<?xf64>, tensor<?xf64>
  %y = nn.mul %j, %b : tensor<?xf64>, tensor<f64>
  return %y : tensor<?xf64>
}

// The teacher learns nothing.
// SLOPE-DAG: distillation student
ml_program.global private @student(#ml_program.extern : tensor<3x5xf64>) : tensor<3x5xf64> {nn.role = #nn.role<matrix>}
func.func @distillation() -> tensor<3xf64> {
  %x = ml_program.global_load @student : tensor<3x5xf64>
  %z = arith.constant dense<[[0.1, 0.2, -0.3, 0.4, 1.5], [0.0, 0.0, 0.0, 0.0, 0.0], [3.0, 2.0, 1.0, 0.0, -1.0]]> : tensor<3x5xf64>
  %y = nn.kl_divergence %x, %z : tensor<3x5xf64>, tensor<3x5xf64>
  return %y : tensor<3xf64>
}

// SLOPE-DAG: turned arg0, dimension 3
// CHECK-LABEL: func @turned.grad(
// CHECK: lowbit.hadamard %{{.*}} axis 1 orders [12] seed 3 transposed
func.func @turned(%x: tensor<?x12xf64>) -> tensor<?x12xf64> {
  %y = lowbit.hadamard %x axis 1 orders [12] seed 3 : tensor<?x12xf64>
  %z = lowbit.hadamard %y axis 1 orders [12] transposed : tensor<?x12xf64>
  %e = nn.exp %z : tensor<?x12xf64>
  return %e : tensor<?x12xf64>
}

// Frozen codes hand gradients on; the branch beside them learns.
// SLOPE-DAG: frozen arg0, dimension 3
// SLOPE-DAG: frozen arg1, dimension 3
// SLOPE-DAG: frozen arg2, dimension 3
// CHECK-LABEL: func @frozen.grad(
// CHECK: train.packed_linear_grad
func.func @frozen(%x: tensor<?x4xf64>, %a: tensor<2x4xf64>, %b: tensor<3x2xf64>) -> tensor<?x3xf64> {
  %k = arith.constant dense<[[1, -2, 3, 0], [4, 5, -6, 7], [-8, 1, 2, 3]]> : tensor<3x4xi8>
  %s = arith.constant dense<[0.5, 0.25, 0.125]> : tensor<3xf32>
  %base = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x4xf64>, tensor<3x4xi8>, tensor<3xf32> -> tensor<?x3xf64>
  %y = lowbit.lora_linear %x, %a, %b scale 0.5 onto %base : tensor<?x4xf64>, tensor<2x4xf64>, tensor<3x2xf64>, tensor<?x3xf64>
  %z = nn.mul %y, %y : tensor<?x3xf64>, tensor<?x3xf64>
  return %z : tensor<?x3xf64>
}

// SLOPE-DAG: classifier arg0, dimension 3
// SLOPE-DAG: classifier arg1, dimension 3
// CHECK-LABEL: func @classifier.grad(
// CHECK: train.classifier_loss_grad
func.func @classifier(%x: tensor<?x4xf64>, %w: tensor<5x4xf64>, %t: tensor<?xi64>) -> tensor<?xf64> {
  %y = train.classifier_loss %x, %w targets %t : tensor<?x4xf64>, tensor<5x4xf64>, tensor<?xi64> -> tensor<?xf64>
  %z = nn.mul %y, %y : tensor<?xf64>, tensor<?xf64>
  return %z : tensor<?xf64>
}

// A teacher learns nothing.
// SLOPE-DAG: taught arg0, dimension 3
// SLOPE-DAG: taught arg1, dimension 3
// CHECK-LABEL: func @taught.grad(
// CHECK: train.classifier_loss_grad {{.*}} teacher %{{.*}}, %{{.*}} kl 2.000000e+00 ce 2.500000e-01
func.func @taught(%x: tensor<3x4xf64>, %w: tensor<5x4xf64>, %t: tensor<3xi64>) -> tensor<3xf64> {
  %u = arith.constant dense<[[0.31, -0.77], [0.05, 0.64], [-1.1, 0.2]]> : tensor<3x2xf64>
  %v = arith.constant dense<[[0.5, -0.2], [-0.7, 0.3], [0.8, 1.1], [0.2, -0.4], [0.9, 0.1]]> : tensor<5x2xf64>
  %y = train.classifier_loss %x, %w targets %t teacher %u, %v kl 2.0 ce 0.25
       : tensor<3x4xf64>, tensor<5x4xf64>, tensor<3xi64> teacher tensor<3x2xf64>, tensor<5x2xf64> -> tensor<3xf64>
  return %y : tensor<3xf64>
}

// A head of codes has no gradient: that of its input alone is computed.
// SLOPE-DAG: head_of_codes arg0, dimension 3
// CHECK-LABEL: func @head_of_codes.grad(
// CHECK: %[[LOSS:.*]], %[[DX:.*]] = train.classifier_loss_grad
// CHECK-NOT: -> tensor<3x4xf64>
func.func @head_of_codes(%x: tensor<?x4xf64>, %t: tensor<?xi64>) -> tensor<?xf64> {
  %k = arith.constant dense<[[1, -2, 3, 0], [4, 5, -6, 7], [-8, 1, 2, 3]]> : tensor<3x4xi8>
  %s = arith.constant dense<[0.5, 0.25, 0.125]> : tensor<3xf32>
  %w = lowbit.dequantize %k, %s scheme <sym, bits = 4, per = channel> : tensor<3x4xi8>, tensor<3xf32> -> tensor<3x4xf64>
  %y = train.classifier_loss %x, %w targets %t : tensor<?x4xf64>, tensor<3x4xf64>, tensor<?xi64> -> tensor<?xf64>
  return %y : tensor<?xf64>
}
