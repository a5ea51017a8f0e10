// Ops that look at more than one element: reductions, softmax, losses.

#ifndef QOPT_DIALECTS_NN_NNREDUCTIONOPS_TD
#define QOPT_DIALECTS_NN_NNREDUCTIONOPS_TD

include "qopt/dialects/nn/NnDialect.td"

def Nn_ReduceOp : Nn_Op<"reduce", [Pure, InferTypeOpAdaptor]> {
  let summary = "make one element of each group along some axes";
  let description = [{
    The axes go, or stay with size 1 (`keep_dims`). `kind` is one of sum, mean,
    max, min and prod.

    **Meaning**
    ```
    for every place outside axes, with x over the G elements along them:
      sum, mean, prod:  y = sum(x), sum(x) / G, product(x)
      max, min:         y = the largest, the least x; NaN if one is
    ```
    Rounded once, to nearest even, into the element type of the result; a
    kernel accumulates in f32 or wider. Integers wrap; their mean is that of
    their sum in 64 bits, toward zero. Of bools, max tells whether any is true,
    min whether all are. Nothing sums to 0, multiplies to 1, and has the largest
    element -inf and the least +inf, or the ends of the integers' range; the mean
    of no floats is NaN, that of no integers an error.

    **Constraints**
    - (C1) Each of `axes` is an axis of `input`, counted from the front.
    - (C2) No axis is named twice. (None at all is fine: y is x.)

    **Gradient**, dy repeated along the axes:
    ```
    sum:       dx = dy
    mean:      dx = dy / G
    max, min:  dx = x = y ? dy / number of such x in the group : 0
    prod:      dx = dy * product of the other elements of the group
    ```

    **Example**
    ```mlir
    %y = nn.reduce sum, %x axes [0, 2] : tensor<?x4x8xf32>
    %z = nn.reduce mean, %x axes [2] keep_dims : tensor<?x4x8xf32>
    ```
  }];

  let arguments = (ins Nn_ReductionAttr:$kind, Nn_Tensor:$input,
                       DenseI64ArrayAttr:$axes,
                       UnitAttr:$keepDims);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $kind `,` $input `axes` $axes (`keep_dims` $keepDims^)? attr-dict
    `:` type($input)
  }];
}

def Nn_CumsumOp
    : Nn_Op<"cumsum", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "sum everything so far along an axis";
  let description = [{
    **Meaning**
    ```
    for every line x[0..K) along axis:
      y[k] = x[0] + ... + x[k]         // exclusive: ... + x[k - 1]
    ```
    `reverse` counts from the end of the line. Rounded once, to nearest even,
    into the element type of the result; a kernel accumulates in f32 or wider.
    Integers wrap. NaN stays for the rest of its line.

    **Constraints**
    - (C1) `axis` is an axis of `input`, counted from the front.

    **Gradient**: the same op on dy, with `reverse` turned round.

    **Example**
    ```mlir
    %y = nn.cumsum %x axis 1 : tensor<?x8xi64>
    %z = nn.cumsum %x axis 1 exclusive reverse : tensor<?x8xi64>
    ```
  }];

  let arguments = (ins Nn_Tensor:$input, I64Attr:$axis, UnitAttr:$exclusive,
                       UnitAttr:$reverse);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = [{
    $input `axis` $axis (`exclusive` $exclusive^)? (`reverse` $reverse^)?
    attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Nn_SoftmaxOp
    : Nn_Op<"softmax", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "turn scores into shares that sum to one";
  let description = [{
    **Meaning**
    ```
    for every line x[0..K) along axis:
      m    = max_k(x[k])
      y[k] = e^(x[k] - m) / sum_j(e^(x[j] - m))
    ```
    Rounded once, to nearest even, into the element type of the result; a
    kernel accumulates in f32 or wider. A line of -inf gives NaN, and so does
    one with NaN or +inf in it.

    **Constraints**
    - (C1) `input` is a ranked tensor of floats.
    - (C2) `axis` is an axis of `input`, counted from the front.

    **Gradient**
    ```
    dx[k] = y[k] * (dy[k] - sum_j(dy[j] * y[j]))
    ```

    **Example**
    ```mlir
    %y = nn.softmax %x axis 1 : tensor<?x8xf32>
    ```
  }];

  let arguments = (ins Nn_FloatTensor:$input,                    // softmax_c1
                       I64Attr:$axis);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$input `axis` $axis attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Nn_CrossEntropyOp : Nn_Op<"cross_entropy", [Pure, InferTypeOpAdaptor]> {
  let summary = "measure how unlikely each target is under its logits";
  let description = [{
    The negative log-likelihood of each target, in nats.

    **Meaning**
    ```
    for every row x[0..V) of logits and its target t:
      y = ln(sum_v(e^x[v])) - x[t]
    ```
    Computed without overflow, rounded once, to nearest even, into the element
    type of the result; a kernel accumulates in f32 or wider. NaN or +inf in a
    row gives NaN. A target outside [0, V) is an error.

    **Constraints**
    - (C1) `logits` has a static last dimension, V > 0.
    - (C2) `targets` is a ranked tensor of integers.
    - (C3) `targets` has the shape of `logits` without the last dimension.

    **Gradient**
    ```
    dx[v] = dy * (e^x[v] / sum_w(e^x[w]) - (v = t ? 1 : 0))
    ```

    **Example**
    ```mlir
    %y = nn.cross_entropy %x, %t : tensor<?x32xf32>, tensor<?xi64>
    ```
  }];

  let arguments = (ins Nn_Rows:$logits,                    // cross_entropy_c1
                       Nn_IntegerTensor:$targets);         // cross_entropy_c2
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $logits `,` $targets attr-dict `:` type($logits) `,` type($targets)
  }];
}

def Nn_KlDivergenceOp : Nn_Op<"kl_divergence", [Pure, InferTypeOpAdaptor]> {
  let summary = "measure how far a student's shares are from a teacher's";
  let description = [{
    The divergence KL(teacher || student), in nats. A temperature divides both
    logits before.

    **Meaning**
    ```
    for every row x[0..V) of student and z[0..V) of teacher:
      p = softmax(z), q = softmax(x)
      y = sum_v(p[v] * (ln(p[v]) - ln(q[v])))     // nothing where p[v] = 0
    ```
    Computed without overflow, rounded once, to nearest even, into the element
    type of the result; a kernel accumulates in f32 or wider. Equal rows give 0.

    **Constraints**
    - (C1) `student` has a static last dimension, V > 0.
    - (C2) `teacher` has the shape and the element type of `student`.

    **Gradient**; the teacher gets none:
    ```
    dx[v] = dy * (q[v] - p[v])
    ```

    **Example**
    ```mlir
    %y = nn.kl_divergence %student, %teacher : tensor<?x32xf32>, tensor<?x32xf32>
    ```
  }];

  let arguments = (ins Nn_Rows:$student, Nn_Rows:$teacher); // kl_divergence_c1
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = [{
    $student `,` $teacher attr-dict `:` type($student) `,` type($teacher)
  }];
}

#endif // QOPT_DIALECTS_NN_NNREDUCTIONOPS_TD
