// The lowbit ops: quantizing, packing, changes of basis, linear layers on codes.

#ifndef QOPT_DIALECTS_LOWBIT_LOWBITOPS_TD
#define QOPT_DIALECTS_LOWBIT_LOWBITOPS_TD

include "qopt/dialects/lowbit/LowbitDialect.td"
include "qopt/dialects/nn/NnDialect.td"
include "qopt/dialects/nn/NnInterfaces.td"

def Lowbit_Codes : Type<
    And<[RankedTensorOf<[I8]>.predicate, CPred<[{
      ::llvm::cast<::mlir::RankedTensorType>($_self).getRank() > 0 &&
      ::llvm::cast<::mlir::RankedTensorType>($_self).getShape().back() > 0
    }]>]>,
    "i8 tensor with a static last dimension", "::mlir::RankedTensorType">;
def Lowbit_Matrix : Type<
    And<[2DTensorOf<[I8]>.predicate, HasStaticShapePred]>,
    "i8 matrix of static shape", "::mlir::RankedTensorType">;
def Lowbit_Scales : RankedTensorOf<[F32, F16]>;
def Lowbit_Zeros : RankedTensorOf<[I8]>;

//===- Quantizing ---------------------------------------------------------===//

def Lowbit_QuantizeOp : Lowbit_Op<"quantize", [Pure,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "turn numbers into codes and scales";
  let description = [{
    **Meaning**
    ```
    for every set of elements of input that share a scale:
      s, zero = as #lowbit.scheme says
      k       = clamp(rint(f32(f32(x) * inv)) + zero)
    ```
    The operations are f32's, in this order, also where all else is wider. Codes
    and scale of a set that holds a NaN or an infinity mean nothing; in a weight
    it is an error.

    **Constraints**
    - (C1) `input` has a static last dimension, C > 0.
    - (C2) `codes` has the shape of `input`.
    - (C3) `scales` has the type that the scheme gives it, and its shape: [1] per
      tensor, that of `input` without the last axis per channel or token, with
      C / G in place of C per group.
    - (C4) A group divides C.
    - (C5) `zeros` is there, with the shape of `scales`, if and only if the scheme
      has zeros.

    **Gradient.** Straight through: `dinput = dcodes' * s`, where codes' are the
    codes as numbers; none through scales and zeros (arXiv:2402.17764).

    **Example**
    ```mlir
    %k, %s = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x?x8xf32> -> tensor<?x?x8xi8>, tensor<?x?xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$input, Lowbit_SchemeAttr:$scheme);
  let results = (outs Lowbit_Codes:$codes, Lowbit_Scales:$scales,
                      Optional<Lowbit_Zeros>:$zeros);
  let assemblyFormat = [{
    $input `scheme` $scheme attr-dict
    `:` type($input) `->` type($codes) `,` type($scales) (`,` type($zeros)^)?
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$input,
                                 "::qopt::lowbit::SchemeAttr":$scheme)>];
}

def Lowbit_DequantizeOp : Lowbit_Op<"dequantize", [Pure,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "turn codes and scales into numbers";
  let description = [{
    **Meaning**
    ```
    for every code k, with the scale s and the zero of its set:
      y = f32(f32(k - zero) * s)        // then rounded to the result's type
    ```

    **Constraints**
    - (C1) `codes` has a static last dimension, C > 0.
    - (C2) `result` has the shape of `codes`.
    - (C3) `scales` has the type and shape that the scheme gives it, as in
      `lowbit.quantize`.
    - (C4) A group divides C.
    - (C5) `zeros` is there, with the shape of `scales`, if and only if the scheme
      has zeros.

    **Gradient**
    ```
    dscales = sum over its set of dy * (k - zero)       // codes have none
    ```

    **Example**
    ```mlir
    %y = lowbit.dequantize %k, %s scheme <sym, bits = 8, per = token> : tensor<?x?x8xi8>, tensor<?x?xf32> -> tensor<?x?x8xf32>
    ```
  }];
  let arguments = (ins Lowbit_Codes:$codes, Lowbit_Scales:$scales,
                       Optional<Lowbit_Zeros>:$zeros, Lowbit_SchemeAttr:$scheme);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $codes `,` $scales (`zeros` $zeros^)? `scheme` $scheme attr-dict
    `:` type($codes) `,` type($scales) (`,` type($zeros)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lowbit_FakeQuantizeOp : Lowbit_Op<"fake_quantize", [Pure,
    AllTypesMatch<["input", "result"]>,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "round numbers to what their codes mean, gradually";
  let description = [{
    `lambda` goes from 0 to 1 while a model learns to live with its codes; it is
    an input of the step, never a constant (arXiv:2505.08823).

    **Meaning**
    ```
    for every element x of input, q = dequantize(quantize(x)):
      y = q                       // no lambda, or lambda = 1: these very bits
      y = x                       // lambda = 0: these very bits
      y = x + lambda * (q - x)    // else; lambda is clamped to [0, 1]
    ```

    **Constraints**
    - (C1) `input` has a static last dimension, C > 0.
    - (C2) A group divides C.
    - (C3) `lambda`, if present, is a tensor<f32>.

    **Gradient.** Straight through for every lambda, without a clip mask:
    `dinput = dy`; none for lambda.

    **Example**
    ```mlir
    %y = lowbit.fake_quantize %x lambda %l scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32>
    %z = lowbit.fake_quantize %x scheme <sym, bits = 4, per = group, group = 4> : tensor<6x8xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$input, Optional<0DTensorOf<[F32]>>:$lambda,
                       Lowbit_SchemeAttr:$scheme);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $input (`lambda` $lambda^)? `scheme` $scheme attr-dict
    `:` type($input) custom<LambdaType>(ref($lambda), type($lambda))
  }];
  let hasVerifier = 1;
}

//===- Packing ------------------------------------------------------------===//

class Lowbit_PackingOp<string mnemonic> : Lowbit_Op<mnemonic, [Pure]> {
  let arguments = (ins Lowbit_Matrix:$input, I64Attr:$bits, I64Attr:$offset);
  let results = (outs Lowbit_Matrix:$result);
  let assemblyFormat = [{
    $input `bits` $bits `offset` $offset attr-dict
    `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lowbit_PackOp : Lowbit_PackingOp<"pack"> {
  let summary = "put the codes of a row into whole bytes";
  let description = [{
    **Meaning**
    ```
    for every row of input: the bits of (k + offset), low bits first, one code
    behind the other in a string of bits, low bits of a byte first; the last byte
    is filled with zeros
    ```
    `offset` makes codes unsigned: 2^(bits - 1), or 1 for ternary. Files say it
    differently (their zero point, or their zero point less 1), so it stands here.

    **Constraints**
    - (C1) `bits` is 1 to 8, `offset` 0 to 255.
    - (C2) `result` is [N, ceil(C * bits / 8)] for an `input` of [N, C].

    **Gradient.** None: codes have none.

    **Example**
    ```mlir
    %p = lowbit.pack %k bits 3 offset 4 : tensor<6x8xi8> -> tensor<6x3xi8>
    ```
  }];
}

def Lowbit_UnpackOp : Lowbit_PackingOp<"unpack"> {
  let summary = "take the codes of a row out of bytes";
  let description = [{
    The inverse of `lowbit.pack`.

    **Meaning**
    ```
    for every code of a row of result: the next `bits` bits of the row of input,
    low bits first, as an unsigned number (`signed`: in two's complement), less
    offset
    ```

    **Constraints**
    - (C1) `bits` is 1 to 8, `offset` 0 to 255.
    - (C2) `input` is [N, ceil(C * bits / 8)] for a `result` of [N, C].

    **Gradient.** None: codes have none.

    **Example**
    ```mlir
    %k = lowbit.unpack %p bits 3 offset 4 : tensor<6x3xi8> -> tensor<6x8xi8>
    %i = lowbit.unpack %q bits 4 offset 0 signed : tensor<6x4xi8> -> tensor<6x8xi8>
    ```
  }];
  let arguments = (ins Lowbit_Matrix:$input, I64Attr:$bits, I64Attr:$offset,
                       UnitAttr:$is_signed);
  let assemblyFormat = [{
    $input `bits` $bits `offset` $offset (`signed` $is_signed^)? attr-dict
    `:` type($input) `->` type($result)
  }];
}

//===- Changes of basis ---------------------------------------------------===//

def Lowbit_HadamardOp : Lowbit_Op<"hadamard", [Pure,
    AllTypesMatch<["input", "result"]>,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "rotate an axis by an orthogonal matrix of +-1 entries";
  let description = [{
    The matrix is Q = S H, with H = (H_a x H_b x ...) / sqrt(n) for `orders`
    [a, b, ...], n their product and x the Kronecker product, and S diagonal: all
    ones without `seed`, else the signs of Philox4x32-10 (bit c mod 128 of the
    block with key = seed and counter = c / 128; set means -1). Where n is less
    than the axis, blocks of n are rotated, each by the same H. H_m is Sylvester's
    for a power of two and Paley's otherwise: of the first kind if m - 1 is a
    prime power that is 3 modulo 4, else of the second (m / 2 - 1 a prime power
    that is 1 modulo 4). Paley's first kind is not symmetric: Q Q is not the
    identity, Q followed by `transposed` is.

    **Meaning**
    ```
    for every vector x[0..n) of input along `axis` (a block of it):
      y[j] = sum_i(x[i] * Q[i, j])          // x Q
      y[j] = sum_i(x[i] * Q[j, i])          // transposed: x Q^T
    ```
    Rounded once, to nearest even, into the type of the result; a kernel computes
    in f32. Reference: arXiv:2404.00456 (QuaRot).

    **Constraints**
    - (C1) `axis` is one of `input`, and static.
    - (C2) Each of `orders` is a power of two or has a Paley matrix.
    - (C3) The product of `orders` divides the axis.

    **Gradient**
    ```
    dx = dy Q^T       // transposed: dy Q
    ```

    **Example**
    ```mlir
    %y = lowbit.hadamard %x axis 1 orders [12, 2] seed 7 : tensor<?x24xf32>
    %z = lowbit.hadamard %y axis 1 orders [12, 2] seed 7 transposed : tensor<?x24xf32>
    ```
  }];
  let arguments = (ins Nn_FloatTensor:$input, I64Attr:$axis,
                       DenseI64ArrayAttr:$orders, OptionalAttr<I64Attr>:$seed,
                       UnitAttr:$transposed);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $input `axis` $axis `orders` $orders (`seed` $seed^)?
    (`transposed` $transposed^)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

//===- Layers -------------------------------------------------------------===//

def Lowbit_LinearOp : Lowbit_Op<"linear", [Pure, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "multiply rows by a weight of codes";
  let description = [{
    The input is numbers (weight-only), or symmetric codes with one scale per
    token. `splits` are as in `nn.linear`.

    **Meaning**, with G(c) the set of channels that share a scale of the weight:
    ```
    codes in:    y[m, n] = sum_G(sx[m] * sw[n, G] * sum_c(kx[m, c] * (kw[n, c] - zw[n, G]))) + bias[n]
    numbers in:  y[m, n] = sum_c(x[m, c] * (kw[n, c] - zw[n, G]) * sw[n, G]) + bias[n]
    ```
    The sum over codes is exact in 32 bits; a kernel adds groups in f32. Rounded
    once, to nearest even, into the element type of the result.

    **Constraints**
    - (C1) `input` is floats without `input_scales`, or i8 with them; it has a
      static last dimension, C > 0.
    - (C2) `input_scales` is f32 and has the shape of `input` without the last axis.
    - (C3) `weight` has shape [N, C].
    - (C4) `weight_scales` has the type that the scheme gives it, and its shape:
      [1], [N] or [N, C / G]; a group divides C.
    - (C5) `zeros` is there, with the shape of `weight_scales`, if and only if the
      scheme has zeros.
    - (C6) `bias`, if present, has shape [N].
    - (C7) `result` has the shape of `input`, with N in place of C.
    - (C8) `splits`, if present, are positive and sum to N.
    - (C9) For codes in, C is at most 131071, so that sums fit 32 bits.

    **Gradient**, straight through, with w^ the numbers that the codes mean:
    ```
    dx[m, c] = sum_n(dy[m, n] * w^[n, c])     // the packed weight, read transposed
    dbias[n] = sum_m(dy[m, n])                // codes and scales are frozen
    ```

    **Example**
    ```mlir
    %y = lowbit.linear %kx scales %sx, %kw scales %sw bias %b scheme <sym, bits = 4, per = group, group = 4>
         : tensor<?x?x8xi8>, tensor<?x?xf32>, tensor<6x8xi8>, tensor<6x2xf32>, tensor<6xf32> -> tensor<?x?x6xf32>
    %z = lowbit.linear %x, %kw scales %t zeros %o scheme <asym, bits = 4, per = channel>
         : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32>, tensor<6xi8> -> tensor<?x?x6xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[AnyFloat, I8]>:$input,
                       Optional<RankedTensorOf<[F32]>>:$input_scales,
                       Lowbit_Matrix:$weight, Lowbit_Scales:$weight_scales,
                       Optional<Lowbit_Zeros>:$zeros,
                       Optional<Nn_Vector>:$bias, Lowbit_SchemeAttr:$scheme,
                       OptionalAttr<DenseI64ArrayAttr>:$splits);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $input (`scales` $input_scales^)? `,` $weight `scales` $weight_scales
    (`zeros` $zeros^)? (`bias` $bias^)? `scheme` $scheme (`splits` $splits^)?
    attr-dict `:`
    custom<LinearTypes>(ref($input_scales), ref($zeros), ref($bias), type($input),
                        type($input_scales), type($weight), type($weight_scales),
                        type($zeros), type($bias))
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lowbit_EmbeddingOp : Lowbit_Op<"embedding", [Pure,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "look up rows of a table of codes";
  let description = [{
    **Meaning**
    ```
    for every id: the row of dequantize(table), as lowbit.dequantize says
    ```
    An id outside is undefined, as in `nn.embedding`.

    **Constraints**
    - (C1) `table` has shape [V, C].
    - (C2) `scales` and `zeros` are as in `lowbit.dequantize`.
    - (C3) `result` has the shape of `ids`, and C.

    **Gradient.** None: codes are frozen.

    **Example**
    ```mlir
    %y = lowbit.embedding %ids, %k, %s scheme <sym, bits = 8, per = channel> : tensor<?x?xi64>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x8xf32>
    ```
  }];
  let arguments = (ins Nn_IntegerTensor:$ids, Lowbit_Matrix:$table,
                       Lowbit_Scales:$scales, Optional<Lowbit_Zeros>:$zeros,
                       Lowbit_SchemeAttr:$scheme);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $ids `,` $table `,` $scales (`zeros` $zeros^)? `scheme` $scheme attr-dict
    `:` type($ids) `,` type($table) `,` type($scales) (`,` type($zeros)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lowbit_LoraLinearOp : Lowbit_Op<"lora_linear", [Pure,
    AllTypesMatch<["base", "result"]>,
    DeclareOpInterfaceMethods<Nn_SizesOpInterface>]> {
  let summary = "add a low-rank branch to a linear layer";
  let description = [{
    `base` is what the layer gives; the branch is an epilogue of its kernel. `a`
    and `b` are parameters of role `adapter`, under the names of PEFT.

    **Meaning**
    ```
    u[m, r] = sum_c(x[m, c] * a[r, c])
    y[m, n] = base[m, n] + scale * sum_r(u[m, r] * b[n, r])
    ```
    Rounded once, to nearest even; a kernel computes u and the sums in f32
    (arXiv:2106.09685, equation 3; scale is alpha / R).

    **Constraints**
    - (C1) `input` has a static last dimension, C > 0.
    - (C2) `a` has shape [R, C], `b` has shape [N, R].
    - (C3) `base` has the shape of `input`, with N in place of C.
    - (C4) `scale` is finite.

    **Gradient**, with du[m, r] = scale * sum_n(dy[m, n] * b[n, r]):
    ```
    dbase    = dy
    da[r, c] = sum_m(du[m, r] * x[m, c])
    db[n, r] = scale * sum_m(dy[m, n] * u[m, r])
    dx[m, c] = sum_r(du[m, r] * a[r, c])
    ```

    **Example**
    ```mlir
    %y = lowbit.lora_linear %x, %a, %b scale 2.0 onto %base : tensor<?x?x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<?x?x6xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$input, Nn_Matrix:$a, Nn_Matrix:$b,
                       F64Attr:$scale, Nn_Rows:$base);
  let results = (outs Nn_Rows:$result);
  let assemblyFormat = [{
    $input `,` $a `,` $b `scale` $scale `onto` $base attr-dict
    `:` type($input) `,` type($a) `,` type($b) `,` type($base)
  }];
  let hasVerifier = 1;
}

#endif // QOPT_DIALECTS_LOWBIT_LOWBITOPS_TD
