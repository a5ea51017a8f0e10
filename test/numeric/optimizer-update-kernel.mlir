// Steps of optimizers in one pass with the form in which parameters and states
// are stored, of one parameter and of many, against the interpreter: codes are
// the same, blocks and vectors are not all full, parameters take several tasks.
// Betas of a half and a momentum of 1 make most sums exact, so that no code
// hangs on a last bit; where a mean of squares is next to 0, a step is not.
// Where a momentum is large, what lies behind a short block would be its largest
// number, were it not left out.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1 --within=1.0e-4
// RUN: qopt-kernel-bench %s --mcpu=avx2 --rows=1 --within=1.0e-4
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1 --within=1.0e-4
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1 --within=1.0e-4

#row = #kernel.layout<panel = 0>

kernel.func @sgd_of_codes dims [affine_map<() -> ()>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (135)>]
    layouts [#row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<173x199xf32>, %a2: tensor<173x199xf32>, %a3: tensor<173x199xi8>, %a4: tensor<135xf32>):
  %mu = arith.constant dense<1.0> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %v0 = train.decode_state %a3, %a4 : tensor<173x199xi8>, tensor<135xf32> -> tensor<173x199xf32>
  %q0, %nv0 = train.sgd %a1, %a2, %v0 lr %a0 momentum %mu scale %s : tensor<173x199xf32>, tensor<173x199xf32>
  %cv0, %sv0 = train.encode_state %nv0 : tensor<173x199xf32> -> tensor<173x199xi8>, tensor<135xf32>
  kernel.return %q0, %cv0, %sv0 : tensor<173x199xf32>, tensor<173x199xi8>, tensor<135xf32>
}

kernel.func @sgd_of_short_blocks dims [affine_map<() -> ()>, affine_map<() -> (260)>, affine_map<() -> (260)>, affine_map<() -> (260)>, affine_map<() -> (2)>, affine_map<() -> (516)>, affine_map<() -> (516)>, affine_map<() -> (516)>, affine_map<() -> (3)>, affine_map<() -> (772)>, affine_map<() -> (772)>, affine_map<() -> (772)>, affine_map<() -> (4)>]
    layouts [#row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<260xf32>, %a2: tensor<260xf32>, %a3: tensor<260xi8>, %a4: tensor<2xf32>, %a5: tensor<516xf32>, %a6: tensor<516xf32>, %a7: tensor<516xi8>, %a8: tensor<3xf32>, %a9: tensor<772xf32>, %a10: tensor<772xf32>, %a11: tensor<772xi8>, %a12: tensor<4xf32>):
  %big = arith.constant dense<1024.0> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %v0 = train.decode_state unsigned %a3, %a4 : tensor<260xi8>, tensor<2xf32> -> tensor<260xf32>
  %q0, %nv0 = train.sgd %a1, %a2, %v0 lr %a0 momentum %big scale %s : tensor<260xf32>, tensor<260xf32>
  %cv0, %sv0 = train.encode_state unsigned %nv0 : tensor<260xf32> -> tensor<260xi8>, tensor<2xf32>
  %v1 = train.decode_state unsigned %a7, %a8 : tensor<516xi8>, tensor<3xf32> -> tensor<516xf32>
  %q1, %nv1 = train.sgd %a5, %a6, %v1 lr %a0 momentum %big scale %s : tensor<516xf32>, tensor<516xf32>
  %cv1, %sv1 = train.encode_state unsigned %nv1 : tensor<516xf32> -> tensor<516xi8>, tensor<3xf32>
  %v2 = train.decode_state unsigned %a11, %a12 : tensor<772xi8>, tensor<4xf32> -> tensor<772xf32>
  %q2, %nv2 = train.sgd %a9, %a10, %v2 lr %a0 momentum %big scale %s : tensor<772xf32>, tensor<772xf32>
  %cv2, %sv2 = train.encode_state unsigned %nv2 : tensor<772xf32> -> tensor<772xi8>, tensor<4xf32>
  kernel.return %q0, %cv0, %sv0, %q1, %cv1, %sv1, %q2, %cv2, %sv2 : tensor<260xf32>, tensor<260xi8>, tensor<2xf32>, tensor<516xf32>, tensor<516xi8>, tensor<3xf32>, tensor<772xf32>, tensor<772xi8>, tensor<4xf32>
}

kernel.func @sgd_of_short_odd_blocks dims [affine_map<() -> ()>, affine_map<() -> (257)>, affine_map<() -> (257)>, affine_map<() -> (257)>, affine_map<() -> (2)>, affine_map<() -> (513)>, affine_map<() -> (513)>, affine_map<() -> (513)>, affine_map<() -> (3)>, affine_map<() -> (769)>, affine_map<() -> (769)>, affine_map<() -> (769)>, affine_map<() -> (4)>]
    layouts [#row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<257xf32>, %a2: tensor<257xf32>, %a3: tensor<257xi8>, %a4: tensor<2xf32>, %a5: tensor<513xf32>, %a6: tensor<513xf32>, %a7: tensor<513xi8>, %a8: tensor<3xf32>, %a9: tensor<769xf32>, %a10: tensor<769xf32>, %a11: tensor<769xi8>, %a12: tensor<4xf32>):
  %big = arith.constant dense<1024.0> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %v0 = train.decode_state unsigned %a3, %a4 : tensor<257xi8>, tensor<2xf32> -> tensor<257xf32>
  %q0, %nv0 = train.sgd %a1, %a2, %v0 lr %a0 momentum %big scale %s : tensor<257xf32>, tensor<257xf32>
  %cv0, %sv0 = train.encode_state unsigned %nv0 : tensor<257xf32> -> tensor<257xi8>, tensor<2xf32>
  %v1 = train.decode_state unsigned %a7, %a8 : tensor<513xi8>, tensor<3xf32> -> tensor<513xf32>
  %q1, %nv1 = train.sgd %a5, %a6, %v1 lr %a0 momentum %big scale %s : tensor<513xf32>, tensor<513xf32>
  %cv1, %sv1 = train.encode_state unsigned %nv1 : tensor<513xf32> -> tensor<513xi8>, tensor<3xf32>
  %v2 = train.decode_state unsigned %a11, %a12 : tensor<769xi8>, tensor<4xf32> -> tensor<769xf32>
  %q2, %nv2 = train.sgd %a9, %a10, %v2 lr %a0 momentum %big scale %s : tensor<769xf32>, tensor<769xf32>
  %cv2, %sv2 = train.encode_state unsigned %nv2 : tensor<769xf32> -> tensor<769xi8>, tensor<4xf32>
  kernel.return %q0, %cv0, %sv0, %q1, %cv1, %sv1, %q2, %cv2, %sv2 : tensor<257xf32>, tensor<257xi8>, tensor<2xf32>, tensor<513xf32>, tensor<513xi8>, tensor<3xf32>, tensor<769xf32>, tensor<769xi8>, tensor<4xf32>
}

kernel.func @adamw_of_codes dims [affine_map<() -> ()>, affine_map<() -> (48, 100)>, affine_map<() -> (48, 100)>, affine_map<() -> (48, 100)>, affine_map<() -> (19)>, affine_map<() -> (48, 100)>, affine_map<() -> (19)>]
    layouts [#row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<48x100xf32>, %a2: tensor<48x100xf32>, %a3: tensor<48x100xi8>, %a4: tensor<19xf32>, %a5: tensor<48x100xi8>, %a6: tensor<19xf32>):
  %b1 = arith.constant dense<0.5> : tensor<f32>
  %b2 = arith.constant dense<0.5> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %t = arith.constant dense<7> : tensor<i64>
  %m0 = train.decode_state %a3, %a4 : tensor<48x100xi8>, tensor<19xf32> -> tensor<48x100xf32>
  %v0 = train.decode_state unsigned %a5, %a6 : tensor<48x100xi8>, tensor<19xf32> -> tensor<48x100xf32>
  %q0, %nm0, %nv0 = train.adamw %a1, %a2, %m0, %v0 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<48x100xf32>, tensor<48x100xf32>
  %cm0, %sm0 = train.encode_state %nm0 : tensor<48x100xf32> -> tensor<48x100xi8>, tensor<19xf32>
  %cv0, %sv0 = train.encode_state unsigned %nv0 : tensor<48x100xf32> -> tensor<48x100xi8>, tensor<19xf32>
  kernel.return %q0, %cm0, %sm0, %cv0, %sv0 : tensor<48x100xf32>, tensor<48x100xi8>, tensor<19xf32>, tensor<48x100xi8>, tensor<19xf32>
}

kernel.func @adamw_of_odd_codes dims [affine_map<() -> ()>, affine_map<() -> (7, 53)>, affine_map<() -> (7, 53)>, affine_map<() -> (7, 53)>, affine_map<() -> (2)>, affine_map<() -> (7, 53)>, affine_map<() -> (2)>]
    layouts [#row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<7x53xf32>, %a2: tensor<7x53xf32>, %a3: tensor<7x53xi8>, %a4: tensor<2xf32>, %a5: tensor<7x53xi8>, %a6: tensor<2xf32>):
  %b1 = arith.constant dense<0.5> : tensor<f32>
  %b2 = arith.constant dense<0.5> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %t = arith.constant dense<7> : tensor<i64>
  %m0 = train.decode_state %a3, %a4 : tensor<7x53xi8>, tensor<2xf32> -> tensor<7x53xf32>
  %v0 = train.decode_state unsigned %a5, %a6 : tensor<7x53xi8>, tensor<2xf32> -> tensor<7x53xf32>
  %q0, %nm0, %nv0 = train.adamw %a1, %a2, %m0, %v0 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<7x53xf32>, tensor<7x53xf32>
  %cm0, %sm0 = train.encode_state %nm0 : tensor<7x53xf32> -> tensor<7x53xi8>, tensor<2xf32>
  %cv0, %sv0 = train.encode_state unsigned %nv0 : tensor<7x53xf32> -> tensor<7x53xi8>, tensor<2xf32>
  kernel.return %q0, %cm0, %sm0, %cv0, %sv0 : tensor<7x53xf32>, tensor<7x53xi8>, tensor<2xf32>, tensor<7x53xi8>, tensor<2xf32>
}

kernel.func @adamw_of_codes_and_16_bits dims [affine_map<() -> ()>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64)>, affine_map<() -> (64, 256)>, affine_map<() -> (64)>]
    layouts [#row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<64x256xbf16>, %a2: tensor<64x256xf32>, %a3: tensor<64x256xi8>, %a4: tensor<64xf32>, %a5: tensor<64x256xi8>, %a6: tensor<64xf32>):
  %b1 = arith.constant dense<0.5> : tensor<f32>
  %b2 = arith.constant dense<0.5> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %t = arith.constant dense<7> : tensor<i64>
  %seed = arith.constant dense<123456789012> : tensor<i64>
  %p0 = nn.cast %a1 : tensor<64x256xbf16> -> tensor<64x256xf32>
  %m0 = train.decode_state %a3, %a4 : tensor<64x256xi8>, tensor<64xf32> -> tensor<64x256xf32>
  %v0 = train.decode_state unsigned %a5, %a6 : tensor<64x256xi8>, tensor<64xf32> -> tensor<64x256xf32>
  %q0, %nm0, %nv0 = train.adamw %p0, %a2, %m0, %v0 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<64x256xf32>, tensor<64x256xf32>
  %r0 = train.stochastic_round %q0 seed %seed step %t stream 7 : tensor<64x256xf32> -> tensor<64x256xbf16>
  %cm0, %sm0 = train.encode_state %nm0 : tensor<64x256xf32> -> tensor<64x256xi8>, tensor<64xf32>
  %cv0, %sv0 = train.encode_state unsigned %nv0 : tensor<64x256xf32> -> tensor<64x256xi8>, tensor<64xf32>
  kernel.return %r0, %cm0, %sm0, %cv0, %sv0 : tensor<64x256xbf16>, tensor<64x256xi8>, tensor<64xf32>, tensor<64x256xi8>, tensor<64xf32>
}

kernel.func @sgd_of_16_bits dims [affine_map<() -> ()>, affine_map<() -> (37, 11)>, affine_map<() -> (37, 11)>, affine_map<() -> (37, 11)>]
    layouts [#row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<37x11xbf16>, %a2: tensor<37x11xf32>, %a3: tensor<37x11xf32>):
  %mu = arith.constant dense<1.0> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %t = arith.constant dense<7> : tensor<i64>
  %seed = arith.constant dense<123456789012> : tensor<i64>
  %p0 = nn.cast %a1 : tensor<37x11xbf16> -> tensor<37x11xf32>
  %q0, %nv0 = train.sgd %p0, %a2, %a3 lr %a0 momentum %mu scale %s : tensor<37x11xf32>, tensor<37x11xf32>
  %r0 = train.stochastic_round %q0 seed %seed step %t stream 7 : tensor<37x11xf32> -> tensor<37x11xbf16>
  kernel.return %r0, %nv0 : tensor<37x11xbf16>, tensor<37x11xf32>
}

kernel.func @adamw_of_many dims [affine_map<() -> ()>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (173, 199)>, affine_map<() -> (5)>, affine_map<() -> (5)>, affine_map<() -> (5)>, affine_map<() -> (5)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>]
    layouts [#row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<173x199xf32>, %a2: tensor<173x199xf32>, %a3: tensor<173x199xf32>, %a4: tensor<173x199xf32>, %a5: tensor<5xf32>, %a6: tensor<5xf32>, %a7: tensor<5xf32>, %a8: tensor<5xf32>, %a9: tensor<64x256xf32>, %a10: tensor<64x256xf32>, %a11: tensor<64x256xf32>, %a12: tensor<64x256xf32>):
  %b1 = arith.constant dense<0.5> : tensor<f32>
  %b2 = arith.constant dense<0.5> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %t = arith.constant dense<7> : tensor<i64>
  %none = arith.constant dense<0.0> : tensor<f32>
  %q0, %nm0, %nv0 = train.adamw %a1, %a2, %a3, %a4 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<173x199xf32>, tensor<173x199xf32>
  %q1, %nm1, %nv1 = train.adamw %a5, %a6, %a7, %a8 step %t lr %a0 betas %b1, %b2 eps %e decay %none scale %s : tensor<5xf32>, tensor<5xf32>
  %q2, %nm2, %nv2 = train.adamw %a9, %a10, %a11, %a12 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<64x256xf32>, tensor<64x256xf32>
  kernel.return %q0, %nm0, %nv0, %q1, %nm1, %nv1, %q2, %nm2, %nv2 : tensor<173x199xf32>, tensor<173x199xf32>, tensor<173x199xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<64x256xf32>, tensor<64x256xf32>, tensor<64x256xf32>
}

kernel.func @sgd_of_many dims [affine_map<() -> ()>, affine_map<() -> (2, 4)>, affine_map<() -> (2, 4)>, affine_map<() -> (2, 4)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>]
    layouts [#row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<2x4xf32>, %a2: tensor<2x4xf32>, %a3: tensor<2x4xf32>, %a4: tensor<64x256xf32>, %a5: tensor<64x256xf32>, %a6: tensor<64x256xf32>):
  %mu = arith.constant dense<1.0> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %q0, %nv0 = train.sgd %a1, %a2, %a3 lr %a0 momentum %mu scale %s : tensor<2x4xf32>, tensor<2x4xf32>
  %q1, %nv1 = train.sgd %a4, %a5, %a6 lr %a0 momentum %mu scale %s : tensor<64x256xf32>, tensor<64x256xf32>
  kernel.return %q0, %nv0, %q1, %nv1 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<64x256xf32>, tensor<64x256xf32>
}

kernel.func @adamw_of_many_codes dims [affine_map<() -> ()>, affine_map<() -> (48, 100)>, affine_map<() -> (48, 100)>, affine_map<() -> (48, 100)>, affine_map<() -> (19)>, affine_map<() -> (48, 100)>, affine_map<() -> (19)>, affine_map<() -> (7, 53)>, affine_map<() -> (7, 53)>, affine_map<() -> (7, 53)>, affine_map<() -> (2)>, affine_map<() -> (7, 53)>, affine_map<() -> (2)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64, 256)>, affine_map<() -> (64)>, affine_map<() -> (64, 256)>, affine_map<() -> (64)>]
    layouts [#row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row] {
^bb0(%a0: tensor<f32>, %a1: tensor<48x100xbf16>, %a2: tensor<48x100xf32>, %a3: tensor<48x100xi8>, %a4: tensor<19xf32>, %a5: tensor<48x100xi8>, %a6: tensor<19xf32>, %a7: tensor<7x53xbf16>, %a8: tensor<7x53xf32>, %a9: tensor<7x53xi8>, %a10: tensor<2xf32>, %a11: tensor<7x53xi8>, %a12: tensor<2xf32>, %a13: tensor<64x256xbf16>, %a14: tensor<64x256xf32>, %a15: tensor<64x256xi8>, %a16: tensor<64xf32>, %a17: tensor<64x256xi8>, %a18: tensor<64xf32>):
  %b1 = arith.constant dense<0.5> : tensor<f32>
  %b2 = arith.constant dense<0.5> : tensor<f32>
  %e = arith.constant dense<1.0e-8> : tensor<f32>
  %wd = arith.constant dense<0.1> : tensor<f32>
  %s = arith.constant dense<1.0> : tensor<f32>
  %t = arith.constant dense<7> : tensor<i64>
  %seed = arith.constant dense<123456789012> : tensor<i64>
  %none = arith.constant dense<0.0> : tensor<f32>
  %p0 = nn.cast %a1 : tensor<48x100xbf16> -> tensor<48x100xf32>
  %m0 = train.decode_state %a3, %a4 : tensor<48x100xi8>, tensor<19xf32> -> tensor<48x100xf32>
  %v0 = train.decode_state unsigned %a5, %a6 : tensor<48x100xi8>, tensor<19xf32> -> tensor<48x100xf32>
  %q0, %nm0, %nv0 = train.adamw %p0, %a2, %m0, %v0 step %t lr %a0 betas %b1, %b2 eps %e decay %none scale %s : tensor<48x100xf32>, tensor<48x100xf32>
  %r0 = train.stochastic_round %q0 seed %seed step %t stream 7 : tensor<48x100xf32> -> tensor<48x100xbf16>
  %cm0, %sm0 = train.encode_state %nm0 : tensor<48x100xf32> -> tensor<48x100xi8>, tensor<19xf32>
  %cv0, %sv0 = train.encode_state unsigned %nv0 : tensor<48x100xf32> -> tensor<48x100xi8>, tensor<19xf32>
  %p1 = nn.cast %a7 : tensor<7x53xbf16> -> tensor<7x53xf32>
  %m1 = train.decode_state %a9, %a10 : tensor<7x53xi8>, tensor<2xf32> -> tensor<7x53xf32>
  %v1 = train.decode_state unsigned %a11, %a12 : tensor<7x53xi8>, tensor<2xf32> -> tensor<7x53xf32>
  %q1, %nm1, %nv1 = train.adamw %p1, %a8, %m1, %v1 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<7x53xf32>, tensor<7x53xf32>
  %r1 = train.stochastic_round %q1 seed %seed step %t stream -1234567890123456789 : tensor<7x53xf32> -> tensor<7x53xbf16>
  %cm1, %sm1 = train.encode_state %nm1 : tensor<7x53xf32> -> tensor<7x53xi8>, tensor<2xf32>
  %cv1, %sv1 = train.encode_state unsigned %nv1 : tensor<7x53xf32> -> tensor<7x53xi8>, tensor<2xf32>
  %p2 = nn.cast %a13 : tensor<64x256xbf16> -> tensor<64x256xf32>
  %m2 = train.decode_state %a15, %a16 : tensor<64x256xi8>, tensor<64xf32> -> tensor<64x256xf32>
  %v2 = train.decode_state unsigned %a17, %a18 : tensor<64x256xi8>, tensor<64xf32> -> tensor<64x256xf32>
  %q2, %nm2, %nv2 = train.adamw %p2, %a14, %m2, %v2 step %t lr %a0 betas %b1, %b2 eps %e decay %wd scale %s : tensor<64x256xf32>, tensor<64x256xf32>
  %r2 = train.stochastic_round %q2 seed %seed step %t stream 99 : tensor<64x256xf32> -> tensor<64x256xbf16>
  %cm2, %sm2 = train.encode_state %nm2 : tensor<64x256xf32> -> tensor<64x256xi8>, tensor<64xf32>
  %cv2, %sv2 = train.encode_state unsigned %nv2 : tensor<64x256xf32> -> tensor<64x256xi8>, tensor<64xf32>
  kernel.return %r0, %cm0, %sm0, %cv0, %sv0, %r1, %cm1, %sm1, %cv1, %sv1, %r2, %cm2, %sm2, %cv2, %sv2 : tensor<48x100xbf16>, tensor<48x100xi8>, tensor<19xf32>, tensor<48x100xi8>, tensor<19xf32>, tensor<7x53xbf16>, tensor<7x53xi8>, tensor<2xf32>, tensor<7x53xi8>, tensor<2xf32>, tensor<64x256xbf16>, tensor<64x256xi8>, tensor<64xf32>, tensor<64x256xi8>, tensor<64xf32>
}
