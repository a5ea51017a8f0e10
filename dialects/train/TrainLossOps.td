// Losses together with the layer before them.

#ifndef QOPT_DIALECTS_TRAIN_TRAINLOSSOPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINLOSSOPS_TD

include "qopt/dialects/train/TrainGradientOps.td"

def Train_ClassifierLossOp : Train_GradOp<"classifier_loss"> {
  let summary = "measure how unlikely each target is under a linear classifier";
  let description = [{
    The head of a language model and its loss. Logits of all rows are the
    largest tensor of a step: a kernel makes them for a few rows at a time, here
    and again in the gradient, and keeps none.

    **Meaning**
    ```
    for every row x[0..C) of input and its target t:
      z[v] = sum_c(x[c] * weight[v, c])
      y    = ln(sum_v(e^z[v])) - z[t]
    ```
    Computed without overflow, rounded once, to nearest even, into the element
    type of the result; logits are not rounded, a kernel holds them in f32. A
    target outside [0, V) is an error.

    **Constraints**
    - (C1) `input` has a static last dimension, C > 0.
    - (C2) `weight` has shape [V, C].
    - (C3) `targets` are integers; they and `result` have the shape of `input`
      without C.

    **Gradient.** `train.classifier_loss_grad`.

    **Example**
    ```mlir
    %y = train.classifier_loss %x, %w targets %t : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<?xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$input, Nn_Matrix:$weight,   // classifier_loss_c1
                       Nn_IntegerTensor:$targets);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight `targets` $targets attr-dict
    `:` type($input) `,` type($weight) `,` type($targets) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Train_ClassifierLossGradOp
    : Train_GradOp<"classifier_loss_grad",
                   [AllTypesMatch<["input", "dinput"]>,
                    AllTypesMatch<["weight", "dweight"]>]> {
  let summary = "differentiate a linear classifier and its loss";
  let description = [{
    **Meaning**, with z as in `train.classifier_loss`, for each row m in order:
    ```
    dz[v]         = dy * (e^z[v] / sum_w(e^z[w]) - (v = t ? 1 : 0))
    dinput[m, c]  = sum_v(dz[v] * weight[v, c])
    dweight[v, c] = sum_m(dz[m, v] * x[m, c])
    ```
    Rounded once each, to nearest even; dz is 0 where dy is. A kernel sums in
    f32 or wider, over rows in an order that does not depend on its threads.

    **Constraints**
    - (C1) `input` has a static last dimension, C > 0.
    - (C2) `weight` has shape [V, C].
    - (C3) `targets` are integers; they and `dy` have the shape of `input`
      without C.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64>
    ```
  }];
  let arguments = (ins Nn_FloatTensor:$dy,
                       Nn_Rows:$input,                 // classifier_loss_grad_c1
                       Nn_Matrix:$weight, Nn_IntegerTensor:$targets);
  let results = (outs Nn_Rows:$dinput, Nn_Matrix:$dweight);
  let assemblyFormat = [{
    $dy `,` $input `,` $weight `targets` $targets attr-dict
    `:` type($dy) `,` type($input) `,` type($weight) `,` type($targets)
  }];
  let hasVerifier = 1;
}

#endif // QOPT_DIALECTS_TRAIN_TRAINLOSSOPS_TD
