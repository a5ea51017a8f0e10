// The lowbit dialect: its name, its base class and its attributes.

#ifndef QOPT_DIALECTS_LOWBIT_LOWBITDIALECT_TD
#define QOPT_DIALECTS_LOWBIT_LOWBITDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Lowbit_Dialect : Dialect {
  let name = "lowbit";
  let cppNamespace = "::qopt::lowbit";
  let summary = "how numbers are stored in few bits, and changes of basis";
  let description = [{
    A quantized tensor is two or three values: *codes* (i8, whatever the number
    of bits), *scales* (f32 or f16) and, for asymmetric schemes, *zeros* (i8), the codes
    of 0. Codes are signed: a scheme whose literature counts from 0 has
    2^(bits - 1) subtracted from codes and zeros alike, which changes no number.
    How codes are packed is a layout of kernels, or `lowbit.pack` for files.

    Quantizing is defined down to its f32 operations, so that codes are the same
    bits in the interpreter, in fake quantization and in every kernel:
    `inv = f32(kmax / amax)`, `k = rint(f32(x * inv))`, `s = f32(amax / kmax)`;
    rint rounds halves to even.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Lowbit_Op<string mnemonic, list<Trait> traits = []>
    : Op<Lowbit_Dialect, mnemonic, traits>;

def Lowbit_Method : I32EnumAttr<"Method", "how scale and codes come about", [
    I32EnumAttrCase<"ternary", 0>, I32EnumAttrCase<"sym", 1>,
    I32EnumAttrCase<"asym", 2>, I32EnumAttrCase<"gptq_sym", 3>,
    I32EnumAttrCase<"gptq_asym", 4>]> {
  let cppNamespace = "::qopt::lowbit";
  let genSpecializedAttr = 0;
}
def Lowbit_MethodAttr : EnumAttr<Lowbit_Dialect, Lowbit_Method, "method">;

def Lowbit_Granularity : I32EnumAttr<"Granularity", "what shares a scale", [
    I32EnumAttrCase<"tensor", 0>, I32EnumAttrCase<"channel", 1>,
    I32EnumAttrCase<"token", 2>, I32EnumAttrCase<"group", 3>]> {
  let cppNamespace = "::qopt::lowbit";
  let genSpecializedAttr = 0;
}
def Lowbit_GranularityAttr
    : EnumAttr<Lowbit_Dialect, Lowbit_Granularity, "granularity">;

def Lowbit_SchemeAttr : AttrDef<Lowbit_Dialect, "Scheme"> {
  let mnemonic = "scheme";
  let summary = "how numbers become codes";
  let description = [{
    `per` says which elements share a scale: all of a *tensor*; a *channel*, a
    row of a weight; a *token*, a row of an activation; or a *group* of `group`
    neighbours along the last axis. With b = `bits`, c = f32(`clip` / 100), a
    percentage, and the extrema taken over the elements that share a scale, all
    in f32:

    ```
    method     amax                        kmax         zero (code of 0)          codes
    ternary    max(mean|x|, 1e-5)          1            -                         -1 .. 1
    sym        max(c max|x|, 1e-5)         2^(b-1) - 1  -                         -2^(b-1) .. 2^(b-1) - 1
    gptq_sym   2 max|x|, 1 if 0            2^b - 1      -                         -2^(b-1) .. 2^(b-1) - 1
    asym       max(hi - lo, 1e-5)          2^b - 1      rint(-lo inv) - 2^(b-1)   -2^(b-1) .. 2^(b-1) - 1
    gptq_asym  hi - lo, 2 if 0             2^b - 1      rint(-lo inv) - 2^(b-1)   -2^(b-1) .. 2^(b-1) - 1
    ```
    with `lo = min(c min x, 0)`, `hi = max(c max x, 0)` (gptq_asym: lo = -1,
    hi = 1 where all are 0), and then

    ```
    inv = f32(kmax / amax)        s = f32(amax / kmax)
    k   = clamp(rint(f32(x inv)) + zero)
    x^  = f32(f32(k - zero) s)
    ```
    The mean of `ternary` is `f32(sum|x| / n)`, summed in f64 in the order of the
    elements; values that already lie on a grid {-d, 0, d} keep d, because the
    mean of what is ternary is smaller (BitNet b1.58, arXiv:2402.17764). `sym`
    with 8 bits per token is BitNet's tok8. `gptq_sym` and `gptq_asym` are the
    grids of GPTQ (arXiv:2210.17323).

    `mse` searches the clip: of the 80 shrinkings 1, 0.99 .. 0.21 of the range
    (of lo and hi for asymmetric schemes) the one with the least
    `sum |x - x^|^2.4`, summed in f64; the first of equals. `gptq_sym`, whose
    codes reach further below 0 than above, tries -s and -inv behind all of them:
    such a scale is negative. With `weighted` it is the least `sum |x| (x - x^)^2`
    instead: what a large weight loses by clipping counts, what noise around 0
    does not.

    `half` scales are f16, for groups, whose scales cost memory:
    `s = f16(amax / kmax)`, to nearest even, within 2^-24 .. 65504, and
    `inv = f32(1 / s)`.

    ```mlir
    #lowbit.scheme<ternary, bits = 2, per = tensor>
    #lowbit.scheme<sym, bits = 4, per = group, group = 64, mse = true>
    #lowbit.scheme<asym, bits = 4, per = token, clip = 90>
    #lowbit.scheme<gptq_asym, bits = 4, per = group, group = 32, half = true>
    ```
  }];
  let parameters = (ins "::qopt::lowbit::Method":$method,
                        "int64_t":$bits,
                        "::qopt::lowbit::Granularity":$per,
                        DefaultValuedParameter<"int64_t", "0">:$group,
                        DefaultValuedParameter<"int64_t", "100">:$clip,
                        DefaultValuedParameter<"bool", "false">:$mse,
                        DefaultValuedParameter<"bool", "false">:$half,
                        DefaultValuedParameter<"bool", "false">:$weighted);
  let assemblyFormat = [{
    `<` $method `,` struct($bits, $per, $group, $clip, $mse, $half, $weighted)
    `>`
  }];
  let builders = [
    AttrBuilder<(ins "::qopt::lowbit::Method":$method, "int64_t":$bits,
                     "::qopt::lowbit::Granularity":$per, "int64_t":$group,
                     "int64_t":$clip, "bool":$mse, "bool":$half), [{
      return $_get($_ctxt, method, bits, per, group, clip, mse, half,
                   /*weighted=*/false);
    }]>
  ];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getCodeMin() const;
    int64_t getCodeMax() const;
    /// kmax of the table above.
    int64_t getLevels() const;
    /// f32, or f16 for `half`.
    ::mlir::Type getScaleType() const;
    /// Whether 0 has a code of its own choice, so that there are zeros.
    bool hasZeros() const;
    /// Elements of a row of `channels` that share a scale.
    int64_t getGroupSize(int64_t channels) const {
      return getPer() == Granularity::group ? getGroup() : channels;
    }
    /// The shape of scales and zeros for codes of `shape`: [1] per tensor, the
    /// leading axes per channel or token, [..., C / G] per group.
    ::llvm::SmallVector<int64_t>
    getScaleShape(::llvm::ArrayRef<int64_t> shape) const;
    /// The same in terms of anything that sizes are.
    template <typename Size>
    ::llvm::SmallVector<Size> getScaleSizes(::llvm::ArrayRef<Size> sizes,
                                            Size one, Size groups) const {
      if (getPer() == Granularity::tensor)
        return {one};
      ::llvm::SmallVector<Size> result(sizes.drop_back());
      if (getPer() == Granularity::group)
        result.push_back(groups);
      return result;
    }
  }];
}

#endif // QOPT_DIALECTS_LOWBIT_LOWBITDIALECT_TD
