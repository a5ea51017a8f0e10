// What a step chooses as it runs.

#ifndef QOPT_DIALECTS_TRAIN_TRAINCHOICEOPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINCHOICEOPS_TD

include "qopt/dialects/train/TrainGradientOps.td"

def Train_ChooseOp
    : Train_GradOp<"choose", [AllTypesMatch<["none", "some", "whole",
                                             "result"]>]> {
  let summary = "take what belongs to the lambda of a layer";
  let description = [{
    A layer whose numbers are rounded gradually is one of three: a float layer,
    one of numbers that are rounded in part, or the deployed one, on codes.

    **Meaning**
    ```
    result = none    // lambda[layer] <= 0
    result = whole   // lambda[layer] >= 1
    result = some    // else
    ```
    All three may be computed. In an entry of launches the host asks for lambda
    first: what only an alternative reads that is not taken is not launched, and
    the result is the taken one where it lies.

    **Constraints**
    - (C1) `layer` is one of the elements of `lambda`.

    **Gradient.** None: gradients are not differentiated.

    **Example**
    ```mlir
    %y = train.choose %lambda at 1 none %a some %b whole %c : tensor<2xf32>, tensor<?x8xf32>
    ```
  }];
  let arguments = (ins 1DTensorOf<[F32]>:$lambda, I64Attr:$layer,
                       AnyRankedTensor:$none, AnyRankedTensor:$some,
                       AnyRankedTensor:$whole);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $lambda `at` $layer `none` $none `some` $some `whole` $whole attr-dict
    `:` type($lambda) `,` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QOPT_DIALECTS_TRAIN_TRAINCHOICEOPS_TD
