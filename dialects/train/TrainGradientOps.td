// Gradients that are a kernel of their own.

#ifndef QOPT_DIALECTS_TRAIN_TRAINGRADIENTOPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINGRADIENTOPS_TD

include "qopt/dialects/lowbit/LowbitDialect.td"
include "qopt/dialects/nn/NnDialect.td"
include "qopt/dialects/nn/NnInterfaces.td"
include "qopt/dialects/train/TrainDialect.td"

/// A gradient, whose results have sizes of operands.
class Train_GradOp<string mnemonic, list<Trait> traits = []>
    : Train_Op<mnemonic, !listconcat([Pure,
          DeclareOpInterfaceMethods<Nn_SizesOpInterface>], traits)>;

def Train_LinearWeightGradOp : Train_GradOp<"linear_weight_grad"> {
  let summary = "differentiate a linear layer by its weight";
  let description = [{
    **Meaning**, with m over all rows, in order:
    ```
    dweight[n, c] = sum_m(dy[m, n] * x[m, c])
    ```
    Rounded once, to nearest even, into the element type of the result; a kernel
    accumulates in f32 or wider.

    **Constraints**
    - (C1) `dy` and `input` have a static last dimension.
    - (C2) `input` has the other dimensions of `dy`.
    - (C3) `result` is [N, C] for the last dimensions N of `dy`, C of `input`.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dw = train.linear_weight_grad %dy, %x : tensor<?x?x6xf32>, tensor<?x?x8xf32> -> tensor<6x8xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$dy, Nn_Rows:$input);    // linear_weight_grad_c1
  let results = (outs Nn_Matrix:$result);
  let assemblyFormat = [{
    $dy `,` $input attr-dict `:` type($dy) `,` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1; // the gradient of a transposed weight
}

def Train_PackedLinearGradOp : Train_GradOp<"packed_linear_grad"> {
  let summary = "differentiate a linear layer on codes by its input";
  let description = [{
    The backward of `lowbit.linear` reads the packed weight that the forward
    reads, transposed: it never becomes numbers in memory. Codes and scales are
    frozen, so there is nothing else to differentiate (arXiv:2306.08162).

    **Meaning**, with G(c) the channels that share a scale of the weight:
    ```
    dx[m, c] = sum_n(dy[m, n] * (kw[n, c] - zw[n, G(c)]) * sw[n, G(c)])
    ```
    Rounded once, to nearest even, into the element type of the result; a kernel
    accumulates in f32 or wider.

    **Constraints**
    - (C1) `dy` has a static last dimension, N.
    - (C2) `weight` is [N, C]; `result` has the shape of `dy`, with C in place
      of N.
    - (C3) `scales` is [1], [N] or [N, C / G], as the scheme says.
    - (C4) `zeros` is there, with the shape of `scales`, if and only if the
      scheme has zeros.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dx = train.packed_linear_grad %dy, %kw scales %sw scheme <sym, bits = 4, per = group, group = 4>
          : tensor<?x6xf32>, tensor<6x8xi8>, tensor<6x2xf32> -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$dy,                    // packed_linear_grad_c1
                       2DTensorOf<[I8]>:$weight,
                       RankedTensorOf<[F32, F16]>:$scales,
                       Optional<RankedTensorOf<[I8]>>:$zeros,
                       Lowbit_SchemeAttr:$scheme);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $dy `,` $weight `scales` $scales (`zeros` $zeros^)? `scheme` $scheme
    attr-dict `:` type($dy) `,` type($weight) `,` type($scales)
    (`zeros` type($zeros)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Train_RmsNormGradOp
    : Train_GradOp<"rms_norm_grad", [AllTypesMatch<["dy", "input", "dinput"]>,
                                     AllTypesMatch<["gain", "dgain"]>]> {
  let summary = "differentiate a norm by its input and its gain";
  let description = [{
    **Meaning**
    ```
    for every row x[0..C) of input, with dy[0..C), t = dy * gain:
      r         = 1 / sqrt(sum_c(x[c]^2) / C + eps)
      dinput[c] = r * (t[c] - x[c] * r^2 * sum_k(t[k] * x[k]) / C)
    dgain[c]    = sum over rows, in order (and, for a single gain, c)
                  of dy[c] * x[c] * r
    ```
    Rounded once, to nearest even, into the element types of the results; a
    kernel accumulates in f32 or wider.

    **Constraints**
    - (C1) `input` has a static last dimension, C > 0; `dy` is like it.
    - (C2) `gain` has shape [C], or [1].
    - (C3) `eps` is finite and not negative.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dx, %dg = train.rms_norm_grad %dy, %x, %g eps 1.0e-6 : tensor<?x?x8xf32>, tensor<8xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$dy, Nn_Rows:$input,         // rms_norm_grad_c1
                       Nn_Vector:$gain, F64Attr:$eps);
  let results = (outs Nn_Rows:$dinput, Nn_Vector:$dgain);
  let assemblyFormat = [{
    $dy `,` $input `,` $gain `eps` $eps attr-dict
    `:` type($input) `,` type($gain)
  }];
  let hasVerifier = 1;
}

def Train_SwigluGradOp
    : Train_GradOp<"swiglu_grad", [AllTypesMatch<["dy", "gate", "up", "dgate", "dup"]>]> {
  let summary = "differentiate a gated unit by both of its operands";
  let description = [{
    **Meaning**
    ```
    for every element g of gate, u of up and dy at one place, s = 1 / (1 + e^-g):
      dgate = dy * u * s * (1 + g * (1 - s))
      dup   = dy * g * s
    ```
    Rounded once, to nearest even, into the element type of the results.

    **Constraints**
    - (C1) `dy`, `gate` and `up` are ranked tensors of floats, of one type.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dg, %du = train.swiglu_grad %dy, %g, %u : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Nn_FloatTensor:$dy, Nn_FloatTensor:$gate,
                       Nn_FloatTensor:$up);
  let results = (outs Nn_FloatTensor:$dgate, Nn_FloatTensor:$dup);
  let assemblyFormat = "$dy `,` $gate `,` $up attr-dict `:` type($gate)";
}

def Train_AttentionGradOp
    : Train_GradOp<"attention_grad", [AttrSizedOperandSegments,
          AllTypesMatch<["query", "dquery"]>, AllTypesMatch<["key", "dkey"]>,
          AllTypesMatch<["value", "dvalue"]>,
          AllElementTypesMatch<["dy", "query", "key", "value"]>]> { // attention_grad_c1
  let summary = "differentiate attention by queries, keys and values";
  let description = [{
    The shares p are computed again from queries and keys, as `nn.attention`
    says, masks and hidden keys included.

    **Meaning**
    ```
    for every query i of every b, h, with the shares p[j] of its keys j:
      dp[j]        = sum_e(dy[i, e] * v[j, e])
      ds[j]        = p[j] * (dp[j] - sum_l(dp[l] * p[l]))
      dquery[i, d] = scale * sum_j(ds[j] * k[j, d])
    for every key j, summed over all queries i, in order, that read its head:
      dkey[j, d]   = scale * sum_i(ds[j] * q[i, d])
      dvalue[j, e] = sum_i(p[j] * dy[i, e])
    ```
    A query that sees no key has p = 0 and gives nothing. Rounded once, to
    nearest even; a kernel accumulates in f32 or wider and does not write p.

    **Constraints**
    - (C1) `dy`, `query`, `key` and `value` are float tensors of rank 4, of one
      element type.
    - (C2) `query` is [B, H, T, D], `key` [B, K, S, D], `value` [B, K, S, E] and
      `dy` [B, H, T, E].
    - (C3) H is a multiple of K, K > 0.
    - (C4) `mask`, if present, is a tensor of floats or bools that broadcasts to
      [B, H, T, S], and `keyMask` a tensor [B, S] of bools.
    - (C5) `scale` is finite.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dq, %dk, %dv = train.attention_grad %dy, %q, %k, %v causal scale 0.5
                    : tensor<?x4x?x6xf32>, tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x6xf32>
    ```
  }];
  let arguments = (ins Nn_Heads:$dy, Nn_Heads:$query, Nn_Heads:$key,
                       Nn_Heads:$value, Optional<Nn_Mask>:$mask,
                       Optional<Nn_BoolTensor>:$keyMask,
                       F64Attr:$scale, UnitAttr:$causal);
  let results = (outs Nn_Heads:$dquery, Nn_Heads:$dkey, Nn_Heads:$dvalue);
  let assemblyFormat = [{
    $dy `,` $query `,` $key `,` $value (`mask` $mask^)?
    (`key_mask` $keyMask^)? (`causal` $causal^)? `scale` $scale attr-dict
    `:` type($dy) `,` type($query) `,` type($key) `,` type($value)
        (`,` type($mask)^)? (`key_mask` type($keyMask)^)?
  }];
  let hasVerifier = 1;
}

def Train_EmbeddingGradOp : Train_GradOp<"embedding_grad"> {
  let summary = "differentiate an embedding by its table";
  let description = [{
    **Meaning**, added up in the order of p:
    ```
    dtable[v, c] = sum of dy[p, c] over the places p where ids is v
    ```
    Rounded once, to nearest even; a kernel accumulates in f32 or wider, and in
    the order of p whatever the number of its threads. An id outside [0, V) is
    an error to the interpreter and undefined to a kernel.

    **Constraints**
    - (C1) `dy` has a static last dimension, C > 0.
    - (C2) `ids` is a tensor of integers of the shape of `dy` without C.
    - (C3) `result` is a matrix [V, C].

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dt = train.embedding_grad %dy, %ids : tensor<?x?x8xf32>, tensor<?x?xi64> -> tensor<32x8xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$dy, Nn_IntegerTensor:$ids); // embedding_grad_c1
  let results = (outs Nn_Matrix:$result);
  let assemblyFormat = [{
    $dy `,` $ids attr-dict `:` type($dy) `,` type($ids) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Train_CrossEntropyGradOp
    : Train_GradOp<"cross_entropy_grad", [AllTypesMatch<["logits", "result"]>]> {
  let summary = "differentiate the loss of each target by its logits";
  let description = [{
    **Meaning**
    ```
    for every row x[0..V) of logits, its target t and its dy:
      y[v] = dy * (e^x[v] / sum_w(e^x[w]) - (v = t ? 1 : 0))
    ```
    Computed without overflow, rounded once, to nearest even; where dy is 0, y
    is 0 (a token that does not count). A target outside [0, V) is an error.

    **Constraints**
    - (C1) `logits` has a static last dimension, V > 0.
    - (C2) `targets` and `dy` have the shape of `logits` without the last
      dimension.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dx = train.cross_entropy_grad %dy, %x, %t : tensor<?xf32>, tensor<?x32xf32>, tensor<?xi64>
    ```
  }];
  let arguments = (ins Nn_FloatTensor:$dy, Nn_Rows:$logits, // cross_entropy_grad_c1
                       Nn_IntegerTensor:$targets);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $dy `,` $logits `,` $targets attr-dict
    `:` type($dy) `,` type($logits) `,` type($targets)
  }];
  let hasVerifier = 1;
}

def Train_RecomputeOp
    : Train_GradOp<"recompute", [AllTypesMatch<["input", "result"]>]> {
  let summary = "begin to compute a part of the forward pass again";
  let description = [{
    What a gradient reads is kept from the forward pass, or computed again from
    `input` when the gradient `after` is there. The op keeps the two apart: ops
    that read its result are never merged with those that read `input`.

    **Meaning.** The result is `input`.

    **Constraints**
    - (C1) `input` is a ranked tensor of floats.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %x1 = train.recompute %x after %dy : tensor<?x8xf32>, tensor<?x6xf32>
    ```
  }];
  let arguments = (ins Nn_FloatTensor:$input,                // recompute_c1
                       Nn_FloatTensor:$after);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $input `after` $after attr-dict `:` type($input) `,` type($after)
  }];
}

#endif // QOPT_DIALECTS_TRAIN_TRAINGRADIENTOPS_TD
