// Optimizers against the interpreter: several tasks and odd sizes, on every kind
// of CPU that this one can run. Random squares are also negative: where a step
// of AdamW is NaN, it must be for both.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1 --within=1.0e-5
// RUN: qopt-kernel-bench %s --mcpu=avx2 --rows=1 --within=1.0e-5
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1 --within=1.0e-5
// A gradient of NaN.
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1 --within=1.0e-5 --special
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1 --within=1.0e-5
// RUN: qopt-kernel-simulate %s --rows=1 --special --within=1.0e-5

#row = #kernel.layout<panel = 0>

kernel.func @sgd dims [affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> ()>, affine_map<() -> ()>, affine_map<() -> ()>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%g: tensor<173x199xf32>, %p: tensor<173x199xf32>, %v: tensor<173x199xf32>, %lr: tensor<f32>, %mu: tensor<f32>, %s: tensor<f32>):
  %p1, %v1 = train.sgd %p, %g, %v lr %lr momentum %mu scale %s : tensor<173x199xf32>, tensor<173x199xf32>
  kernel.return %p1, %v1 : tensor<173x199xf32>, tensor<173x199xf32>
}

kernel.func @sgd_is_skipped dims [affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>]
    layouts [#row, #row, #row] {
^bb0(%g: tensor<173x199xf32>, %p: tensor<173x199xf32>, %v: tensor<173x199xf32>):
  %lr = arith.constant dense<0.03> : tensor<f32>
  %mu = arith.constant dense<0.9> : tensor<f32>
  %s = arith.constant dense<0x7FC00000> : tensor<f32>
  %p1, %v1 = train.sgd %p, %g, %v lr %lr momentum %mu scale %s : tensor<173x199xf32>, tensor<173x199xf32>
  kernel.return %p1, %v1 : tensor<173x199xf32>, tensor<173x199xf32>
}

kernel.func @adamw dims [affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> ()>, affine_map<() -> ()>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%g: tensor<173x199xf32>, %p: tensor<173x199xf32>, %m: tensor<173x199xf32>, %v: tensor<173x199xf32>, %lr: tensor<f32>, %s: tensor<f32>):
  %t = arith.constant dense<7> : tensor<i64>
  %b1 = arith.constant dense<0.9> : tensor<f32>
  %b2 = arith.constant dense<0.95> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<173x199xf32>, tensor<173x199xf32>
  kernel.return %p1, %m1, %v1 : tensor<173x199xf32>, tensor<173x199xf32>, tensor<173x199xf32>
}

kernel.func @adamw_of_a_vector dims [affine_map<() -> (5)>, affine_map<() -> (5)>, affine_map<() -> (5)>, affine_map<() -> (5)>, affine_map<() -> ()>, affine_map<() -> ()>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%g: tensor<5xf32>, %p: tensor<5xf32>, %m: tensor<5xf32>, %v: tensor<5xf32>, %lr: tensor<f32>, %s: tensor<f32>):
  %t = arith.constant dense<1> : tensor<i64>
  %b1 = arith.constant dense<0.9> : tensor<f32>
  %b2 = arith.constant dense<0.95> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<5xf32>, tensor<5xf32>
  kernel.return %p1, %m1, %v1 : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
}

kernel.func @adamw_is_skipped dims [affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> ()>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%g: tensor<173x199xf32>, %p: tensor<173x199xf32>, %m: tensor<173x199xf32>, %v: tensor<173x199xf32>, %lr: tensor<f32>):
  %t = arith.constant dense<7> : tensor<i64>
  %b1 = arith.constant dense<0.9> : tensor<f32>
  %b2 = arith.constant dense<0.95> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<0x7FC00000> : tensor<f32>
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<173x199xf32>, tensor<173x199xf32>
  kernel.return %p1, %m1, %v1 : tensor<173x199xf32>, tensor<173x199xf32>, tensor<173x199xf32>
}

kernel.func @adamw_of_16_bits dims [affine_map<() -> (40, 3)>, affine_map<() -> (40, 3)>, affine_map<() -> (40, 3)>, affine_map<() -> (40, 3)>, affine_map<() -> ()>, affine_map<() -> ()>]
    layouts [#row, #row, #row, #row, #row, #row] {
^bb0(%g: tensor<40x3xf32>, %p: tensor<40x3xbf16>, %m: tensor<40x3xbf16>, %v: tensor<40x3xbf16>, %lr: tensor<f32>, %s: tensor<f32>):
  %t = arith.constant dense<100000> : tensor<i64>
  %b1 = arith.constant dense<0.9> : tensor<f32>
  %b2 = arith.constant dense<0.95> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<40x3xbf16>, tensor<40x3xf32>
  kernel.return %p1, %m1, %v1 : tensor<40x3xbf16>, tensor<40x3xbf16>, tensor<40x3xbf16>
}

kernel.func @clip_norm dims [affine_map<() -> (173, 199)>, affine_map<() -> (37)>, affine_map<() -> (40, 3)>, affine_map<() -> (301, 700)>, affine_map<() -> ()>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%g0: tensor<173x199xf32>, %g1: tensor<37xf32>, %g2: tensor<40x3xbf16>, %g3: tensor<301x700xf32>, %most: tensor<f32>):
  %n, %s = train.clip_norm %most of %g0, %g1, %g2, %g3 : tensor<173x199xf32>, tensor<37xf32>, tensor<40x3xbf16>, tensor<301x700xf32>
  kernel.return %n, %s : tensor<f32>, tensor<f32>
}
