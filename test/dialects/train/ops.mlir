// The example of every op, and what its optional parts look like.
// RUN: qopt-opt %s | qopt-opt | FileCheck %s

// CHECK-LABEL: func @gradients(
func.func @gradients(%dy: tensor<?x?x6xf32>, %x: tensor<?x?x8xf32>, %g: tensor<8xf32>) {
  // CHECK: train.linear_weight_grad %{{.*}}, %{{.*}} : tensor<?x?x6xf32>, tensor<?x?x8xf32> -> tensor<6x8xf32>
  %dw = train.linear_weight_grad %dy, %x : tensor<?x?x6xf32>, tensor<?x?x8xf32> -> tensor<6x8xf32>
  return
}

// CHECK-LABEL: func @packed(
func.func @packed(%dy: tensor<?x6xf32>, %kw: tensor<6x8xi8>, %sw: tensor<6x2xf32>, %s: tensor<6xf32>, %z: tensor<6xi8>) {
  // CHECK: train.packed_linear_grad %{{.*}}, %{{.*}} scales %{{.*}} scheme <sym, bits = 4, per = group, group = 4>
  %dx = train.packed_linear_grad %dy, %kw scales %sw scheme <sym, bits = 4, per = group, group = 4>
        : tensor<?x6xf32>, tensor<6x8xi8>, tensor<6x2xf32> -> tensor<?x8xf32>
  // CHECK: train.packed_linear_grad {{.*}} zeros %{{.*}} scheme <asym{{.*}}, tensor<6xf32> zeros tensor<6xi8> ->
  %dz = train.packed_linear_grad %dy, %kw scales %s zeros %z scheme <asym, bits = 4, per = channel>
        : tensor<?x6xf32>, tensor<6x8xi8>, tensor<6xf32> zeros tensor<6xi8> -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @norm(
func.func @norm(%dy: tensor<?x?x8xf32>, %x: tensor<?x?x8xf32>, %g: tensor<8xf32>) {
  // CHECK: train.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}} eps {{.*}} : tensor<?x?x8xf32>, tensor<8xf32>
  %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 1.0e-6 : tensor<?x?x8xf32>, tensor<8xf32>
  return
}

// CHECK-LABEL: func @gate(
func.func @gate(%dy: tensor<?x8xf32>, %g: tensor<?x8xf32>, %u: tensor<?x8xf32>) {
  // CHECK: train.swiglu_grad %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8xf32>
  %dg, %du = train.swiglu_grad %dy, %g, %u : tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @attention(
func.func @attention(%dy: tensor<?x4x?x6xf32>, %q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x6xf32>,
                     %m: tensor<?x1x?x?xf32>, %p: tensor<?x?xi1>) {
  // CHECK: train.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} causal scale
  %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.5
                  : tensor<?x4x?x6xf32>, tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x6xf32>
  // CHECK: train.attention_grad {{.*}} mask %{{.*}} key_mask %{{.*}} scale
  %eq, %ek, %ev = train.attention_grad %dy, %q, %k, %v mask %m key_mask %p scale 0.5
                  : tensor<?x4x?x6xf32>, tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x6xf32>, tensor<?x1x?x?xf32> key_mask tensor<?x?xi1>
  return
}

// CHECK-LABEL: func @tables(
func.func @tables(%dy: tensor<?x?x8xf32>, %ids: tensor<?x?xi64>) {
  // CHECK: train.embedding_grad %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<?x?xi64> -> tensor<32x8xf32>
  %dt = train.embedding_grad %dy, %ids : tensor<?x?x8xf32>, tensor<?x?xi64> -> tensor<32x8xf32>
  return
}

// CHECK-LABEL: func @again(
func.func @again(%x: tensor<?x8xf32>, %dy: tensor<?x6xf32>) {
  // CHECK: train.recompute %{{.*}} after %{{.*}} : tensor<?x8xf32>, tensor<?x6xf32>
  %x1 = train.recompute %x after %dy : tensor<?x8xf32>, tensor<?x6xf32>
  return
}

// CHECK-LABEL: func @choice(
func.func @choice(%lambda: tensor<2xf32>, %a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %c: tensor<?x8xf32>) {
  // CHECK: train.choose %{{.*}} at 1 none %{{.*}} some %{{.*}} whole %{{.*}} : tensor<2xf32>, tensor<?x8xf32>
  %y = train.choose %lambda at 1 none %a some %b whole %c : tensor<2xf32>, tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @loss(
func.func @loss(%dy: tensor<?xf32>, %x: tensor<?x32xf32>, %t: tensor<?xi64>) {
  // CHECK: train.cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?x32xf32>, tensor<?xi64>
  %dx = train.cross_entropy_grad %dy, %x, %t : tensor<?xf32>, tensor<?x32xf32>, tensor<?xi64>
  return
}

// CHECK-LABEL: func @optimizers(
func.func @optimizers(%p: tensor<6x8xf32>, %g: tensor<6x8xf32>, %m: tensor<6x8xf32>, %v: tensor<6x8xf32>, %b: tensor<6x8xf32>,
                      %h: tensor<8xf32>, %t: tensor<i64>, %lr: tensor<f32>, %mu: tensor<f32>, %b1: tensor<f32>, %b2: tensor<f32>,
                      %e: tensor<f32>, %wd: tensor<f32>, %s: tensor<f32>, %most: tensor<f32>) {
  // CHECK: train.clip_norm %{{.*}} of %{{.*}}, %{{.*}} : tensor<6x8xf32>, tensor<8xf32>
  %norm, %scale = train.clip_norm %most of %g, %h : tensor<6x8xf32>, tensor<8xf32>
  // CHECK: train.sgd %{{.*}}, %{{.*}}, %{{.*}} lr %{{.*}} momentum %{{.*}} scale %{{.*}} : tensor<6x8xf32>, tensor<6x8xf32>
  %p1, %v1 = train.sgd %p, %g, %v lr %lr momentum %mu scale %s : tensor<6x8xf32>, tensor<6x8xf32>
  // CHECK: train.muon %{{.*}} lr
  %p4, %b4 = train.muon %p, %g, %b lr %lr momentum %mu decay %wd scale %s : tensor<6x8xf32>, tensor<6x8xf32>
  return
}

// CHECK-LABEL: func @adamw(
func.func @adamw(%p: tensor<6x8xf32>, %g: tensor<6x8xf32>, %m: tensor<6x8xf32>, %v: tensor<6x8xf32>, %t: tensor<i64>, %lr: tensor<f32>,
                 %b1: tensor<f32>, %b2: tensor<f32>, %e: tensor<f32>, %wd: tensor<f32>, %s: tensor<f32>) {
  // CHECK: train.adamw {{.*}} step %{{.*}} lr %{{.*}} betas %{{.*}}, %{{.*}} eps %{{.*}} decay %{{.*}} scale
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<6x8xf32>, tensor<6x8xf32>
  return
}

// CHECK-LABEL: func @muon(
func.func @muon(%p: tensor<6x8xf32>, %g: tensor<6x8xf32>, %b: tensor<6x8xf32>, %lr: tensor<f32>, %mu: tensor<f32>, %wd: tensor<f32>, %s: tensor<f32>) {
  // CHECK: train.muon {{.*}} splits [4, 2] axis 0 lr
  %p1, %b1 = train.muon %p, %g, %b splits [4, 2] axis 0 lr %lr momentum %mu decay %wd scale %s : tensor<6x8xf32>, tensor<6x8xf32>
  return
}

// CHECK-LABEL: func @states(
func.func @states(%x: tensor<6x8xf32>, %seed: tensor<i64>, %step: tensor<i64>) {
  // CHECK: train.encode_state %{{.*}} : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
  // CHECK: train.encode_state unsigned
  // CHECK: train.decode_state %{{.*}}, %{{.*}} : tensor<6x8xi8>, tensor<1xf32> -> tensor<6x8xf32>
  // CHECK: train.decode_state unsigned
  %k, %s = train.encode_state %x : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
  %l, %t = train.encode_state unsigned %x : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
  %m = train.decode_state %k, %s : tensor<6x8xi8>, tensor<1xf32> -> tensor<6x8xf32>
  %v = train.decode_state unsigned %l, %t : tensor<6x8xi8>, tensor<1xf32> -> tensor<6x8xf32>
  return
}

// CHECK-LABEL: func @rounding(
func.func @rounding(%x: tensor<6x8xf32>, %seed: tensor<i64>, %t: tensor<i64>) {
  // CHECK: train.stochastic_round %{{.*}} seed %{{.*}} step %{{.*}} stream 7 : tensor<6x8xf32> -> tensor<6x8xbf16>
  %y = train.stochastic_round %x seed %seed step %t stream 7 : tensor<6x8xf32> -> tensor<6x8xbf16>
  return
}

// CHECK-LABEL: func @classifier(
func.func @classifier(%dy: tensor<?xf32>, %x: tensor<?x8xf32>, %w: tensor<32x8xf32>, %t: tensor<?xi64>) {
  // CHECK: train.classifier_loss %{{.*}}, %{{.*}} targets %{{.*}} : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<?xf32>
  %y = train.classifier_loss %x, %w targets %t : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<?xf32>
  // CHECK: train.classifier_loss_grad %{{.*}}, %{{.*}}, %{{.*}} targets %{{.*}} : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<32x8xf32>
  %z, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t
      : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<32x8xf32>
  return
}

// CHECK-LABEL: func @taught(
func.func @taught(%dy: tensor<?xf32>, %x: tensor<?x8xf32>, %w: tensor<32x8xf32>, %t: tensor<?xi64>, %u: tensor<?x6xf32>, %tw: tensor<32x6xf32>) {
  // CHECK: train.classifier_loss %{{.*}}, %{{.*}} targets %{{.*}} teacher %{{.*}}, %{{.*}} kl 1.000000e+00 ce 1.000000e-01 : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> teacher tensor<?x6xf32>, tensor<32x6xf32> -> tensor<?xf32>
  %z = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1
       : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> teacher tensor<?x6xf32>, tensor<32x6xf32> -> tensor<?xf32>
  // CHECK: train.classifier_loss_grad %{{.*}}, %{{.*}}, %{{.*}} targets %{{.*}} teacher %{{.*}}, %{{.*}} kl 1.000000e+00 ce 1.000000e-01 : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> teacher tensor<?x6xf32>, tensor<32x6xf32>
  %y, %du = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1
      : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> teacher tensor<?x6xf32>, tensor<32x6xf32>
  return
}
