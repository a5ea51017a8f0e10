// Schemes that make no sense.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects 2 to 8 bits, 2 for ternary, got 1}}
func.func private @one_bit() attributes {s = #lowbit.scheme<sym, bits = 1, per = tensor>}

// -----

// expected-error @+1 {{expects 2 to 8 bits, 2 for ternary, got 4}}
func.func private @ternary_of_four_bits() attributes {s = #lowbit.scheme<ternary, bits = 4, per = tensor>}

// -----

// expected-error @+1 {{expects a group of at least 1 per group, and none otherwise, got 0}}
func.func private @no_group() attributes {s = #lowbit.scheme<sym, bits = 4, per = group>}

// -----

// expected-error @+1 {{expects a group of at least 1 per group, and none otherwise, got 32}}
func.func private @group_per_channel() attributes {s = #lowbit.scheme<sym, bits = 4, per = channel, group = 32>}

// -----

// expected-error @+1 {{expects a clip of 1 to 100 %, got 0}}
func.func private @nothing_left() attributes {s = #lowbit.scheme<sym, bits = 4, per = token, clip = 0>}

// -----

// expected-error @+1 {{expects clip with sym and asym only, got it with gptq_sym}}
func.func private @clipped_gptq() attributes {s = #lowbit.scheme<gptq_sym, bits = 4, per = token, clip = 90>}

// -----

// expected-error @+1 {{expects mse without clip, and not with ternary}}
func.func private @searched_and_clipped() attributes {s = #lowbit.scheme<sym, bits = 4, per = token, clip = 90, mse = true>}

// -----

// expected-error @+1 {{expects weighted with mse: it is how errors count}}
func.func private @weighs_nothing() attributes {s = #lowbit.scheme<sym, bits = 4, per = channel, weighted = true>}

// -----

// expected-error @+1 {{expects mse without clip, and not with ternary}}
func.func private @searched_ternary() attributes {s = #lowbit.scheme<ternary, bits = 2, per = tensor, mse = true>}
