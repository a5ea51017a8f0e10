// Ops that compute each element from the elements at the same place.

#ifndef QOPT_DIALECTS_NN_NNELEMENTWISEOPS_TD
#define QOPT_DIALECTS_NN_NNELEMENTWISEOPS_TD

include "qopt/dialects/nn/NnDialect.td"

/// Shapes are broadcast as in numpy: aligned at the last dimension, a static 1
/// is repeated. Two dynamic sizes at one place are equal; a dynamic size is
/// never repeated.
class Nn_BinaryOp<string mnemonic, Type type, list<Trait> traits = []>
    : Nn_Op<mnemonic, !listconcat([Pure, InferTypeOpAdaptor], traits)> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs)
  }];
}

class Nn_UnaryOp<string mnemonic, Type type = Nn_FloatTensor>
    : Nn_Op<mnemonic, [Pure, AllTypesMatch<["input", "result"]>]> {
  let arguments = (ins type:$input);
  let results = (outs type:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Nn_AddOp : Nn_BinaryOp<"add", Nn_Tensor>;
def Nn_SubOp : Nn_BinaryOp<"sub", Nn_Tensor>;
def Nn_MulOp : Nn_BinaryOp<"mul", Nn_Tensor>;
def Nn_DivOp : Nn_BinaryOp<"div", Nn_Tensor>;       // integers: toward zero
def Nn_RemainderOp : Nn_BinaryOp<"remainder", Nn_Tensor>; // `fmod` unit attr below
def Nn_PowOp : Nn_BinaryOp<"pow", Nn_FloatTensor>;
def Nn_MaximumOp : Nn_BinaryOp<"maximum", Nn_Tensor>;
def Nn_MinimumOp : Nn_BinaryOp<"minimum", Nn_Tensor>;
def Nn_AndOp : Nn_BinaryOp<"and", Nn_BoolTensor>;
def Nn_OrOp : Nn_BinaryOp<"or", Nn_BoolTensor>;
def Nn_XorOp : Nn_BinaryOp<"xor", Nn_BoolTensor>;

def Nn_NegOp : Nn_UnaryOp<"neg", Nn_Tensor>;
def Nn_AbsOp : Nn_UnaryOp<"abs", Nn_Tensor>;
def Nn_ExpOp : Nn_UnaryOp<"exp">;
def Nn_LogOp : Nn_UnaryOp<"log">;
def Nn_SqrtOp : Nn_UnaryOp<"sqrt">;
def Nn_RsqrtOp : Nn_UnaryOp<"rsqrt">;
def Nn_ReciprocalOp : Nn_UnaryOp<"reciprocal">;
def Nn_SinOp : Nn_UnaryOp<"sin">;
def Nn_CosOp : Nn_UnaryOp<"cos">;
def Nn_TanhOp : Nn_UnaryOp<"tanh">;
def Nn_ErfOp : Nn_UnaryOp<"erf">;
def Nn_SigmoidOp : Nn_UnaryOp<"sigmoid">;
def Nn_SiluOp : Nn_UnaryOp<"silu">;
def Nn_ReluOp : Nn_UnaryOp<"relu">;
def Nn_FloorOp : Nn_UnaryOp<"floor">;
def Nn_CeilOp : Nn_UnaryOp<"ceil">;
def Nn_RoundOp : Nn_UnaryOp<"round">; // ties to even
def Nn_NotOp : Nn_UnaryOp<"not", Nn_BoolTensor>;

/// Asks something of each float.
class Nn_TestOp<string mnemonic>
    : Nn_Op<mnemonic, [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_FloatTensor:$input);
  let results = (outs Nn_BoolTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}
def Nn_IsNanOp : Nn_TestOp<"is_nan">;
def Nn_IsInfOp : Nn_TestOp<"is_inf">;

def Nn_CompareOp : Nn_Op<"compare", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_PredicateAttr:$predicate, Nn_Tensor:$lhs,
                       Nn_Tensor:$rhs);
  let results = (outs Nn_BoolTensor:$result);
  let assemblyFormat = [{
    $predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs)
  }];
}

def Nn_SelectOp : Nn_Op<"select", [Pure, InferTypeOpAdaptor]> {
  let arguments = (ins Nn_BoolTensor:$condition, Nn_Tensor:$onTrue,
                       Nn_Tensor:$onFalse);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $onTrue `,` $onFalse attr-dict
    `:` type($condition) `,` type($onTrue) `,` type($onFalse)
  }];
}

def Nn_CastOp : Nn_Op<"cast", [Pure]> {
  let arguments = (ins Nn_Tensor:$input);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Nn_SwigluOp : Nn_Op<"swiglu", [Pure, SameOperandsAndResultType]> {
  let arguments = (ins Nn_FloatTensor:$gate, Nn_FloatTensor:$up);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($result)";
}

#endif // QOPT_DIALECTS_NN_NNELEMENTWISEOPS_TD
