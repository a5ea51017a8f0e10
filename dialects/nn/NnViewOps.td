// Ops that move elements, and ops that make them from indices and sizes.

#ifndef QOPT_DIALECTS_NN_NNVIEWOPS_TD
#define QOPT_DIALECTS_NN_NNVIEWOPS_TD

include "qopt/dialects/nn/NnDialect.td"

/// `sizes` are the dynamic dimensions of the result, in order.
class Nn_SizedOp<string mnemonic>
    : Nn_Op<mnemonic, [Pure]> {
  let arguments = (ins Nn_Tensor:$input, Variadic<Index>:$sizes);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input (`[` $sizes^ `]`)? attr-dict `:` type($input) `->` type($result)
  }];
}

def Nn_ReshapeOp : Nn_SizedOp<"reshape"> { let hasFolder = 1; }
def Nn_BroadcastOp : Nn_SizedOp<"broadcast"> { let hasFolder = 1; }

def Nn_TransposeOp : Nn_Op<"transpose", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input)";
  let hasFolder = 1;
}

/// Elements start, start + step, ... along one axis; `size` of them, which is
/// an operand if the result is dynamic there.
def Nn_SliceOp : Nn_Op<"slice", [Pure]> {
  let arguments = (ins Nn_Tensor:$input, Index:$start, Optional<Index>:$size,
                       I64Attr:$axis, DefaultValuedAttr<I64Attr, "1">:$step);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `axis` $axis `from` $start (`size` $size^)? (`step` $step^)?
    attr-dict `:` type($input) `->` type($result)
  }];
}

def Nn_ConcatOp : Nn_Op<"concat", [Pure]> {
  let arguments = (ins Variadic<Nn_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)
  }];
}

/// Negative indices count from the end; others outside give NaN or 0.
def Nn_GatherOp : Nn_Op<"gather", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_Tensor:$input, Nn_IntegerTensor:$indices,
                       I64Attr:$axis);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `axis` $axis attr-dict
    `:` type($input) `,` type($indices)
  }];
}

def Nn_GatherNdOp : Nn_Op<"gather_nd", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_Tensor:$input, Nn_IntegerTensor:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batchDims);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices (`batch_dims` $batchDims^)? attr-dict
    `:` type($input) `,` type($indices)
  }];
}

def Nn_GatherElementsOp : Nn_Op<"gather_elements", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_Tensor:$input, Nn_IntegerTensor:$indices,
                       I64Attr:$axis);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `axis` $axis attr-dict
    `:` type($input) `,` type($indices)
  }];
}

/// A copy of `input` with `updates` at `indices` (ONNX ScatterND, no reduction).
def Nn_ScatterNdOp
    : Nn_Op<"scatter_nd", [Pure, AllTypesMatch<["input", "result"]>]> {
  let arguments = (ins Nn_Tensor:$input, Nn_IntegerTensor:$indices,
                       Nn_Tensor:$updates);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `,` $updates attr-dict
    `:` type($input) `,` type($indices) `,` type($updates)
  }];
}

/// Keeps the upper or the lower triangle of the last two axes, 0 elsewhere.
/// `diagonal` k: element (i, j) is kept if j - i >= k (upper), <= k (lower).
def Nn_TriangleOp
    : Nn_Op<"triangle", [Pure, AllTypesMatch<["input", "result"]>]> {
  let arguments = (ins Nn_Tensor:$input, Optional<Index>:$diagonal,
                       UnitAttr:$upper);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    (`upper` $upper^)? $input (`diagonal` $diagonal^)? attr-dict
    `:` type($input)
  }];
}

/// 0, 1, 2, ... ; `size` is given if the result is dynamic.
def Nn_IotaOp : Nn_Op<"iota", [Pure]> {
  let arguments = (ins Optional<Index>:$size);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "($size^)? attr-dict `:` type($result)";
}

/// A size as a tensor of rank 0.
def Nn_FromIndexOp : Nn_Op<"from_index", [Pure]> {
  let arguments = (ins Index:$index);
  let results = (outs Nn_IntegerTensor:$result);
  let assemblyFormat = "$index attr-dict `:` type($result)";
}

#endif // QOPT_DIALECTS_NN_NNVIEWOPS_TD
