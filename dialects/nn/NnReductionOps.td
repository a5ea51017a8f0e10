// Ops that look at more than one element: reductions, softmax, losses.

#ifndef QOPT_DIALECTS_NN_NNREDUCTIONOPS_TD
#define QOPT_DIALECTS_NN_NNREDUCTIONOPS_TD

include "qopt/dialects/nn/NnDialect.td"

def Nn_ReduceOp : Nn_Op<"reduce", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_ReductionAttr:$kind, Nn_Tensor:$input,
                       DenseI64ArrayAttr:$axes, UnitAttr:$keepDims);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $kind `,` $input `axes` $axes (`keep_dims` $keepDims^)? attr-dict
    `:` type($input)
  }];
}

def Nn_CumsumOp
    : Nn_Op<"cumsum", [Pure, AllTypesMatch<["input", "result"]>]> {
  let arguments = (ins Nn_Tensor:$input, I64Attr:$axis, UnitAttr:$exclusive,
                       UnitAttr:$reverse);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `axis` $axis (`exclusive` $exclusive^)? (`reverse` $reverse^)?
    attr-dict `:` type($input)
  }];
}

def Nn_SoftmaxOp
    : Nn_Op<"softmax", [Pure, AllTypesMatch<["input", "result"]>]> {
  let arguments = (ins Nn_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$input `axis` $axis attr-dict `:` type($input)";
}

/// Negative log-likelihood of `targets` under softmax(`logits`), per row.
def Nn_CrossEntropyOp : Nn_Op<"cross_entropy", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_Rows:$logits, Nn_IntegerTensor:$targets);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $logits `,` $targets attr-dict `:` type($logits) `,` type($targets)
  }];
}

#endif // QOPT_DIALECTS_NN_NNREDUCTIONOPS_TD
