// Passes that insert, copy and fold norms.

#ifndef QOPT_PASSES_NORMPASSES_TD
#define QOPT_PASSES_NORMPASSES_TD

include "mlir/Pass/PassBase.td"

def InsertRmsNorm : Pass<"qopt-insert-rms-norm", "::mlir::ModuleOp"> {
  let summary = "give every linear layer an RMSNorm of its own";
  let description = [{
    Ternary weights train well if a norm with its own gain stands directly
    before each linear layer (arXiv:2505.08823). Here q shares a norm with k:

    ```mlir
    %g = ml_program.global_load @g : tensor<8xf32>
    %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %q = nn.linear %n, %wq : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    // ==>
    %gq = ml_program.global_load @wq.gain : tensor<8xf32>      // starts as @g
    %nq = nn.rms_norm %x, %gq eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %q = nn.linear %nq, %wq : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    ```

    **Preconditions.** Weights and gains are `ml_program.global`s. The residual
    stream is not rotated later: a gain fixes its basis.
    **Postconditions.** Each linear layer reads a norm that has a gain and no
    other reader, or a remark says why not. A second run changes nothing.
    **Numbers.** Exact.
    **Not handled.** Layers without a norm (`qopt-insert-missing-norm`); products
    of two activations (`nn.matmul`).
  }];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect",
                           "::qopt::nn::NnDialect"];
}

class InsertNormPass<string flag, string summary_>
    : Pass<flag, "::mlir::ModuleOp"> {
  let summary = summary_;
  list<Option> normOptions = [
    Option<"eps", "eps", "double", "1.0e-6",
           "eps of an added norm, a mean square (>= 0)">,
  ];
  let options = normOptions;
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect",
                           "::qopt::nn::NnDialect"];
}

def InsertSecondNorm
    : InsertNormPass<"qopt-insert-second-norm",
                     "hand gains on to second norms before linear layers"> {
  let description = [{
    For file formats that keep the model's norms beside those of the layers.

    ```mlir
    %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %q = nn.linear %n, %wq : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    // ==>
    %n = nn.rms_norm %x eps 1.0e-6 : tensor<2x8xf32>
    %gq = ml_program.global_load @wq.gain : tensor<8xf32>      // starts as @g
    %nq = nn.rms_norm %n, %gq eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %q = nn.linear %nq, %wq : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    ```

    **Preconditions.** Weights and gains are parameters.
    **Postconditions.** Norms have no gain, and each layer that reads one reads
    it through a norm of its own, or a remark says why not.
    **Numbers.** Within half of |eps / m - eps'| for a token of mean square m: at
    most 5e-5 where m is 1e-2 or more, 41 % where it is eps.
    **Not handled.** Norms that something else reads.
  }];
}

def InsertUnitNorm
    : InsertNormPass<"qopt-insert-unit-norm",
                     "put second norms with gain 1 before linear layers"> {
  let description = [{
    ```mlir
    %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %q = nn.linear %n, %wq : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    // ==>
    %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %gq = ml_program.global_load @wq.gain : tensor<8xf32>      // starts as 1
    %nq = nn.rms_norm %n, %gq eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %q = nn.linear %nq, %wq : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    ```

    **Preconditions.** Weights are parameters. A training follows.
    **Postconditions.** Each layer behind a norm reads it through a second one, or
    a remark says why not.
    **Numbers.** Changes the result until it is trained: by 1 to 72 %, more the
    more the gains spread.
    **Not handled.** Layers without a norm (`qopt-insert-missing-norm`).
  }];
}

def InsertMissingNorm
    : InsertNormPass<"qopt-insert-missing-norm",
                     "put norms before linear layers that have none"> {
  let description = [{
    The layers that join heads (o) and that close gated units (down).

    ```mlir
    %y = nn.linear %h, %w : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    // ==>
    %g = ml_program.global_load @w.gain : tensor<8xf32>        // starts as 1
    %n = nn.rms_norm %h, %g eps 1.0e-6 {nn.gradual} : tensor<2x8xf32>, tensor<8xf32>
    %y = nn.linear %n, %w : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    ```

    With calibration data the program runs on samples, and a gain starts as the
    size of its layer's inputs, the root of their mean square, in all channels:
    what the layer adds to the residual stream keeps its size.

    **Preconditions.** Weights are parameters. A training follows. With data,
    `run` is a language model, and a tool runs programs (passes/Executor.h).
    **Postconditions.** Each layer reads a norm, or a remark says why not. The
    norm is `nn.gradual`: a step mixes it in as far as its lambda says.
    **Numbers.** Changes the result until it is trained: the sizes of tokens are
    lost.
    **Not handled.** Gains of single channels: they all start alike.
  }];
  let options = !listconcat(normOptions, [
    Option<"data", "data", "std::string", "\"\"",
           "token ids to measure on, a .npy file of [n] or [n, T], or random; "
           "none: those of the tool, or gains of 1">,
    Option<"samples", "samples", "int64_t", "64", "sequences (>= 1)">,
    Option<"length", "seq", "int64_t", "512", "tokens of each (>= 1)">,
  ]);
  let dependentDialects = ["::qopt::lowbit::LowbitDialect",
                           "::qopt::nn::NnDialect",
                           "::qopt::kernel::KernelDialect",
                           "::mlir::ml_program::MLProgramDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect"];
}

def FoldNormScales : Pass<"qopt-fold-norm-scales", "::mlir::ModuleOp"> {
  let summary = "fold gains of norms into the layers that read them";
  let description = [{
    ```mlir
    %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<2x8xf32>, tensor<8xf32>
    %y = nn.linear %n, %w : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    // ==>
    %n = nn.rms_norm %x eps 1.0e-6 : tensor<2x8xf32>
    %wg = nn.mul %w, %g : tensor<6x8xf32>, tensor<8xf32>
    %y = nn.linear %n, %wg : tensor<2x8xf32>, tensor<6x8xf32> -> tensor<2x6xf32>
    ```

    **Preconditions.** Weights and gains are parameters, and not codes yet.
    Tables are untied (`qopt-untie`).
    **Postconditions.** A norm has no gain, or a remark at the reader that needs
    it says why. Branches of low rank take the gain as the layer does.
    **Numbers.** Exact, but for rounding the products once.
    **Not handled.** Readers that are no linear layers. A weight that is rounded
    to codes gets other codes: that is done only with `force-ternary`.
  }];
  let options = [
    Option<"forceTernary", "force-ternary", "bool", "false",
           "also where the weight is rounded to codes (changes them)">,
  ];
  let dependentDialects = ["::qopt::nn::NnDialect"];
}

#endif // QOPT_PASSES_NORMPASSES_TD
