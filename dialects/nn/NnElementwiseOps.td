// Ops that compute each element from the elements at the same place.

#ifndef QOPT_DIALECTS_NN_NNELEMENTWISEOPS_TD
#define QOPT_DIALECTS_NN_NNELEMENTWISEOPS_TD

include "qopt/dialects/nn/NnDialect.td"

//===- One operand --------------------------------------------------------===//

/// `meaning` is y in terms of x, `gradient` is dx in terms of x, y and dy.
class Nn_UnaryOp<string mnemonic, string summary_, string meaning,
                 string gradient, Type type = Nn_FloatTensor,
                 string elements = "floats", string element = "f32">
    : Nn_Op<mnemonic, [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = summary_;
  let description = [{
    **Meaning**
    ```
    for every element x of input:
      y = }] # meaning # [{
    ```
    Rounded once, to nearest even, into the element type of the result.

    **Constraints**
    - (C1) `input` is a ranked tensor of }] # elements # [{.

    **Gradient**
    ```
    }] # gradient # [{
    ```

    **Example**
    ```mlir
    %y = nn.}] # mnemonic # [{ %x : tensor<?x8x}] # element # [{>
    ```
  }];

  let arguments = (ins type:$input);
  let results = (outs type:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

/// A unary op of floats and integers; integers wrap.
class Nn_NumberOp<string mnemonic, string summary_, string meaning,
                  string gradient>
    : Nn_UnaryOp<mnemonic, summary_, meaning, gradient, Nn_Tensor,
                 "floats, integers or bools">;

// clang-format off
def Nn_NegOp        : Nn_NumberOp<"neg",       "change the sign",              "-x            // the least integer stays itself", "dx = -dy">;
def Nn_AbsOp        : Nn_NumberOp<"abs",       "drop the sign",                "|x|           // the least integer stays itself", "dx = x < 0 ? -dy : dy  // 0 where x = 0">;
def Nn_ExpOp        : Nn_UnaryOp<"exp",        "raise e to each element",      "e^x", "dx = dy * y">;
def Nn_LogOp        : Nn_UnaryOp<"log",        "take the natural logarithm",   "ln(x)         // NaN where x < 0", "dx = dy / x">;
def Nn_SqrtOp       : Nn_UnaryOp<"sqrt",       "take the square root",         "sqrt(x)       // NaN where x < 0", "dx = dy / (2 * y)">;
def Nn_RsqrtOp      : Nn_UnaryOp<"rsqrt",      "divide one by the root",       "1 / sqrt(x)", "dx = dy * -y^3 / 2">;
def Nn_ReciprocalOp : Nn_UnaryOp<"reciprocal", "divide one by each element",   "1 / x", "dx = dy * -y^2">;
def Nn_SinOp        : Nn_UnaryOp<"sin",        "take the sine of radians",     "sin(x)", "dx = dy * cos(x)">;
def Nn_CosOp        : Nn_UnaryOp<"cos",        "take the cosine of radians",   "cos(x)", "dx = dy * -sin(x)">;
def Nn_TanhOp       : Nn_UnaryOp<"tanh",       "take the hyperbolic tangent",  "tanh(x)", "dx = dy * (1 - y^2)">;
def Nn_ErfOp        : Nn_UnaryOp<"erf",        "take the error function",      "erf(x)        // 2 / sqrt(pi) * integral of e^(-t^2), 0 to x", "dx = dy * 2 / sqrt(pi) * e^(-x^2)">;
def Nn_SigmoidOp    : Nn_UnaryOp<"sigmoid",    "squash into (0, 1)",           "1 / (1 + e^-x)", "dx = dy * y * (1 - y)">;
def Nn_SiluOp       : Nn_UnaryOp<"silu",       "gate each element by itself",  "x / (1 + e^-x)", "dx = dy * s * (1 + x * (1 - s))  // s = sigmoid(x)">;
def Nn_ReluOp       : Nn_UnaryOp<"relu",       "replace what is negative by 0", "x < 0 ? 0 : x // NaN stays NaN", "dx = x > 0 ? dy : 0">;
def Nn_FloorOp      : Nn_UnaryOp<"floor",      "round down",                   "the largest integer <= x", "dx = 0">;
def Nn_CeilOp       : Nn_UnaryOp<"ceil",       "round up",                     "the least integer >= x", "dx = 0">;
def Nn_RoundOp      : Nn_UnaryOp<"round",      "round to the nearest",         "the integer nearest to x, of two the even one", "dx = 0">;
def Nn_NotOp        : Nn_UnaryOp<"not",        "turn true to false and back",  "!x", "none: bools have no gradient", Nn_BoolTensor, "bools", "i1">;
// clang-format on

/// Asks something of each float.
class Nn_TestOp<string mnemonic, string summary_, string meaning>
    : Nn_Op<mnemonic, [Pure, InferTypeOpAdaptor]> {
  let summary = summary_;
  let description = [{
    **Meaning**
    ```
    for every element x of input:
      y = }] # meaning # [{
    ```

    **Constraints**
    - (C1) `input` is a ranked tensor of floats.

    **Gradient.** None: the result is bools.

    **Example**
    ```mlir
    %y = nn.}] # mnemonic # [{ %x : tensor<?x8xf32>
    ```
  }];

  let arguments = (ins Nn_FloatTensor:$input);
  let results = (outs Nn_BoolTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Nn_IsNanOp : Nn_TestOp<"is_nan", "ask for NaN", "whether x is NaN">;
def Nn_IsInfOp
    : Nn_TestOp<"is_inf", "ask for infinity", "whether x is +inf or -inf">;

//===- Two operands -------------------------------------------------------===//

/// `meaning` is y in terms of a and b; the gradients are terms of a, b, y, dy.
class Nn_BinaryOp<string mnemonic, Type type, string summary_, string meaning,
                  string dlhs, string drhs, string element = "f32">
    : Nn_Op<mnemonic, [Pure, InferTypeOpAdaptor]> {
  let summary = summary_;
  let description = [{
    Shapes are broadcast as in numpy: aligned at the last dimension, a static 1
    is repeated. Two dynamic sizes at one place are equal; a dynamic size is
    never repeated.

    **Meaning**
    ```
    for every element a of lhs and b of rhs that meet:
      y = }] # meaning # [{
    ```
    Floats are rounded once, to nearest even, into the element type of the
    result; integers wrap.

    **Constraints**
    - (C1) `lhs` and `rhs` have one element type.
    - (C2) The shapes of `lhs` and `rhs` broadcast.

    **Gradient**, summed over the axes along which an operand is repeated:
    ```
    dlhs = }] # dlhs # [{
    drhs = }] # drhs # [{
    ```

    **Example**
    ```mlir
    %z = nn.}] # mnemonic # [{ %x, %y : tensor<?x8x}] # element # [{>, tensor<8x}] # element # [{>
    ```
  }];

  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs)
  }];
}

/// A binary op of bools, which have no gradient.
class Nn_LogicOp<string mnemonic, string summary_, string meaning>
    : Nn_BinaryOp<mnemonic, Nn_BoolTensor, summary_, meaning, "none", "none",
                  "i1">;

// clang-format off
def Nn_AddOp       : Nn_BinaryOp<"add",       Nn_Tensor,      "add",                    "a + b", "dy", "dy">;
def Nn_SubOp       : Nn_BinaryOp<"sub",       Nn_Tensor,      "subtract",               "a - b", "dy", "-dy">;
def Nn_MulOp       : Nn_BinaryOp<"mul",       Nn_Tensor,      "multiply",               "a * b", "dy * b", "dy * a">;
def Nn_DivOp       : Nn_BinaryOp<"div",       Nn_Tensor,      "divide",                 "a / b  // integers: toward zero; b = 0 is an error", "dy / b", "-dy * y / b">;
def Nn_RemainderOp : Nn_BinaryOp<"remainder", Nn_Tensor,      "divide with remainder",  "a - b * floor(a / b)  // has the sign of b; an integer b = 0 is an error", "dy", "-dy * floor(a / b)">;
def Nn_PowOp       : Nn_BinaryOp<"pow",       Nn_FloatTensor, "raise to a power",       "a^b", "dy * b * a^(b - 1)", "dy * y * ln(a)">;
def Nn_MaximumOp   : Nn_BinaryOp<"maximum",   Nn_Tensor,      "take the larger",        "max(a, b)  // NaN if either is", "a >= b ? dy : 0", "a >= b ? 0 : dy">;
def Nn_MinimumOp   : Nn_BinaryOp<"minimum",   Nn_Tensor,      "take the smaller",       "min(a, b)  // NaN if either is", "a <= b ? dy : 0", "a <= b ? 0 : dy">;
def Nn_AndOp       : Nn_LogicOp<"and", "tell whether both are true",          "a & b">;
def Nn_OrOp        : Nn_LogicOp<"or",  "tell whether one is true",            "a | b">;
def Nn_XorOp       : Nn_LogicOp<"xor", "tell whether just one is true",       "a ^ b">;
// clang-format on

def Nn_CompareOp : Nn_Op<"compare", [Pure, InferTypeOpAdaptor]> {
  let summary = "compare two elements";
  let description = [{
    Shapes are broadcast as in `nn.add`. `predicate` is one of eq, ne, lt, le,
    gt and ge.

    **Meaning**
    ```
    for every element a of lhs and b of rhs that meet:
      y = a predicate b       // integers are signed; with NaN only ne is true
    ```

    **Constraints**
    - (C1) `lhs` and `rhs` have one element type.
    - (C2) The shapes of `lhs` and `rhs` broadcast.

    **Gradient.** None: the result is bools.

    **Example**
    ```mlir
    %z = nn.compare le, %x, %y : tensor<?x8xf32>, tensor<8xf32>
    ```
  }];

  let arguments = (ins Nn_PredicateAttr:$predicate, Nn_Tensor:$lhs,
                       Nn_Tensor:$rhs);
  let results = (outs Nn_BoolTensor:$result);
  let assemblyFormat = [{
    $predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs)
  }];
}

//===- The rest -----------------------------------------------------------===//

def Nn_SelectOp : Nn_Op<"select", [Pure, InferTypeOpAdaptor]> {
  let summary = "choose between two elements";
  let description = [{
    All three shapes are broadcast as in `nn.add`.

    **Meaning**
    ```
    for every element p of condition, a of onTrue and b of onFalse that meet:
      y = p ? a : b
    ```

    **Constraints**
    - (C1) `onTrue` and `onFalse` have one element type.
    - (C2) The three shapes broadcast.

    **Gradient**, summed over the axes along which an operand is repeated:
    ```
    donTrue  = p ? dy : 0
    donFalse = p ? 0 : dy
    ```

    **Example**
    ```mlir
    %y = nn.select %p, %a, %b : tensor<?x8xi1>, tensor<?x8xf32>, tensor<f32>
    ```
  }];

  let arguments = (ins Nn_BoolTensor:$condition, Nn_Tensor:$onTrue,
                       Nn_Tensor:$onFalse);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $onTrue `,` $onFalse attr-dict
    `:` type($condition) `,` type($onTrue) `,` type($onFalse)
  }];
}

def Nn_CastOp
    : Nn_Op<"cast", [Pure, AllShapesMatch<["input", "result"]>]> { // cast_c1
  let summary = "convert to another element type";
  let description = [{
    **Meaning**, for every element, by what it was and what it becomes:
    ```
    float   -> float     rounded once, to nearest even
    float   -> integer   toward zero; the nearest end of the range; NaN is 0
    integer -> float     rounded once, to nearest even
    integer -> integer   the low bits, or extended with the sign
    any     -> bool      x != 0
    bool    -> any       0 or 1
    ```

    **Constraints**
    - (C1) `result` has the shape of `input`.

    **Gradient**
    ```
    dx = cast dy to the type of x        // between floats; none otherwise
    ```

    **Example**
    ```mlir
    %y = nn.cast %x : tensor<?x8xf32> -> tensor<?x8xi32>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Nn_SwigluOp : Nn_Op<"swiglu", [Pure, SameOperandsAndResultType]> {
  let summary = "gate a tensor by the silu of another";
  let description = [{
    **Meaning**
    ```
    for every element g of gate and u of up at one place:
      y = g / (1 + e^-g) * u
    ```
    Rounded once, to nearest even, into the element type of the result.

    **Constraints**
    - (C1) `gate` and `up` are ranked tensors of floats, of one type.

    **Gradient**, with s = sigmoid(g):
    ```
    dg = dy * u * s * (1 + g * (1 - s))
    du = dy * g * s
    ```

    **Example**
    ```mlir
    %y = nn.swiglu %gate, %up : tensor<?x8xf32>
    ```
  }];

  let arguments = (ins Nn_FloatTensor:$gate, Nn_FloatTensor:$up);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($result)";
}

#endif // QOPT_DIALECTS_NN_NNELEMENTWISEOPS_TD
