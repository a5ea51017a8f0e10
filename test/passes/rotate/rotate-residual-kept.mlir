// Streams that must not be rotated, each with the op that stops it; nothing is
// changed, and asked for by name it is an error.

// RUN: qopt-opt %s --split-input-file --qopt-rotate-residual --verify-diagnostics --remarks-filter="qopt.*" -o %t
// RUN: not grep "hadamard.*?x" %t
// RUN: not qopt-opt %s --split-input-file --qopt-rotate-residual="required" 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: a gain does not commute with a rotation: fold it first
// ERROR: note: asked for by qopt-rotate-residual here
// ERROR: error: its table is shared with the embedding: untie it first
// ERROR: error: there is no Hadamard matrix of order 9
// ERROR: error: has nothing that qopt-rotate-residual rotates

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>

ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @g(#ml_program.extern<tensor<8xf32>>) : tensor<8xf32>
ml_program.global private @w(#ml_program.extern<!t>) : !t

func.func @gain_unfolded(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %g = ml_program.global_load @g : tensor<8xf32>
  %w = ml_program.global_load @w : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{a gain does not commute with a rotation: fold it first}}
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, tensor<8xf32>
  %y = nn.linear %n, %w : !x, !t -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t

func.func @tied(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  // expected-remark @+1 {{its table is shared with the embedding: untie it first}}
  %y = nn.linear %n, %t : !x, !t -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

!t = tensor<32x9xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t

func.func @no_matrix(%ids: tensor<?xi64>) -> tensor<?x9xf32> {
  %t = ml_program.global_load @table : !t
  // expected-remark @+1 {{there is no Hadamard matrix of order 9}}
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  return %x : tensor<?x9xf32>
}

// -----

// expected-remark @+1 {{has nothing to rotate}}
module {
  func.func @no_stream(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    return %x : tensor<?x8xf32>
  }
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @w(#ml_program.extern<!t>) : !t

// A mean that is subtracted, as in LayerNorm.
func.func @mean_subtracted(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %w = ml_program.global_load @w : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  %m = nn.reduce mean, %x axes [1] keep_dims : !x
  // expected-remark @+1 {{this op does not commute with a rotation}}
  %c = nn.sub %x, %m : !x, tensor<?x1xf32>
  %n = nn.rms_norm %c eps 1.0e-6 : !x
  %y = nn.linear %n, %w : !x, !t -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t

// The stream is an output of the model.
func.func @returned(%ids: tensor<?xi64>) -> !x {
  %t = ml_program.global_load @table : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  %n = nn.rms_norm %x eps 1.0e-6 : !x
  // expected-remark @+1 {{the value is returned as it is}}
  return %n : !x
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t

func.func @given_weight(%ids: tensor<?xi64>, %w: !t) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{a weight or bias is not a parameter}}
  %y = nn.linear %x, %w : !x, !t -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @w(#ml_program.extern<!t>) : !t

func.func @ternary(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %w = ml_program.global_load @w : !t
  %q = lowbit.fake_quantize %w scheme <ternary, bits = 2, per = tensor> : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{its weight is rounded to codes: rotate before}}
  %y = nn.linear %x, %q : !x, !t -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @k(dense<1> : tensor<32x8xi8>) : tensor<32x8xi8>
ml_program.global private @s(dense<1.0> : tensor<32xf32>) : tensor<32xf32>

func.func @codes(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %k = ml_program.global_load @k : tensor<32x8xi8>
  %s = ml_program.global_load @s : tensor<32xf32>
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{its weight is rounded to codes: rotate before}}
  %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 8, per = channel> : !x, tensor<32x8xi8>, tensor<32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @w(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>
ml_program.global private @h(#ml_program.extern<!t>) : !t

// The writer of the stream is also read as it is.
func.func @other_reader(%ids: tensor<?xi64>) -> (tensor<?x32xf32>, !x) {
  %t = ml_program.global_load @table : !t
  %w = ml_program.global_load @w : tensor<8x8xf32>
  %h = ml_program.global_load @h : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{another reader needs the value as it is}}
  %o = nn.linear %x, %w : !x, tensor<8x8xf32> -> !x
  %y = nn.add %x, %o : !x, !x
  %z = nn.linear %y, %h : !x, !t -> tensor<?x32xf32>
  return %z, %o : tensor<?x32xf32>, !x
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @h(#ml_program.extern<!t>) : !t

func.func @given_part(%ids: tensor<?xi64>, %o: !x) -> tensor<?x32xf32> {
  %t = ml_program.global_load @table : !t
  %h = ml_program.global_load @h : !t
  %x = nn.embedding %ids, %t : tensor<?xi64>, !t
  // expected-remark @+1 {{an input of the function cannot be rotated}}
  %y = nn.add %x, %o : !x, !x
  %z = nn.linear %y, %h : !x, !t -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// -----

!t = tensor<32x8xf32>
!x = tensor<?x8xf32>
ml_program.global private @table(#ml_program.extern<!t>) : !t
ml_program.global private @w(#ml_program.extern<tensor<8x8xf32>>) : tensor<8x8xf32>

// A fold that is applied twice is no identity: it is not.
func.func @twice(%ids: tensor<?xi64>) -> !x {
  %t = ml_program.global_load @table : !t
  %w = ml_program.global_load @w : tensor<8x8xf32>
  %r = lowbit.hadamard %t axis 1 orders [8] seed 0 : !t
  %q = lowbit.hadamard %w axis 1 orders [8] seed 0 : tensor<8x8xf32>
  // expected-remark @+1 {{already rotated}}
  %x = nn.embedding %ids, %r : tensor<?xi64>, !t
  %y = nn.linear %x, %q : !x, tensor<8x8xf32> -> !x
  return %y : !x
}
