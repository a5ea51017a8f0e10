// Passes that change the basis of activations (passes/rotate/Rotate.h says how).

#ifndef QOPT_PASSES_ROTATEPASSES_TD
#define QOPT_PASSES_ROTATEPASSES_TD

include "mlir/Pass/PassBase.td"

class RotatePass<string flag, string summary_> : Pass<flag, "::mlir::ModuleOp"> {
  let summary = summary_;
  let dependentDialects = ["::qopt::lowbit::LowbitDialect",
                           "::qopt::nn::NnDialect",
                           "::mlir::arith::ArithDialect"];
}

def Rotate_Required
    : Option<"required", "required", "bool", "false",
             "a site that cannot be rotated is an error, not a remark">;
class Rotate_Seed<string default>
    : Option<"seed", "seed", "int64_t", default,
             "of random signs of the matrix; negative: none">;

def RotateResidual
    : RotatePass<"qopt-rotate-residual", "rotate the residual stream"> {
  let description = [{
    R1 of SpinQuant (arXiv:2405.16406): outliers of few channels of the residual
    stream spread over all of them.

    ```mlir
    %x = nn.embedding %ids, %t : tensor<?xi64>, tensor<32x8xf32>
    %n = nn.rms_norm %x eps 1.0e-6 : tensor<?x8xf32>
    %q = nn.linear %n, %wq : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    // ==>
    %tr = lowbit.hadamard %t axis 1 orders [8] seed 0 : tensor<32x8xf32>
    %x = nn.embedding %ids, %tr : tensor<?xi64>, tensor<32x8xf32>
    %n = nn.rms_norm %x eps 1.0e-6 : tensor<?x8xf32>
    %wr = lowbit.hadamard %wq axis 1 orders [8] seed 0 : tensor<6x8xf32>
    %q = nn.linear %n, %wr : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    ```

    **Preconditions.** Norms have no gain (`qopt-fold-norm-scales`), the head has
    a matrix of its own (`qopt-untie`), nothing is codes yet.
    **Postconditions.** The table and every weight that writes or reads the
    stream is rotated and nothing is left to compute, or the program is as it
    was and a remark at the op that stopped the rotation says why. A size without
    a Hadamard matrix is rotated in blocks.
    **Numbers.** Exact, but for rounding.
    **Not handled.** LayerNorm, which subtracts a mean; streams that do not begin
    with an embedding.
  }];
  let options = [Rotate_Seed<"0">, Rotate_Required];
}

def RotateValues
    : RotatePass<"qopt-rotate-values", "rotate the values of every head"> {
  let description = [{
    R2 of SpinQuant: the same matrix for all heads, folded into v, its bias and
    o. A model's own past keeps its basis: `run` turns it online.

    ```mlir
    %v = nn.linear %x, %wv : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
    // ==>
    %wr = lowbit.hadamard %wv axis 0 orders [4] : tensor<8x8xf32>
    %v = nn.linear %x, %wr : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
    // and columns of o: lowbit.hadamard %wo axis 1 orders [4]
    ```

    **Preconditions.** Attention is raised; nothing is codes yet, entries are not
    built.
    **Postconditions.** v and o of each layer are rotated, head by head, or a
    remark says what stopped it.
    **Numbers.** Exact, but for rounding.
    **Not handled.** Values whose rows of a fused matrix something else reads.
  }];
  let options = [Rotate_Seed<"-1">, Rotate_Required];
}

def RotateKeys
    : RotatePass<"qopt-rotate-keys", "rotate queries and keys behind rope"> {
  let description = [{
    R3 of SpinQuant: scores do not change; what a cache holds has no outliers.

    ```mlir
    %y = nn.attention %q, %k, %v scale 0.5 : ...
    // ==>
    %qr = lowbit.hadamard %q axis 3 orders [8] : tensor<?x4x?x8xf32>
    %kr = lowbit.hadamard %k axis 3 orders [8] : tensor<?x2x?x8xf32>
    %y = nn.attention %qr, %kr, %v scale 0.5 : ...
    ```

    **Preconditions.** Attention is raised; entries are not built.
    **Postconditions.** Queries and the keys that are new are rotated online,
    behind all that was done to them, or a remark says why not. A model's own
    past keeps its basis: `run` turns it online, a cache holds rotated keys.
    **Numbers.** Exact, but for rounding.
    **Not handled.** Scores that are written out as products.
  }];
  let options = [Rotate_Required];
}

def RotateHeads
    : RotatePass<"qopt-rotate-heads", "rotate heads among each other"> {
  let description = [{
    With `qopt-rotate-values` the input of o is rotated as a whole: H of the heads
    x H of their channels (QuaRot, arXiv:2404.00456).

    ```mlir
    %h = nn.transpose %a [0, 2, 1, 3] : tensor<?x4x?x8xf32>
    %f = nn.reshape %h[%b, %t] : tensor<?x?x4x8xf32> -> tensor<?x?x32xf32>
    // ==>
    %h = nn.transpose %a [0, 2, 1, 3] : tensor<?x4x?x8xf32>
    %r = lowbit.hadamard %h axis 2 orders [4] : tensor<?x?x4x8xf32>
    %f = nn.reshape %r[%b, %t] : tensor<?x?x4x8xf32> -> tensor<?x?x32xf32>
    // and columns of o, as [N, 4, 8]: lowbit.hadamard axis 1 orders [4]
    ```

    **Preconditions.** Attention is raised; nothing is codes yet.
    **Postconditions.** The heads of each layer are rotated online and o takes it
    back, or a remark says why not: numbers of heads such as 9 or 14 have no
    Hadamard matrix.
    **Numbers.** Exact, but for rounding.
    **Not handled.** Heads that are joined otherwise than as rows of a token.
  }];
  let options = [Rotate_Required];
}

def RotateDown
    : RotatePass<"qopt-rotate-down", "rotate inputs behind activations"> {
  let description = [{
    R4 of SpinQuant: the products of gate and up, which have the worst outliers.

    ```mlir
    %h = nn.swiglu %gate, %up : tensor<?x8xf32>
    %y = nn.linear %h, %w : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    // ==>
    %h = nn.swiglu %gate, %up : tensor<?x8xf32>
    %hr = lowbit.hadamard %h axis 1 orders [8] : tensor<?x8xf32>
    %wr = lowbit.hadamard %w axis 1 orders [8] : tensor<6x8xf32>
    %y = nn.linear %hr, %wr : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    ```

    **Preconditions.** Gated units are raised; nothing is codes yet.
    **Postconditions.** Layers that read an activation function or a product of
    two activations read it rotated, and take it back, or a remark says why not.
    A size without a Hadamard matrix is rotated in blocks.
    **Numbers.** Exact, but for rounding.
    **Not handled.** Activation functions in primitive ops.
  }];
  let options = [Rotate_Required];
}

#endif // QOPT_PASSES_ROTATEPASSES_TD
