"""Steps of a model that is rounded gradually: `train_lambda.py FOLDER`.

A layer is one of three by its lambda: on numbers (0), on numbers that are rounded in
part, on codes (1). Loss and gradient norm agree with the interpreter's, whatever the
lambdas of the layers are; the bits do not depend on threads; gradients of
micro-batches add up to those of the batch; only the loss of lambda 0 is the float
model's.
"""

import pathlib
import sys

import numpy as np
import onnx

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402
from qopt_train import Trainer, interpretedProgram, run  # noqa: E402

folder = pathlib.Path(sys.argv[1])
model = folder / "m.onnx"
# f32 against double, through two layers.
bound = 2e-5
lambdas = ([0, 0], [0.5, 0.5], [1, 1], [1, 0.25], [0, 1], [1, 0], [0.75, 0])


def close(what, got, want, within=bound):
    if not abs(got - want) <= within * abs(want):
        sys.exit(f"{what}: expects {want} within {within} of it, got {got}")


def stepOf(library, batches, values, threads=1):
    """Loss and norm of the first step of a run."""
    trainer = Trainer(library, threads)
    found = trainer.step(batches, 1, lambdas=values, **case.run)
    trainer.close()
    return found


def stepsAgree(recipe):
    library, program = folder / f"{recipe}.so", folder / f"{recipe}.mlir"
    flags = ["--train=full", f"--recipe={recipe}"]
    run("qopt", model, *flags, "--emit=lib", "-o", library)
    run("qopt", model, *flags, "--stop-after=train", "-o", program)
    ids, targets = (batch[0] for batch in case.batches(case.tiny))
    losses = {}
    for values in lambdas:
        name = f"{recipe} at {values}"
        loss, norm = stepOf(library, [(ids, targets)], values)
        wantedLoss, wantedNorm = interpretedProgram(program, folder / "results", (ids, targets), case.run, values)
        close(f"{name}: loss", loss, wantedLoss)
        close(f"{name}: grad_norm", norm, wantedNorm)
        if stepOf(library, [(ids, targets)], values, threads=2) != (loss, norm):
            sys.exit(f"{name}: two threads give other bits than one")
        micro = list(zip(np.array_split(ids, 2), np.array_split(targets, 2)))
        summed, summedNorm = stepOf(library, micro, values)
        close(f"{name}: loss of two micro-batches", summed, loss)
        close(f"{name}: grad_norm of two micro-batches", summedNorm, norm)
        losses[tuple(values)] = loss
    if len(set(losses.values())) != len(losses):
        sys.exit(f"{recipe}: expects a loss for each lambda, got {losses}")
    print(f"{recipe}: {len(losses)} settings of lambda agree", flush=True)
    return losses[0, 0]


def main():
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(case.model(), model)
    plain = [stepsAgree(recipe) for recipe in ("ternary", "ternary-norm", "w8a8")]
    run("qopt", model, "--train=full", "--emit=lib", "-o", folder / "float.so")
    ids, targets = (batch[0] for batch in case.batches(case.tiny))
    wanted, _ = stepOf(folder / "float.so", [(ids, targets)], None)
    for loss in plain:
        close("lambda 0", loss, wanted, 1e-6)
    print("lambda 0 is the float model")


main()
