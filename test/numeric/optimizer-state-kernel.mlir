// States in 8 bits and rounding by chance against the interpreter, bit for bit:
// several tasks and a block that is not full, on every kind of CPU that this
// one can run.
//
// RUN: qopt-kernel-bench %s --mcpu=native --rows=1 --within=0
// RUN: qopt-kernel-bench %s --mcpu=avx2 --rows=1 --within=0
// RUN: qopt-kernel-bench %s --mcpu=plain --rows=1 --within=0
// The same for CUDA, lane by lane: numbers, and no fault.
// RUN: qopt-kernel-simulate %s --rows=1 --within=0

#row = #kernel.layout<panel = 0>

kernel.func @encode dims [affine_map<() -> (173, 199)>]
    layouts [#row] {
^bb0(%x: tensor<173x199xf32>):
  %k, %s = train.encode_state %x : tensor<173x199xf32> -> tensor<173x199xi8>, tensor<135xf32>
  kernel.return %k, %s : tensor<173x199xi8>, tensor<135xf32>
}

kernel.func @encode_unsigned dims [affine_map<() -> (11)>]
    layouts [#row] {
^bb0(%x: tensor<11xf32>):
  %k, %s = train.encode_state unsigned %x : tensor<11xf32> -> tensor<11xi8>, tensor<1xf32>
  kernel.return %k, %s : tensor<11xi8>, tensor<1xf32>
}

kernel.func @decode dims [affine_map<() -> (173, 199)>, affine_map<() -> (135)>]
    layouts [#row, #row] {
^bb0(%k: tensor<173x199xi8>, %s: tensor<135xf32>):
  %x = train.decode_state %k, %s : tensor<173x199xi8>, tensor<135xf32> -> tensor<173x199xf32>
  kernel.return %x : tensor<173x199xf32>
}

kernel.func @decode_unsigned dims [affine_map<() -> (300)>, affine_map<() -> (2)>]
    layouts [#row, #row] {
^bb0(%k: tensor<300xi8>, %s: tensor<2xf32>):
  %x = train.decode_state unsigned %k, %s : tensor<300xi8>, tensor<2xf32> -> tensor<300xf32>
  kernel.return %x : tensor<300xf32>
}

kernel.func @round dims [affine_map<() -> (173, 199)>, affine_map<() -> ()>, affine_map<() -> ()>]
    layouts [#row, #row, #row] {
^bb0(%x: tensor<173x199xf32>, %seed: tensor<i64>, %t: tensor<i64>):
  %y = train.stochastic_round %x seed %seed step %t stream -1234567890123456789 : tensor<173x199xf32> -> tensor<173x199xbf16>
  kernel.return %y : tensor<173x199xbf16>
}

// Counters beyond 32 bits.
kernel.func @round_late dims [affine_map<() -> (37)>, affine_map<() -> ()>]
    layouts [#row, #row] {
^bb0(%x: tensor<37xf32>, %seed: tensor<i64>):
  %t = arith.constant dense<1000003> : tensor<i64>
  %y = train.stochastic_round %x seed %seed step %t stream 7 : tensor<37xf32> -> tensor<37xbf16>
  kernel.return %y : tensor<37xbf16>
}
