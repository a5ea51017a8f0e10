// Passes that make a model train.

#ifndef QOPT_PASSES_TRAINPASSES_TD
#define QOPT_PASSES_TRAINPASSES_TD

include "mlir/Pass/PassBase.td"

def Differentiate : Pass<"qopt-differentiate", "::mlir::ModuleOp"> {
  let summary = "add functions that give gradients beside their loss";
  let description = [{
    Reverse mode. A function whose one result is a tensor of floats is a loss,
    summed if it has elements. Its twin gives the loss, then the gradient of
    each parameter that is trained, in the order of the globals.

    ```mlir
    func.func @loss(%x: tensor<3x8xf32>) -> tensor<3x6xf32> {
      %w = ml_program.global_load @w : tensor<6x8xf32>
      %y = nn.linear %x, %w : tensor<3x8xf32>, tensor<6x8xf32> -> tensor<3x6xf32>
      return %y : tensor<3x6xf32>
    }
    // ==>
    func.func @loss.grad(%x: tensor<3x8xf32>) -> (tensor<3x6xf32>, tensor<6x8xf32> {nn.name = "w.grad"}) {
      ...
      %one = nn.broadcast %1 : tensor<f32> -> tensor<3x6xf32>
      %dw = train.linear_weight_grad %one, %x : tensor<3x6xf32>, tensor<3x8xf32> -> tensor<6x8xf32>
      return %y, %dw : tensor<3x6xf32>, tensor<6x8xf32>
    }
    ```

    What is not trained costs nothing: a frozen layer hands gradients on and has
    no gradient of its weight. Quantizing is passed straight through, for every
    lambda. The rule of every op stands in `passes/train/Rules*.cpp`.

    **Preconditions.** Parameters have an `nn.role`. The function has one block.
    **Postconditions.** `NAME.grad` stands behind each loss `NAME`. Ops without
    a gradient are one error that lists them all; so are trained parameters that
    the loss does not depend on.
    **Numbers.** Exact but for rounding: gradients agree with finite differences
    to 1e-6 in f64 (`qopt-interpret --check-gradients`).
    **Not handled.** Gradients of gradients, of angles, of attention masks, of
    products along an axis; slices with steps.
  }];
  let options = [
    Option<"train", "train", "std::string", "\"full\"",
           "parameters that are trained: full (all but adapters), or lora "
           "(adapters)">,
    Option<"pattern", "pattern", "std::string", "\"\"",
           "regular expression that names of trained parameters match; empty: "
           "all">,
    Option<"entry", "entry", "std::string", "\"\"",
           "function to differentiate, by all that is trained; empty: each "
           "loss, by what it reads">,
    Option<"arguments", "arguments", "bool", "false",
           "also differentiate by arguments that are floats">,
    Option<"recompute", "recompute", "int64_t", "0",
           "sums of the residual stream in a part that is computed again "
           "instead of kept (2: a layer; 0: all is kept)">,
  ];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::qopt::lowbit::LowbitDialect",
                           "::qopt::train::TrainDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def StraightThrough : Pass<"qopt-straight-through", "::mlir::ModuleOp"> {
  let summary = "let weights that are stored as codes be trained";
  let description = [{
    A layer on codes of a weight that is trained is a float layer again, whose
    operands are rounded to what their codes mean.

    ```mlir
    %k, %s = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
    %y = lowbit.linear %x, %k scales %s scheme <ternary, bits = 2, per = tensor> : tensor<?x8xf32>, tensor<6x8xi8>, tensor<1xf32> -> tensor<?x6xf32>
    // ==>
    %f = lowbit.fake_quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32>
    %y = nn.linear %x, %f : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    ```

    **Preconditions.** Parameters have an `nn.role`.
    **Postconditions.** No layer computes with codes of a weight that is
    trained, but for those whose codes the model file holds.
    **Numbers.** Codes are the same; products are sums of floats, so results
    agree within rounding.
    **Not handled.** Branches of layers whose weight is trained, too.
  }];
  let options = [
    Option<"train", "train", "std::string", "\"full\"",
           "parameters that are trained: full (all but adapters), or lora "
           "(adapters)">,
    Option<"pattern", "pattern", "std::string", "\"\"",
           "regular expression that names of trained parameters match; empty: "
           "all">,
  ];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::qopt::lowbit::LowbitDialect"];
}

def LowerFakeQuantize : Pass<"qopt-lower-fake-quantize", "::mlir::func::FuncOp"> {
  let summary = "multiply codes where a layer is rounded in full";
  let description = [{
    Layers on rounded numbers are what gradients need. Now each becomes three,
    of which the host takes one by the lambda of the layer: on the numbers
    themselves (0), on those that are rounded in part, or the deployed one (1),
    whose codes are made from the trained weight as the program runs. Without a
    lambda it is the deployed one.

    ```mlir
    %c1 = arith.constant 1 : index
    %i = nn.slice %lambda axis 0 from %c1 : tensor<2xf32> -> tensor<1xf32>
    %l = nn.reshape %i : tensor<1xf32> -> tensor<f32>
    %f = lowbit.fake_quantize %w lambda %l scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32>
    %y = nn.linear %x, %f : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    // ==>
    %a = nn.linear %x, %w : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    %b = nn.linear %x, %f : tensor<?x8xf32>, tensor<6x8xf32> -> tensor<?x6xf32>
    %k, %t = lowbit.quantize %w scheme <ternary, bits = 2, per = tensor> : tensor<6x8xf32> -> tensor<6x8xi8>, tensor<1xf32>
    %c = lowbit.linear %x, %k scales %t scheme <ternary, bits = 2, per = tensor> : tensor<?x8xf32>, tensor<6x8xi8>, tensor<1xf32> -> tensor<?x6xf32>
    %y = train.choose %lambda at 1 none %a some %b whole %c : tensor<2xf32>, tensor<?x6xf32>
    ```

    The gradient of its input is `train.packed_linear_grad` at lambda 1; what
    reads rounded numbers otherwise, as gradients of weights do, has such a
    choice of the numbers. Of a norm that comes gradually the last alternative
    reads all. Of an embedding the rows are rounded that are looked up.

    **Preconditions.** Gradients are there (`qopt-add-train-step`).
    **Postconditions.** At lambda 1 a layer has the codes and the bits of the
    deployed one. A second run changes nothing.
    **Numbers.** Within rounding: sums over codes are exact, those of their
    numbers are not. Codes are the same.
    **Not handled.** Searched scales; fused matrices with a scale each; numbers
    of 16 bits with products of 32. The loss of a step is computed with numbers,
    so that logits need not be stored; that of an entry without lambda with
    codes.
  }];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::qopt::lowbit::LowbitDialect",
                           "::qopt::train::TrainDialect"];
}

def FuseLoss : Pass<"qopt-fuse-loss", "::mlir::func::FuncOp"> {
  let summary = "make one op of a head and its loss";
  let description = [{
    Logits of all tokens are the largest tensor of a step. In one op with the
    loss they are made for a few tokens at a time, and none is kept.

    ```mlir
    %z = nn.linear %x, %w : tensor<?x8xf32>, tensor<32x8xf32> -> tensor<?x32xf32>
    %y = nn.cross_entropy %z, %t : tensor<?x32xf32>, tensor<?xi64>
    // ==>
    %y = train.classifier_loss %x, %w targets %t : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<?xf32>
    ```

    **Preconditions.** Layers are raised.
    **Postconditions.** A linear layer without a bias that only a cross entropy
    reads is one op with it.
    **Numbers.** Within rounding: logits are no longer rounded.
    **Not handled.** Heads with a bias. Heads of codes: what an entry says of a
    text is what the deployed layer says; a step reads their numbers
    (`qopt-add-train-step`), and so it does with a teacher's head.
  }];
  let dependentDialects = ["::qopt::train::TrainDialect"];
}

def Tie : Pass<"qopt-tie", "::mlir::ModuleOp"> {
  let summary = "make one parameter again of a table that is stored twice";
  let description = [{
    Exporters write an embedding that is also the head a second time, transposed
    for its product. Trained as two, they would drift apart.

    ```mlir
    %table = ml_program.global_load @table : tensor<5x4xf32>
    %x = nn.embedding %ids, %table : tensor<?xi64>, tensor<5x4xf32>
    %head = ml_program.global_load @head : tensor<4x5xf32>
    // ==>
    %table = ml_program.global_load @table : tensor<5x4xf32>
    %x = nn.embedding %ids, %table : tensor<?xi64>, tensor<5x4xf32>
    %again = ml_program.global_load @table : tensor<5x4xf32>
    %head = nn.transpose %again [1, 0] : tensor<5x4xf32>
    ```

    **Preconditions.** None.
    **Postconditions.** No parameter holds the bytes of an embedding's table, as
    they are or transposed, besides the table. Values in files are compared
    where they lie, without a copy.
    **Numbers.** Exact.
    **Not handled.** Copies of another element type; tables whose elements are
    all the same, which nobody trained yet; mutable parameters.
  }];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::mlir::ml_program::MLProgramDialect"];
}

def InitParameters : Pass<"qopt-init-parameters", "::mlir::ModuleOp"> {
  let summary = "let parameters begin with random numbers, by role";
  let description = [{
    For training from nothing. Matrices, embeddings and heads are normal, with
    deviation `deviation`, by sqrt(n) smaller where the layer is one of the n
    that are added to the residual stream; norms are 1 (0 where the model adds
    1), biases 0.

    ```mlir
    ml_program.global private @w(...) : tensor<6x8xf32> {nn.role = #nn.role<matrix>}
    ml_program.global private @g(...) : tensor<8xf32> {nn.role = #nn.role<norm>}
    // ==>
    ml_program.global private @w(#nn.random<"w", seed = 7, deviation = 2.0e-2> : tensor<6x8xf32>) : tensor<6x8xf32> {nn.role = #nn.role<matrix>}
    ml_program.global private @g(dense<1.0> : tensor<8xf32>) : tensor<8xf32> {nn.role = #nn.role<norm>}
    ```

    **Preconditions.** Parameters have an `nn.role`, and one that is stored twice
    is one again (`qopt-tie`).
    **Postconditions.** No parameter with a role has the model's numbers. Those of
    a parameter are a function of seed, name and index.
    **Numbers.** Changes all results.
    **Not handled.** Parameters without a role, of which a remark tells. Codes are
    refused.
  }];
  let options = [
    Option<"seed", "seed", "int64_t", "0", "of all random numbers">,
    Option<"deviation", "deviation", "double", "0.02",
           "standard deviation of what is random (> 0)">,
  ];
  let dependentDialects = ["::qopt::nn::NnDialect"];
}

def AddTrainStep : Pass<"qopt-add-train-step", "::mlir::ModuleOp"> {
  let summary = "build the entries that train from nll";
  let description = [{
    A step is forward, backward, the norm of all gradients, and an optimizer for
    each parameter, by its role: `optim=muon` is for hidden matrices, and leaves
    embeddings, heads, norms, biases and adapters to AdamW.

    ```mlir
    ml_program.global private @w(...) : tensor<6x8xf32> {nn.role = #nn.role<matrix>}
    func.func @nll(%ids, %targets) { ... nn.cross_entropy %logits, %targets ... }
    // ==>
    ml_program.global private mutable @w(...) : tensor<6x8xf32> {nn.role = #nn.role<matrix>}
    ml_program.global private mutable @w.adamw.m(dense<0.0> : tensor<6x8xf32>) : tensor<6x8xf32>
    ml_program.global private mutable @w.adamw.v(dense<0.0> : tensor<6x8xf32>) : tensor<6x8xf32>
    func.func @train_step(%ids, %targets, %weight, %clip, %lr, %beta1, %beta2, %eps, %weight_decay, %step) {
      ...
      %norm, %scale = train.clip_norm %clip of %dw : tensor<6x8xf32>
      %p, %m, %v = train.adamw %w, %dw, %m0, %v0 step %step ...
      ml_program.global_store @w = %p : tensor<6x8xf32>
      return %loss, %norm : tensor<f32>, tensor<f32>
    }
    ```

    The loss is `weight` times the sum of the targets' losses, so that a mean
    over the micro-batches of a step is 1 / (all their targets). A target below
    0 does not count. What is rounded for training (`lowbit.fake_quantize`) is so
    by the lambda of its layer, of which there are as many as attentions; the
    argument `lambda` holds them. A step whose gradients are not finite changes nothing, and
    `grad_norm` says so.

    A function `teacher` of ids that gives logits makes the loss of a target
    `ce-weight` times its cross-entropy plus `kl-weight` times the divergence of
    the student's logits from the teacher's (INT2.1, arXiv:2306.08162). The
    teacher is computed in each step, learns nothing, and has no entry. Both
    heads are one op with the loss, which makes logits for a few tokens at a
    time; so is a head of codes without a teacher. The op of the gradient gives
    the loss, too, so that logits are made once. A head with a bias, or a
    teacher's of another element type, keeps the logits of all tokens.

    **Preconditions.** `qopt-add-entries` built `nll`; parameters have roles,
    and are f32 or bf16 (which is rounded by chance, with `seed`).
    **Postconditions.** `train_step` gives loss and gradient norm. With
    `accumulate`, `train_accumulate` gives a loss and adds to `NAME.grad`,
    `train_update` makes the step and clears them. Trained parameters are
    mutable, their states lie in `NAME.adamw.m`, `NAME.adamw.v`,
    `NAME.muon.momentum`, `NAME.sgd.v`, with 8 bits in `.codes` and `.scales` of
    these.
    **Numbers.** Within rounding of the formulas of the optimizers.
    **Not handled.** Parameters of f16; a past.
  }];
  let options = [
    Option<"train", "train", "std::string", "\"full\"",
           "parameters that are trained: full (all but adapters), or lora "
           "(adapters)">,
    Option<"pattern", "pattern", "std::string", "\"\"",
           "regular expression that names of trained parameters match; empty: "
           "all">,
    Option<"optim", "optim", "std::string", "\"adamw\"",
           "optimizer: sgd, adamw, or muon (for hidden matrices)">,
    Option<"states", "states", "std::string", "\"f32\"",
           "states of optimizers: f32, or 8bit (blocks of 256; not of "
           "embeddings and of parameters with fewer than 4096 elements)">,
    Option<"accumulate", "accumulate", "bool", "false",
           "also build train_accumulate and train_update">,
    Option<"recompute", "recompute", "int64_t", "0",
           "sums of the residual stream in a part that is computed again "
           "instead of kept (2: a layer; 0: all is kept)">,
    Option<"klWeight", "kl-weight", "double", "1.0",
           "of the divergence from the teacher, if there is one">,
    Option<"ceWeight", "ce-weight", "double", "0.1",
           "of the cross-entropy beside it">,
  ];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::qopt::lowbit::LowbitDialect",
                           "::qopt::train::TrainDialect",
                           "::mlir::ml_program::MLProgramDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def LowerMuon : Pass<"qopt-lower-muon", "::mlir::func::FuncOp"> {
  let summary = "write Muon as products and elementwise ops";
  let description = [{
    The five steps that make a matrix orthogonal are three products each; they
    have the kernels of other products.

    ```mlir
    %p1, %b1 = train.muon %p, %g, %b lr %lr momentum %mu decay %wd scale %s : tensor<6x8xf32>, tensor<6x8xf32>
    // ==>
    %norm, %unused = train.clip_norm %zero of %u : tensor<6x8xf32>
    %x0 = nn.div %u, %length : tensor<6x8xf32>, tensor<f32>
    %a = nn.matmul %x0, %x0 transposed : tensor<6x8xf32>, tensor<6x8xf32>
    ...
    %p1 = nn.select %skipped, %p, %stepped : tensor<i1>, tensor<6x8xf32>, tensor<6x8xf32>
    ```

    **Preconditions.** None.
    **Postconditions.** No `train.muon` of f32 is left. Splits are apart, each
    with a norm of its own.
    **Numbers.** Within rounding of f32, which the steps amplify: 1e-4 of the
    largest element of an update.
    **Not handled.** Parameters of other types keep the op.
  }];
  let dependentDialects = ["::qopt::nn::NnDialect",
                           "::qopt::train::TrainDialect",
                           "::mlir::arith::ArithDialect"];
}

#endif // QOPT_PASSES_TRAINPASSES_TD
