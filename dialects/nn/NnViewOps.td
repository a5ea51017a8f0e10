// Ops that move elements, and ops that make them from indices and sizes.

#ifndef QOPT_DIALECTS_NN_NNVIEWOPS_TD
#define QOPT_DIALECTS_NN_NNVIEWOPS_TD

include "qopt/dialects/nn/NnDialect.td"

//===- Whole tensors ------------------------------------------------------===//

/// `sizes` are the dynamic dimensions of the result, in order.
class Nn_SizedOp<string mnemonic>
    : Nn_Op<mnemonic, [Pure]> {
  let arguments = (ins Nn_Tensor:$input, Variadic<Index>:$sizes);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input (`[` $sizes^ `]`)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Nn_ReshapeOp : Nn_SizedOp<"reshape"> {
  let summary = "give the same elements another shape";
  let description = [{
    **Meaning.** Element i of the result is element i of `input`, both counted
    in row-major order. `sizes` are the dynamic dimensions of the result, in
    order; a negative one, or another number of elements, is an error when it
    runs.

    **Constraints**
    - (C1) `input` and `result` have one element type.
    - (C2) There is one of `sizes` for each dynamic dimension of `result`.
    - (C3) `input` and `result` have as many elements, if both are static.

    **Gradient.** dy in the shape of `input`.

    **Example**
    ```mlir
    %y = nn.reshape %x [%n] : tensor<?x8xf32> -> tensor<?x2x4xf32>
    ```
  }];
}

def Nn_BroadcastOp : Nn_SizedOp<"broadcast"> {
  let summary = "repeat a tensor along new axes and axes of size one";
  let description = [{
    `sizes` are the dynamic dimensions of the result, in order.

    **Meaning**
    ```
    for every place [i, ..., j] of the result:
      y[i, ..., j] = x at the last of these indices, 0 where the size of x is 1
    ```
    Only a static 1 is repeated, zero times too; another size that differs is an
    error when it runs.

    **Constraints**
    - (C1) `input` and `result` have one element type.
    - (C2) There is one of `sizes` for each dynamic dimension of `result`.
    - (C3) `result` has at least the axes of `input`; aligned at the last one,
      each size of `input` is 1 or that of `result`.

    **Gradient.** dy, summed over the axes along which `input` is repeated.

    **Example**
    ```mlir
    %y = nn.broadcast %x [%n] : tensor<1x8xf32> -> tensor<4x?x8xf32>
    ```
  }];
}

def Nn_TransposeOp : Nn_Op<"transpose", [Pure, InferTypeOpAdaptor]> {
  let summary = "put the axes in another order";
  let description = [{
    **Meaning.** Axis i of the result is axis `permutation[i]` of `input`.

    **Constraints**
    - (C1) `permutation` holds each axis of `input` once.

    **Gradient.** dy, transposed by the inverse permutation.

    **Example**
    ```mlir
    %y = nn.transpose %x [0, 2, 1] : tensor<?x4x8xf32>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input,
                       DenseI64ArrayAttr:$permutation);         // transpose_c1
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input)";
  let hasFolder = 1;
}

def Nn_SliceOp : Nn_Op<"slice", [Pure]> {
  let summary = "take elements at equal distances along one axis";
  let description = [{
    `size` is an operand if the result is dynamic along the axis. `step` is 1
    when absent and may be negative.

    **Meaning**
    ```
    for every line x[0..K) of input and y[0..size) of result along axis:
      y[k] = x[start + k * step]
    ```
    An index outside [0, K) is an error when it runs, and so is a negative
    `size`; with size 0 nothing is read, whatever `start` is.

    **Constraints**
    - (C1) `axis` is an axis of `input`, counted from the front.
    - (C2) `result` has the element type of `input`, and its sizes along the
      other axes.
    - (C3) `size` is present just if `result` is dynamic along `axis`.
    - (C4) `step` is not 0.

    **Gradient**
    ```
    dx[start + k * step] = dy[k], and 0 elsewhere
    ```

    **Example**
    ```mlir
    %y = nn.slice %x axis 1 from %i : tensor<?x8xf32> -> tensor<?x4xf32>
    %z = nn.slice %x axis 0 from %i size %n step 2 : tensor<?x8xf32> -> tensor<?x8xf32>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input, Index:$start, Optional<Index>:$size,
                       I64Attr:$axis, DefaultValuedAttr<I64Attr, "1">:$step);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `axis` $axis `from` $start (`size` $size^)? (`step` $step^)?
    attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Nn_ConcatOp : Nn_Op<"concat", [Pure]> {
  let summary = "put tensors one behind the other along an axis";
  let description = [{
    **Meaning.** Along `axis` the result holds the elements of the first input,
    then those of the second, and so on; an empty one adds nothing. Dynamic
    sizes along the other axes that differ are an error when it runs.

    **Constraints**
    - (C1) There is at least one input.
    - (C2) `axis` is an axis of `result`, counted from the front.
    - (C3) Each input has the element type of `result`, and its sizes along the
      other axes.
    - (C4) Along `axis`, the sizes of the inputs sum to that of `result`.

    **Gradient.** Each input gets its slice of dy.

    **Example**
    ```mlir
    %z = nn.concat %x, %y axis 0 : tensor<?x8xf32>, tensor<1x8xf32> -> tensor<?x8xf32>
    ```
  }];

  let arguments = (ins Variadic<Nn_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Nn_TriangleOp
    : Nn_Op<"triangle", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "keep one triangle of a matrix";
  let description = [{
    **Meaning**, k being `diagonal`, or 0:
    ```
    for every matrix x[I, J] of the last two axes:
      lower:  y[i, j] = j - i <= k ? x[i, j] : 0
      upper:  y[i, j] = j - i >= k ? x[i, j] : 0
    ```
    NaN outside the triangle becomes 0. Any k is fine.

    **Constraints**
    - (C1) `input` has at least two axes.

    **Gradient.** The same triangle of dy.

    **Example**
    ```mlir
    %y = nn.triangle %x : tensor<?x8x8xf32>
    %z = nn.triangle upper %x diagonal %k : tensor<?x8x8xf32>
    ```
  }];

  let arguments = (ins Nn_Matrices:$input,                       // triangle_c1
                       Optional<Index>:$diagonal, UnitAttr:$upper);
  let results = (outs Nn_Matrices:$result);
  let assemblyFormat = [{
    (`upper` $upper^)? $input (`diagonal` $diagonal^)? attr-dict
    `:` type($input)
  }];
}

//===- Elements by index --------------------------------------------------===//

def Nn_GatherOp : Nn_Op<"gather", [Pure, InferTypeOpAdaptor]> {
  let summary = "take slices of an axis by index";
  let description = [{
    In the result, the axes of `indices` stand in place of `axis`.

    **Meaning**
    ```
    for every element i of indices, at the places p and q around axis:
      y[p, place of i, q] = x[p, i, q]
    ```
    A negative index counts from the end. Another one outside is an error to
    the interpreter; a kernel gives NaN, or 0 for integers.

    **Constraints**
    - (C1) `axis` is an axis of `input`, counted from the front.
    - (C2) `indices` is a ranked tensor of integers.

    **Gradient.** Each slice of dy is added to the slice of dx that it is from.

    **Example**
    ```mlir
    %y = nn.gather %x, %i axis 0 : tensor<?x8xf32>, tensor<2x?xi64>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input, Nn_IntegerTensor:$indices, // gather_c2
                       I64Attr:$axis);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `axis` $axis attr-dict
    `:` type($input) `,` type($indices)
  }];
}

def Nn_GatherNdOp : Nn_Op<"gather_nd", [Pure, InferTypeOpAdaptor]> {
  let summary = "take slices by tuples of indices";
  let description = [{
    The last axis of `indices` holds tuples of D indices, which count the axes
    of `input` behind the first `batch_dims` (0 when absent), which both share.

    **Meaning**
    ```
    for every tuple (i, ..., j) of indices at [b, p], b being the shared axes:
      y[b, p, ...] = x[b, i, ..., j, ...]
    ```
    Indices are treated as in `nn.gather`.

    **Constraints**
    - (C1) `indices` has a static last dimension, D.
    - (C2) `batch_dims` is not negative and less than the rank of `indices`,
      D > 0, and `batch_dims` + D is at most the rank of `input`.
    - (C3) The sizes of the first `batch_dims` axes of both are the same.

    **Gradient.** Each slice of dy is added to the slice of dx that it is from.

    **Example**
    ```mlir
    %y = nn.gather_nd %x, %i : tensor<?x4x8xf32>, tensor<3x2xi64>
    %z = nn.gather_nd %x, %j batch_dims 1 : tensor<?x4x8xf32>, tensor<?x3x1xi64>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input, Nn_IntegerTensor:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batchDims);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices (`batch_dims` $batchDims^)? attr-dict
    `:` type($input) `,` type($indices)
  }];
}

def Nn_GatherElementsOp : Nn_Op<"gather_elements", [Pure, InferTypeOpAdaptor]> {
  let summary = "take single elements along an axis by index";
  let description = [{
    The result has the shape of `indices`.

    **Meaning**
    ```
    for every element i of indices at [p, k, q], k along axis:
      y[p, k, q] = x[p, i, q]
    ```
    Indices are treated as in `nn.gather`.

    **Constraints**
    - (C1) `axis` is an axis of `input`, counted from the front.
    - (C2) `indices` is a ranked tensor of integers.
    - (C3) `indices` has the rank of `input`, and is no larger than it along the
      other axes.

    **Gradient.** Each element of dy is added to the one of dx that it is from.

    **Example**
    ```mlir
    %y = nn.gather_elements %x, %i axis 1 : tensor<?x8xf32>, tensor<?x2xi64>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input,
                       Nn_IntegerTensor:$indices,        // gather_elements_c2
                       I64Attr:$axis);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `axis` $axis attr-dict
    `:` type($input) `,` type($indices)
  }];
}

def Nn_ScatterNdOp
    : Nn_Op<"scatter_nd", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "replace slices by tuples of indices";
  let description = [{
    The last axis of `indices` holds tuples of D indices, which count the first
    axes of `input`.

    **Meaning**
    ```
    y = x
    for every tuple (i, ..., j) of indices at [p], in order:
      y[i, ..., j, ...] = updates[p, ...]
    ```
    A negative index counts from the end. Another one outside is an error to the
    interpreter and undefined to a kernel. Of two updates of one slice the last
    one stays.

    **Constraints**
    - (C1) `indices` is a ranked tensor of integers.
    - (C2) `indices` has a static last dimension D, 0 < D <= rank of `input`.
    - (C3) `updates` has the element type of `input`, the sizes of `indices`
      without the last one, then those of the axes of `input` from D on.

    **Gradient**
    ```
    dupdates[p, ...] = dy[i, ..., j, ...]    // 0 where a later one stays
    dx               = dy, and 0 in every slice that is replaced
    ```

    **Example**
    ```mlir
    %y = nn.scatter_nd %x, %i, %u : tensor<4x8xf32>, tensor<?x1xi64>, tensor<?x8xf32>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input,
                       Nn_IntegerTensor:$indices,              // scatter_nd_c1
                       Nn_Tensor:$updates);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `,` $updates attr-dict
    `:` type($input) `,` type($indices) `,` type($updates)
  }];
  let hasVerifier = 1;
}

//===- Elements from nothing ----------------------------------------------===//

def Nn_IotaOp : Nn_Op<"iota", [Pure]> {
  let summary = "count from zero";
  let description = [{
    **Meaning**
    ```
    y[i] = i              // for i < size, which is given if y is dynamic
    ```
    Floats are rounded once, to nearest even; integers wrap. A negative size is
    an error when it runs.

    **Constraints**
    - (C1) `result` is a tensor of numbers of rank 1.
    - (C2) `size` is present just if `result` is dynamic.

    **Gradient.** None: there is no operand that has one.

    **Example**
    ```mlir
    %y = nn.iota : tensor<8xi64>
    %z = nn.iota %n : tensor<?xf32>
    ```
  }];

  let arguments = (ins Optional<Index>:$size);
  let results = (outs Nn_Line:$result);                              // iota_c1
  let assemblyFormat = "($size^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Nn_FromIndexOp : Nn_Op<"from_index", [Pure]> {
  let summary = "make a tensor of rank 0 of a size";
  let description = [{
    **Meaning.** The one element of the result is `index`, its low bits if the
    type is narrower.

    **Constraints**
    - (C1) `result` is an integer tensor of rank 0.

    **Gradient.** None: the result is an integer.

    **Example**
    ```mlir
    %y = nn.from_index %n : tensor<i64>
    ```
  }];

  let arguments = (ins Index:$index);
  let results = (outs Nn_Integer:$result);                     // from_index_c1
  let assemblyFormat = "$index attr-dict `:` type($result)";
}

#endif // QOPT_DIALECTS_NN_NNVIEWOPS_TD
