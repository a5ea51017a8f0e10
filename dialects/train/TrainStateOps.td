// How states and parameters are stored in few bits between steps.

#ifndef QOPT_DIALECTS_TRAIN_TRAINSTATEOPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINSTATEOPS_TD

include "qopt/dialects/train/TrainOptimizerOps.td"

def Train_EncodeStateOp : Train_Op<"encode_state", [Pure]> {
  let summary = "store an optimizer's state in 8 bits";
  let description = [{
    The codes count the 256 values of the dynamic map in order, less 128. The
    map: for e = 0 .. 6 the midpoints of n equal parts of [0.1, 1], times
    10^(e - 6), with n = 2^e and both signs, or, `unsigned`, with n = 2^(e + 1);
    and 0, and 1 (arXiv:2110.02861). A linear map turns four of five second
    moments into 0.

    **Meaning**, for each block of 256 elements in row-major order, the last one
    may be shorter:
    ```
    scale = max|x|
    code  = that of the value nearest to f32(x / scale); of two, the lower one
            0's, where scale is 0
    ```

    **Constraints**
    - (C1) `input` is a float tensor of static shape.
    - (C2) `codes` has the shape of `input`.
    - (C3) `scales` is f32 and has one element a block.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %k, %s = train.encode_state %x : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
    %l, %t = train.encode_state unsigned %x : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Train_Parameter:$input,                // encode_state_c1
                       UnitAttr:$is_unsigned);
  let results = (outs RankedTensorOf<[I8]>:$codes, 1DTensorOf<[F32]>:$scales);
  let assemblyFormat = [{
    (`unsigned` $is_unsigned^)? $input attr-dict
    `:` type($input) `->` type($codes) `,` type($scales)
  }];
  let hasVerifier = 1;
}

def Train_DecodeStateOp : Train_Op<"decode_state", [Pure]> {
  let summary = "read an optimizer's state from 8 bits";
  let description = [{
    **Meaning**, with the map and the blocks of `train.encode_state`:
    ```
    y = f32(map[code + 128]) * scale of its block
    ```
    Rounded once, to nearest even, into the element type of the result.

    **Constraints**
    - (C1) `result` is a float tensor of static shape.
    - (C2) `codes` has the shape of `result`.
    - (C3) `scales` is f32 and has one element a block.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %m = train.decode_state %k, %s : tensor<6x8xi8>, tensor<1xf32> -> tensor<6x8xf32>
    %v = train.decode_state unsigned %l, %t : tensor<6x8xi8>, tensor<1xf32> -> tensor<6x8xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[I8]>:$codes, 1DTensorOf<[F32]>:$scales,
                       UnitAttr:$is_unsigned);
  let results = (outs Train_Parameter:$result);               // decode_state_c1
  let assemblyFormat = [{
    (`unsigned` $is_unsigned^)? $codes `,` $scales attr-dict
    `:` type($codes) `,` type($scales) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Train_StochasticRoundOp : Train_Op<"stochastic_round", [Pure]> {
  let summary = "round to bf16 up or down by chance";
  let description = [{
    Steps that are smaller than half of a bf16's last bit are lost when they
    are rounded to nearest; by chance they survive on average. `stream` is a
    hash of the parameter's name, so that parameters draw apart.

    **Meaning**
    ```
    for element i of input, in row-major order:
      r = the low 16 bits of word i mod 4 of the block of Philox4x32-10 with
          key = seed xor stream, counter = step * 2^40 + i / 4
      y = the upper 16 bits of (the bits of f32(x) + r) // NaN and inf stay
    ```

    **Constraints**
    - (C1) `input` is a tensor of f32 or f64 of static shape.
    - (C2) `result` is a tensor of bf16 of the shape of `input`.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %y = train.stochastic_round %x seed %seed step %t stream 7 : tensor<6x8xf32> -> tensor<6x8xbf16>
    ```
  }];
  let arguments = (ins Type<And<[RankedTensorOf<[F32, F64]>.predicate,
                                 HasStaticShapePred]>,
                            "tensor of f32 or f64 of static shape",
                            "::mlir::RankedTensorType">:$input, // stochastic_round_c1
                       Train_Count:$seed, Train_Count:$step, I64Attr:$stream);
  let results = (outs RankedTensorOf<[BF16]>:$result);
  let assemblyFormat = [{
    $input `seed` $seed `step` $step `stream` $stream attr-dict
    `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QOPT_DIALECTS_TRAIN_TRAINSTATEOPS_TD
