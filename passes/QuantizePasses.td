// Passes that store numbers in few bits.

#ifndef QOPT_PASSES_QUANTIZEPASSES_TD
#define QOPT_PASSES_QUANTIZEPASSES_TD

include "mlir/Pass/PassBase.td"

def Untie : Pass<"qopt-untie", "::mlir::ModuleOp"> {
  let summary = "give the head a matrix of its own";
  let description = [{
    ```mlir
    %t = ml_program.global_load @table : tensor<32x8xf32>
    %x = nn.embedding %ids, %t : tensor<?xi64>, tensor<32x8xf32>
    %y = nn.linear %n, %t : tensor<?x8xf32>, tensor<32x8xf32> -> tensor<?x32xf32>
    // ==>
    %t = ml_program.global_load @table : tensor<32x8xf32>
    %h = ml_program.global_load @lm_head.weight : tensor<32x8xf32>   // a copy
    %x = nn.embedding %ids, %t : tensor<?xi64>, tensor<32x8xf32>
    %y = nn.linear %n, %h : tensor<?x8xf32>, tensor<32x8xf32> -> tensor<?x32xf32>
    ```

    The copy is called `lm_head.weight`, or after the table if that is taken.

    **Preconditions.** None.
    **Postconditions.** No parameter is read by an embedding and by a linear
    layer, or a remark says why. Roles say which is which.
    **Numbers.** Exact.
    **Not handled.** Tables without a value of their own.
  }];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect"];
}

def QuantizeWeights : Pass<"qopt-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "store the weights of layers as codes";
  let description = [{
    ```mlir
    %w = ml_program.global_load @w : tensor<6x64xf32>
    %y = nn.linear %x, %w : tensor<?x64xf32>, tensor<6x64xf32> -> tensor<?x6xf32>
    // ==>
    %w = ml_program.global_load @w : tensor<6x64xf32>
    %k, %s = lowbit.quantize %w scheme <sym, bits = 4, per = group, group = 32> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<6x2xf32>
    %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = group, group = 32> : tensor<?x64xf32>, tensor<6x64xi8>, tensor<6x2xf32> -> tensor<?x6xf32>
    ```

    A scheme is written `METHOD BITS`, then in any order `-tensor`, `-channel`,
    `-gN` or `-gauto` (the largest of 128, 64, 32 that divides the channels, else
    per channel), `-clipN` (percent), `-mse` (a searched clip) or `-weighted` (the same,
    large weights count more), `-half` (f16 scales): `sym8-channel`,
    `gptq_sym4-g64-weighted-half`, `ternary`. `i8`, `i4`, `i3` and `i2` each mean a good
    scheme of that width; `float` leaves a layer as it is.

    `overrides` is a list `REGEX=SCHEME;...`; a regular expression is looked for
    in the name of the layer's parameter and of its node in the model file; of
    several that match the last one wins. Characters that pipeline text or the
    list itself would take for its own are written as in a URL: `%2C` is a comma,
    `%7B` and `%7D` are braces, `%22` a quote, `%3B` a semicolon.

    **Preconditions.** Weights are parameters, or chains of ops on them; layers
    have roles (`qopt-assign-roles`). Norms are folded and rotations are folded
    in: neither can be afterwards.
    **Postconditions.** A layer reads codes, or a remark says why not. With one
    scale per tensor, each split of a fused layer is a tensor of its own. A
    weight that is codes already keeps them. A group that does not divide and
    an override that matches nothing are errors.
    **Numbers.** Changes the result: each weight is off by half a step at most.
    Ternary weights are for models that were trained with them, and a warning
    says so; weights that are ternary already keep their scale.
    **Not handled.** Products of two activations (`nn.matmul`); choosing codes
    by data.
  }];
  let options = [
    Option<"matrix", "matrix", "std::string", "\"i4\"",
           "scheme of linear layers">,
    Option<"embedding", "embedding", "std::string", "\"i8\"",
           "scheme of embeddings">,
    Option<"head", "head", "std::string", "\"i8\"",
           "scheme of the head, and of linear layers that share a table">,
    Option<"overrides", "overrides", "std::string", "\"\"",
           "schemes of single layers: REGEX=SCHEME, separated by semicolons">,
  ];
  let dependentDialects = ["::qopt::lowbit::LowbitDialect",
                           "::qopt::nn::NnDialect",
                           "::mlir::arith::ArithDialect"];
}

def QuantizeActivations : Pass<"qopt-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "give layers on codes their input as codes";
  let description = [{
    ```mlir
    %y = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x8xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x6xf32>
    // ==>
    %kx, %sx = lowbit.quantize %x scheme <sym, bits = 8, per = token> : tensor<?x8xf32> -> tensor<?x8xi8>, tensor<?xf32>
    %y = lowbit.linear %kx scales %sx, %k scales %s scheme <sym, bits = 4, per = channel> : tensor<?x8xi8>, tensor<?xf32>, tensor<6x8xi8>, tensor<6xf32> -> tensor<?x6xf32>
    ```

    Layers that read the same rows (q, k and v; gate and up) share the codes
    after `cse`.

    **Preconditions.** Weights are codes (`qopt-quantize-weights`).
    **Postconditions.** Layers on codes read codes, one scale per token, or a
    remark says why not. A pattern that matches no such layer is an error.
    **Numbers.** Changes the result: each input is off by half a step at most.
    **Not handled.** Layers whose weight is float; scales known before the run.
  }];
  let options = [
    Option<"bits", "bits", "int64_t", "8", "bits of a code (2 to 8)">,
    Option<"clip", "clip", "int64_t", "100",
           "share of the largest number that the range covers, in percent">,
    Option<"head", "head", "bool", "true", "also the input of the head">,
    Option<"leave", "leave", "std::string", "\"\"",
           "layers to leave in float: REGEX, separated by semicolons; written "
           "as in qopt-quantize-weights">,
  ];
  let dependentDialects = ["::qopt::lowbit::LowbitDialect"];
}

def QuantizeCache : Pass<"qopt-quantize-cache", "::mlir::ModuleOp"> {
  let summary = "round what becomes part of a past to codes";
  let description = [{
    ```mlir
    %k = nn.concat %past, %new axis 2 : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
    // ==>
    %codes, %scales = lowbit.quantize %new scheme <sym, bits = 8, per = group, group = 8> : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xi8>, tensor<?x2x?x1xf32>
    %coded = lowbit.dequantize %codes, %scales scheme <sym, bits = 8, per = group, group = 8> : tensor<?x2x?x8xi8>, tensor<?x2x?x1xf32> -> tensor<?x2x?x8xf32>
    %k = nn.concat %past, %coded axis 2 : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
    ```

    The caches that `qopt-add-entries` makes of it hold codes (i8) and one scale
    for each position and head; `run` keeps its inputs and outputs.

    **Preconditions.** Attention is raised, entries are not built; rotations of
    keys and values come before.
    **Postconditions.** Keys and values that grow a past are codes, or a remark
    says why not.
    **Numbers.** Changes the result: keys and values are off by half a step at
    most.
    **Not handled.** Models without a past; a zero of its own (asym).
  }];
  let options = [
    Option<"bits", "bits", "int64_t", "8", "bits of a code (2 to 8)">,
    Option<"clip", "clip", "int64_t", "100",
           "share of the largest number that the range covers, in percent">,
  ];
  let dependentDialects = ["::qopt::lowbit::LowbitDialect"];
}

#endif // QOPT_PASSES_QUANTIZEPASSES_TD
