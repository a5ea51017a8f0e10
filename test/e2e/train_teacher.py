"""A step with a teacher: `train_teacher.py FOLDER MODEL`, a model with weights of more than a page.

Loss and gradient norm agree with the interpreter's. The teacher's weights are not
in the binary: their file must be there, and be the one that it was compiled with.
"""

import pathlib
import shutil
import sys

import numpy as np

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402
from qopt_train import Trainer, interpreted, run  # noqa: E402

folder = pathlib.Path(sys.argv[1])
model, teacher = folder / "m.onnx", folder / "teacher.onnx"
# f32 against double, through ten layers and two softmaxes.
bound = 5e-5


def close(what, got, want):
    print(f"{what}: {got:.7g}, expects {want:.7g}", flush=True)
    if not abs(got - want) <= bound * abs(want):
        sys.exit(f"{what}: expects {want} within {bound} of it, got {got}")


def stepAgrees(name, *flags):
    library = folder / f"{name}.so"
    flags = [*flags, f"--teacher={teacher}", "--kl-weight=2", "--ce-weight=0.5"]
    ids, targets = (batch[0] for batch in case.batches(case.stories))
    run("qopt", model, *flags, "--emit=lib", "-o", library)
    trainer = Trainer(library, 1)
    loss, norm = trainer.step([(ids, targets)], 1, **case.run)
    wantedLoss, wantedNorm = interpreted(folder, model, flags, (ids, targets), case.run)
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
