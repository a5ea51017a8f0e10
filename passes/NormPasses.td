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
    **Numbers.** Exact. With `add-missing`, layers without a norm get one with
    gain 1, and the result changes until it is trained.
    **Not handled.** Products of two activations (`nn.matmul`).
  }];
  let options = [
    Option<"eps", "eps", "double", "1.0e-6",
           "eps of an added norm, a mean square (>= 0)">,
    Option<"addMissing", "add-missing", "bool", "false",
           "also add norms where there is none (changes the result)">,
  ];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect",
                           "::qopt::nn::NnDialect"];
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
