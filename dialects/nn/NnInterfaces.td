// What ops of other dialects tell nn::Dims.

#ifndef QOPT_DIALECTS_NN_NNINTERFACES_TD
#define QOPT_DIALECTS_NN_NNINTERFACES_TD

include "mlir/IR/OpBase.td"

def Nn_SizesOpInterface : OpInterface<"SizesOpInterface"> {
  let cppNamespace = "::qopt::nn";
  let description = [{
    An op that knows the sizes of its results from those of its operands.
  }];
  let methods = [InterfaceMethod<
      "The sizes of result number `result`; static ones may be anything.",
      "::llvm::SmallVector<::mlir::AffineExpr>", "getResultSizes",
      (ins "unsigned":$result,
           "::llvm::function_ref<::llvm::ArrayRef<::mlir::AffineExpr>(::mlir::Value)>":$sizesOf)>];
}

#endif // QOPT_DIALECTS_NN_NNINTERFACES_TD
