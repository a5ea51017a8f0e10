// Passes that look at data, or add branches that learn from it.

#ifndef QOPT_PASSES_CALIBRATEPASSES_TD
#define QOPT_PASSES_CALIBRATEPASSES_TD

include "mlir/Pass/PassBase.td"

class BranchPass<string mnemonic> : Pass<mnemonic, "::mlir::ModuleOp"> {
  list<Option> branchOptions = [
    Option<"loraAlpha", "alpha", "double", "16.0",
           "a branch is scaled by alpha / rank">,
    Option<"loraTargets", "targets", "std::string", "\".\"",
           "layers that get a branch: a regular expression for their names">,
    Option<"loraInit", "init", "std::string", "\"zero\"",
           "what a branch begins with: zero, svd or qera">,
    Option<"loraSeed", "seed", "int64_t", "0", "of the random factors of zero">,
    Option<"loraFactors", "factors", "std::string", "\"f32\"",
           "what factors are stored in: f32, f16 or bf16; sums are f32">,
  ];
  list<Option> dataOptions = [
    Option<"data", "data", "std::string", "\"\"",
           "token ids to calibrate on, a .npy file of [n] or [n, T], or random; "
           "none: those of the tool">,
    Option<"samples", "samples", "int64_t", "64", "sequences (>= 1)">,
    Option<"length", "seq", "int64_t", "512", "tokens of each (>= 1)">,
  ];
  let dependentDialects = ["::qopt::lowbit::LowbitDialect",
                           "::qopt::nn::NnDialect",
                           "::qopt::kernel::KernelDialect",
                           "::mlir::ml_program::MLProgramDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect"];
}

def Gptq : BranchPass<"qopt-gptq"> {
  let summary = "choose the codes of weights by data";
  let description = [{
    ```mlir
    %k, %s = lowbit.quantize %w scheme <sym, bits = 4, per = channel> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<6xf32>
    %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x6xf32>
    // ==>
    %k = ml_program.global_load @w.codes : tensor<6x8xi8>       // in the spill file
    %s = ml_program.global_load @w.scales : tensor<6xf32>
    %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x6xf32>
    ```

    GPTQ (arXiv:2210.17323) rounds a weight column by column and moves each
    column's error to those that are still free, as inputs go together. The
    program runs on samples, layer by layer in the order q, k and v; o; gate and
    up; down, each on inputs that the quantized layers before it make.

    With `rank`, layers that match `targets` get a low-rank branch as well, as
    qopt-attach-lora would, for what their codes have left: the float weight and
    the moment of the inputs are at hand here, and nowhere later. Then codes are
    chosen again for what the branch leaves, `rounds` times or until that does
    not help (CALDERA, arXiv:2405.18886).

    T tokens tell little of how C inputs go together unless T is many times C: a
    moment's elements off the diagonal are multiplied by T / (T + C).

    With `spill`, what is found lies in that file, whole layer by whole layer, and
    with `resume` a stopped run goes on with it.

    **Preconditions.** Weights are quantized (qopt-quantize-weights) and nothing
    moves them any more: norms and rotations are folded. `run` is a language
    model. A tool runs programs (passes/Executor.h).
    **Postconditions.** Codes and scales are parameters, or a remark says why
    not. A second run finds no codes to choose.
    **Numbers.** Changes the result: less than rounding to nearest does. The
    same on every machine with the same kind of CPU, however many threads.
    **Not handled.** Layers run on floats: what quantizing their inputs changes
    is not seen. Ternary weights; codes that two layers read.
  }];
  let options = !listconcat(dataOptions, [
    Option<"spillFile", "spill", "std::string", "\"\"",
           "safetensors file of the results; none: they become constants">,
    Option<"resume", "resume", "bool", "false",
           "go on with the layers that the file does not hold">,
    Option<"optional", "optional", "bool", "false",
           "without data leave codes as they are">,
    Option<"damping", "damping", "double", "0.01",
           "added to the diagonal of the moment, as a share of its mean (0 to 1)">,
    Option<"block", "block", "int64_t", "128",
           "columns that are compensated one by one (>= 1)">,
    Option<"actOrder", "act-order", "bool", "true",
           "columns with large inputs first; groups keep the grids of the weight">,
    Option<"head", "head", "bool", "false", "also the head">,
    Option<"loraRank", "rank", "int64_t", "0", "of branches; 0: none">,
    Option<"rounds", "rounds", "int64_t", "1",
           "times that codes are chosen again beside a branch (>= 0)">,
  ], branchOptions);
}

def AttachLora : BranchPass<"qopt-attach-lora"> {
  let summary = "add low-rank branches to linear layers";
  let description = [{
    ```mlir
    %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x6xf32>
    // ==>
    %b = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x?x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x?x6xf32>
    %la = ml_program.global_load @q_proj.lora_A.weight : tensor<2x8xf32>
    %lb = ml_program.global_load @q_proj.lora_B.weight : tensor<6x2xf32>
    %y = lowbit.lora_linear %x, %la, %lb scale 2.0 onto %b : tensor<?x?x8xf32>, tensor<2x8xf32>, tensor<6x2xf32>, tensor<?x?x6xf32>
    ```

    Factors are parameters of role adapter with the names of PEFT. `zero` starts
    with no change: A by Kaiming's rule from seed and name, B zero
    (arXiv:2106.09685). `svd` makes B A the best of its rank for W - W^, the error
    of the codes (ZeroQuant-V2); `qera` the best for the error of the output, by
    the second moment of the inputs (QERA-exact, arXiv:2410.06040, equal to EoRA),
    which needs calibration data as qopt-gptq does. `factors` is what they are
    stored in: f32 to be trained, f16 or bf16 to be read only.

    **Preconditions.** For svd and qera, codes are made from a weight here; after
    qopt-gptq they are not, and its own option `rank` does both. Nothing folds
    into the weights later. A factor that is too large for f16 is an error.
    **Postconditions.** Linear layers that match `targets` have a branch; those
    that have one keep it. A pattern that matches no layer is an error.
    **Numbers.** zero: exact. svd and qera bring the output nearer to the float
    model's.
    **Not handled.** Embeddings.
  }];
  let options = !listconcat([
    Option<"loraRank", "rank", "int64_t", "8", "of the branches (>= 1)">,
  ], branchOptions, dataOptions);
}

#endif // QOPT_PASSES_CALIBRATEPASSES_TD
