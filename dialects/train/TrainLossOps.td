// Losses together with the layer before them.

#ifndef QOPT_DIALECTS_TRAIN_TRAINLOSSOPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINLOSSOPS_TD

include "qopt/dialects/train/TrainGradientOps.td"

def Train_ClassifierLossOp
    : Train_GradOp<"classifier_loss", [AttrSizedOperandSegments]> {
  let summary = "measure how unlikely each target is under a linear classifier";
  let description = [{
    The head of a language model and its loss, and the head of a teacher, if it
    has a say in it (LREC, arXiv:2306.08162). Logits of all rows are the largest
    tensor of a step: a kernel makes them for a few rows at a time, here and
    again in the gradient, and keeps none.

    **Meaning**
    ```
    for every row x[0..C) of input and its target t:
      z[v] = sum_c(x[c] * weight[v, c])
      y    = ln(sum_v(e^z[v])) - z[t]
    with a teacher, for its row u[0..D) too:
      q[v] = sum_d(u[d] * teacher_weight[v, d])
      p[v] = e^q[v] / sum_w(e^q[w])
      y    = ce * y + kl * sum_v(p[v] * (ln(p[v]) - z[v] + ln(sum_w(e^z[w]))))
    ```
    Computed without overflow, rounded once, to nearest even, into the element
    type of the result; logits are not rounded, a kernel holds them in f32. A
    target outside [0, V) is an error.

    **Constraints**
    - (C1) `input` and `teacher_input` have a static last dimension, C, D > 0.
    - (C2) `weight` has shape [V, C].
    - (C3) `targets` are integers; they and `result` have the shape of `input`
      without C.
    - (C4) `teacher_weight` has shape [V, D]; `teacher_input` has the shape of
      `input`, with D in place of C.
    - (C5) `kl` and `ce` are finite and not negative.

    **Gradient.** `train.classifier_loss_grad`; a teacher learns nothing.

    **Example**
    ```mlir
    %y = train.classifier_loss %x, %w targets %t : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<?xf32>
    %z = train.classifier_loss %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1
         : tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> teacher tensor<?x6xf32>, tensor<32x6xf32> -> tensor<?xf32>
    ```
  }];
  let arguments = (ins Nn_Rows:$input, Nn_Matrix:$weight,   // classifier_loss_c1
                       Nn_IntegerTensor:$targets,
                       Optional<Nn_Rows>:$teacher_input,
                       Optional<Nn_Matrix>:$teacher_weight,
                       OptionalAttr<F64Attr>:$kl, OptionalAttr<F64Attr>:$ce);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight `targets` $targets
    (`teacher` $teacher_input^ `,` $teacher_weight `kl` $kl `ce` $ce)? attr-dict
    `:` type($input) `,` type($weight) `,` type($targets)
    (`teacher` type($teacher_input)^ `,` type($teacher_weight))?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Train_ClassifierLossGradOp
    : Train_GradOp<"classifier_loss_grad",
                   [AttrSizedOperandSegments, AllTypesMatch<["dy", "result"]>,
                    AllTypesMatch<["input", "dinput"]>]> {
  let summary = "differentiate a linear classifier and its loss";
  let description = [{
    The loss comes along: its logits are there anyhow.

    **Meaning**, with y, z and p as in `train.classifier_loss`, for each row m in
    order:
    ```
    result       = y
    s[v]         = e^z[v] / sum_w(e^z[w])
    dz[v]        = dy * (s[v] - (v = t ? 1 : 0))
    dz[v]        = dy * (ce * (s[v] - (v = t ? 1 : 0)) + kl * (s[v] - p[v]))
                                                             // with a teacher
    dinput[m, c]  = sum_v(dz[v] * weight[v, c])
    dweight[v, c] = sum_m(dz[m, v] * x[m, c])               // if it is trained
    ```
    Rounded once each, to nearest even; dz is 0 where dy is. A kernel sums in
    f32 or wider, over rows in an order that does not depend on its threads.

    **Constraints**
    - (C1) `input` and `teacher_input` have a static last dimension, C, D > 0.
    - (C2) `weight` has shape [V, C]; so has `dweight`, which may be absent.
    - (C3) `targets` are integers; they and `dy` have the shape of `input`
      without C.
    - (C4) `teacher_weight` has shape [V, D]; `teacher_input` has the shape of
      `input`, with D in place of C.
    - (C5) `kl` and `ce` are finite and not negative.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %z, %dx, %dw = train.classifier_loss_grad %dy, %x, %w targets %t
        : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> -> tensor<32x8xf32>
    %y, %du = train.classifier_loss_grad %dy, %x, %w targets %t teacher %u, %tw kl 1.0 ce 0.1
        : tensor<?xf32>, tensor<?x8xf32>, tensor<32x8xf32>, tensor<?xi64> teacher tensor<?x6xf32>, tensor<32x6xf32>
    ```
  }];
  let arguments = (ins Nn_FloatTensor:$dy,
                       Nn_Rows:$input,                 // classifier_loss_grad_c1
                       Nn_Matrix:$weight, Nn_IntegerTensor:$targets,
                       Optional<Nn_Rows>:$teacher_input,
                       Optional<Nn_Matrix>:$teacher_weight,
                       OptionalAttr<F64Attr>:$kl, OptionalAttr<F64Attr>:$ce);
  let results = (outs Nn_FloatTensor:$result, Nn_Rows:$dinput,
                      Optional<Nn_Matrix>:$dweight);
  let assemblyFormat = [{
    $dy `,` $input `,` $weight `targets` $targets
    (`teacher` $teacher_input^ `,` $teacher_weight `kl` $kl `ce` $ce)? attr-dict
    `:` type($dy) `,` type($input) `,` type($weight) `,` type($targets)
    (`teacher` type($teacher_input)^ `,` type($teacher_weight))?
    (`->` type($dweight)^)?
  }];
  let hasVerifier = 1;
}

#endif // QOPT_DIALECTS_TRAIN_TRAINLOSSOPS_TD
