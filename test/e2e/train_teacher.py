"""A step with a teacher: `train_teacher.py FOLDER MODEL`, a model with weights of more than a page.

Loss and gradient norm agree with the interpreter's. The teacher's weights are not
in the binary: their file must be there, and be the one that it was compiled with.
"""

import pathlib
import shutil
import subprocess
import sys

import numpy as np

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402
from qopt_train import Trainer  # noqa: E402

folder = pathlib.Path(sys.argv[1])
model, teacher = folder / "m.onnx", folder / "teacher.onnx"
# f32 against double, through ten layers and two softmaxes.
bound = 5e-5


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def close(what, got, want):
    print(f"{what}: {got:.7g}, expects {want:.7g}", flush=True)
    if not abs(got - want) <= bound * abs(want):
        sys.exit(f"{what}: expects {want} within {bound} of it, got {got}")


def interpreted(flags, ids, targets):
    """Loss and gradient norm of the step of the program at its stage."""
    program, results = folder / "step.mlir", folder / "results"
    run("qopt", model, *flags, "--stop-after=train", "-o", program)
    numbers = {"weight": np.float32(1 / (targets >= 0).sum()), "step": np.int64(1)}
    numbers |= {name: np.float32(case.run[name]) for name in ("clip", "lr", "beta1", "beta2", "eps", "weight_decay")}
    inputs = []
    for name, value in (numbers | {"input_ids": ids, "targets": targets}).items():
        np.save(folder / f"{name}.npy", value)
        inputs += ["--input", f"{name}={folder / name}.npy"]
    run("qopt-interpret", program, "--entry", "train_step", *inputs, "--output-dir", results)
    return np.load(results / "loss.npy"), np.load(results / "grad_norm.npy")


def stepAgrees(name, *flags):
    library = folder / f"{name}.so"
    flags = [*flags, f"--teacher={teacher}", "--kl-weight=2", "--ce-weight=0.5"]
    ids, targets = (batch[0] for batch in case.batches(case.stories))
    run("qopt", model, *flags, "--emit=lib", "-o", library)
    trainer = Trainer(library, 1)
    loss, norm = trainer.step([(ids, targets)], 1, **case.run)
    wantedLoss, wantedNorm = interpreted(flags, ids, targets)
    close(f"{name} loss", loss, wantedLoss)
    close(f"{name} grad_norm", norm, wantedNorm)
    trainer.close()
    return library


def isRefused(library, why):
    """A step is; and what it says names the file."""
    ids, targets = (batch[0] for batch in case.batches(case.stories))
    trainer = Trainer(library, 1)
    try:
        trainer.step([(ids, targets)], 1, **case.run)
        sys.exit(f"expects a step to be refused: {why}")
    except RuntimeError as error:
        print(f"refused: {error}", flush=True)
    trainer.close()


def main():
    folder.mkdir(parents=True, exist_ok=True)
    for copy in (model, teacher):
        shutil.copyfile(sys.argv[2], copy)
    library = stepAgrees("lora", "--train=lora", "--weights=i2", "--lora-init=svd")
    stepAgrees("full", "--train")
    data = teacher.read_bytes()
    if len(library.read_bytes()) > 2.5e6:
        sys.exit("expects the teacher's weights to stay in its file")
    teacher.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    isRefused(library, "another teacher")
    teacher.write_bytes(data[:-1])
    isRefused(library, "a teacher of another size")
    teacher.unlink()
    isRefused(library, "no teacher")


main()
