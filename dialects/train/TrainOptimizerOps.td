// What turns gradients into new parameters.

#ifndef QOPT_DIALECTS_TRAIN_TRAINOPTIMIZEROPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINOPTIMIZEROPS_TD

include "qopt/dialects/nn/NnDialect.td"
include "qopt/dialects/train/TrainDialect.td"

/// What a run chooses; the type is always the same and is not written.
def Train_Number
    : Type<0DTensorOf<[F32]>.predicate, "tensor<f32>",
           "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getF32Type())">;
def Train_Count
    : Type<0DTensorOf<[I64]>.predicate, "tensor<i64>",
           "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI64Type())">;
/// Parameters, states and gradients: their sizes are known.
def Train_Parameter : Type<
    And<[RankedTensorOf<[AnyFloat]>.predicate, HasStaticShapePred]>,
    "float tensor of static shape", "::mlir::RankedTensorType">;

def Train_ClipNormOp : Train_Op<"clip_norm", [Pure]> {
  let summary = "measure all gradients and say how much to shrink them";
  let description = [{
    The gradients themselves are not written: optimizers multiply them by
    `scale` as they read them.

    **Meaning**
    ```
    norm  = sqrt(sum over all gradients, in order, of g^2)
    scale = NaN                  // norm is not finite: the step is skipped
            1                    // most = 0, or norm <= most: no clipping
            most / norm          // else
    ```
    Rounded once each, to nearest even; a kernel sums in f64.

    **Constraints**
    - (C1) There is at least one gradient.
    - (C2) Gradients are float tensors of static shape.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %norm, %scale = train.clip_norm %most of %g, %h : tensor<6x8xf32>, tensor<8xf32>
    ```
  }];
  let arguments = (ins Train_Number:$most,
                       Variadic<Train_Parameter>:$gradients); // clip_norm_c2
  let results = (outs Train_Number:$norm, Train_Number:$scale);
  let assemblyFormat = [{
    $most `of` $gradients attr-dict `:` type($gradients)
  }];
  let hasVerifier = 1;
}

/// One update of a parameter; all its states have its type.
class Train_OptimizerOp<string mnemonic, list<string> states>
    : Train_Op<mnemonic, [Pure,
          AllTypesMatch<!listconcat(["parameter", "updated"], states)>,
          AllShapesMatch<["parameter", "gradient"]>]>;

def Train_SgdOp : Train_OptimizerOp<"sgd", ["velocity", "newVelocity"]> {
  let summary = "step down the gradient, with momentum";
  let description = [{
    **Meaning**
    ```
    for every element p of parameter, v of velocity, g = scale * gradient:
      newVelocity = momentum * v + g
      updated     = p - lr * newVelocity
    scale is NaN: updated = p, newVelocity = v
    ```
    Rounded once each, to nearest even; a kernel computes in f32.

    **Constraints**
    - (C1) `parameter` and `velocity` are float tensors of one static shape and
      type.
    - (C2) `gradient` has the shape of `parameter`.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %p1, %v1 = train.sgd %p, %g, %v lr %lr momentum %mu scale %s : tensor<6x8xf32>, tensor<6x8xf32>
    ```
  }];
  let arguments = (ins Train_Parameter:$parameter, Train_Parameter:$gradient,
                       Train_Parameter:$velocity, Train_Number:$lr, // sgd_c1
                       Train_Number:$momentum, Train_Number:$scale);
  let results = (outs Train_Parameter:$updated, Train_Parameter:$newVelocity);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $velocity `lr` $lr `momentum` $momentum
    `scale` $scale attr-dict `:` type($parameter) `,` type($gradient)
  }];
}

def Train_AdamwOp
    : Train_OptimizerOp<"adamw", ["mean", "square", "newMean", "newSquare"]> {
  let summary = "step by a mean of gradients over a mean of their squares";
  let description = [{
    **Meaning**, with t = step, counted from 1:
    ```
    for every element p of parameter, m of mean, v of square,
    g = scale * gradient:
      newMean   = beta1 * m + (1 - beta1) * g
      newSquare = beta2 * v + (1 - beta2) * g^2
      a         = newMean / (1 - beta1^t)
      b         = newSquare / (1 - beta2^t)
      updated   = p - lr * (a / (sqrt(b) + eps) + decay * p)
    scale is NaN: nothing changes
    ```
    Rounded once each, to nearest even; a kernel computes in f32, the powers of
    the betas in f64 (arXiv:1711.05101).

    **Constraints**
    - (C1) `parameter`, `mean` and `square` are float tensors of one static shape
      and type.
    - (C2) `gradient` has the shape of `parameter`.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %p1, %m1, %v1 = train.adamw %p, %g, %m, %v step %t lr %lr betas %b1, %b2 eps %e decay %wd scale %s : tensor<6x8xf32>, tensor<6x8xf32>
    ```
  }];
  let arguments = (ins Train_Parameter:$parameter, Train_Parameter:$gradient,
                       Train_Parameter:$mean, Train_Parameter:$square, // adamw_c1
                       Train_Count:$step, Train_Number:$lr,
                       Train_Number:$beta1, Train_Number:$beta2,
                       Train_Number:$eps, Train_Number:$decay,
                       Train_Number:$scale);
  let results = (outs Train_Parameter:$updated, Train_Parameter:$newMean,
                      Train_Parameter:$newSquare);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $mean `,` $square `step` $step `lr` $lr
    `betas` $beta1 `,` $beta2 `eps` $eps `decay` $decay `scale` $scale
    attr-dict `:` type($parameter) `,` type($gradient)
  }];
}

def Train_MuonOp : Train_OptimizerOp<"muon", ["buffer", "newBuffer"]> {
  let summary = "step by the nearest orthogonal matrix to the momentum";
  let description = [{
    `splits` are the sizes, along `axis`, of the logical matrices that a fused
    one holds; each is orthogonalized by itself (`nn.linear` names them).

    **Meaning**, for each of the splits [N, C], or the whole parameter:
    ```
    g         = scale * gradient
    newBuffer = g + momentum * buffer
    U         = g + momentum * newBuffer
    X         = U / (sqrt(sum(U^2)) + 1e-8), transposed if N > C
    5 times:    A = X X^T;  X = a * X + (b * A + c * A A) X
    O         = X, transposed back
    updated   = p - lr * (0.2 * sqrt(max(N, C)) * O + decay * p)
    with (a, b, c) = (3.4445, -4.775, 2.0315)
    scale is NaN: nothing changes
    ```
    Rounded once each, to nearest even; a kernel computes in f32
    (arXiv:2506.19697, which follows Keller Jordan's Muon).

    **Constraints**
    - (C1) `parameter` is a float matrix of static shape, `buffer` is like it.
    - (C2) `gradient` has the shape of `parameter`.
    - (C3) `axis` is 0 or 1; `splits`, if present, are positive and sum to the
      size of `axis`.

    **Gradient.** None: optimizers are not differentiated.

    **Example**
    ```mlir
    %p1, %b1 = train.muon %p, %g, %b splits [4, 2] axis 0 lr %lr momentum %mu decay %wd scale %s : tensor<6x8xf32>, tensor<6x8xf32>
    ```
  }];
  let arguments = (ins Nn_Matrix:$parameter, Train_Parameter:$gradient, // muon_c1
                       Nn_Matrix:$buffer, Train_Number:$lr,
                       Train_Number:$momentum, Train_Number:$decay,
                       Train_Number:$scale,
                       OptionalAttr<DenseI64ArrayAttr>:$splits,
                       DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs Nn_Matrix:$updated, Nn_Matrix:$newBuffer);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $buffer (`splits` $splits^ `axis` $axis)? 
    `lr` $lr `momentum` $momentum `decay` $decay `scale` $scale attr-dict
    `:` type($parameter) `,` type($gradient)
  }];
  let hasVerifier = 1;
}

#endif // QOPT_DIALECTS_TRAIN_TRAINOPTIMIZEROPS_TD
