// The train dialect: its name and its base class.

#ifndef QOPT_DIALECTS_TRAIN_TRAINDIALECT_TD
#define QOPT_DIALECTS_TRAIN_TRAINDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Train_Dialect : Dialect {
  let name = "train";
  let cppNamespace = "::qopt::train";
  let summary = "what a training step does beyond the forward pass";
  let description = [{
    Gradients that are a kernel of their own, and optimizers. What nn says
    already is not said again: the gradient of an elementwise op is elementwise
    ops, that of `nn.rope` turns back, that of a linear layer's input is a
    linear layer with the transposed weight.

    Ops are values in, values out: a parameter and its states are loaded from
    mutable `ml_program.global`s before, and stored behind. What a run chooses
    (learning rate, decay, step) is an operand, a tensor<f32> or tensor<i64> of
    rank 0. A step whose gradients are not finite must change nothing: its
    `scale` is NaN, and every optimizer then returns what it was given.
  }];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::qopt::lowbit::LowbitDialect"];
}

class Train_Op<string mnemonic, list<Trait> traits = []>
    : Op<Train_Dialect, mnemonic, traits>;

#endif // QOPT_DIALECTS_TRAIN_TRAINDIALECT_TD
