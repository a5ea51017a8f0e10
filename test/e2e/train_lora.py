"""Branches of a low-bit model are trained: `train_lora.py FOLDER`.

Loss and gradient norm of a step agree with the interpreter's; what a run writes
as a PEFT adapter gives the deployed base the same losses as its state gives the
binary that was trained, compiled in or at run time. Codes are read only.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402
from qopt_train import Trainer, interpreted, run  # noqa: E402

folder = pathlib.Path(sys.argv[1])
model = folder / "m.onnx"
# f32 against double, through two layers.
bound = 2e-5


def close(what, got, want, within=bound):
    print(f"{what}: {got:.7g}, expects {want:.7g}", flush=True)
    if not abs(got - want) <= within * abs(want):
        sys.exit(f"{what}: expects {want} within {within} of it, got {got}")


def stepAgrees(name, *flags):
    library = folder / f"{name}.so"
    flags = ["--train=lora", "--lora-init=svd", *flags]
    ids, targets = (batch[0] for batch in case.batches(case.tiny))
    run("qopt", model, *flags, "--emit=lib", "-o", library)
    trainer = Trainer(library, 1)
    loss, norm = trainer.step([(ids, targets)], 1, **case.run)
    state = trainer.save(folder / f"{name}.safetensors")
    trainer.close()
    trained = [key for key in state if ".adamw." not in key]
    if not trained or not all("lora_" in key for key in trained):
        sys.exit(f"{name}: expects branches to be trained, got {trained}")
    wantedLoss, wantedNorm = interpreted(folder, model, flags, (ids, targets), case.run)
    close(f"{name} loss", loss, wantedLoss)
    close(f"{name} grad_norm", norm, wantedNorm)


def nll(binary, *flags):
    return json.loads(run(binary, "eval", "--data", folder / "ids.npy", "--seq", 16, "--json", *flags))["nll"]


def adapterMoves(recipe):
    binary, base, with_, state, adapter = (folder / f"{recipe}-{x}" for x in ("m", "base", "with", "state", "adapter"))
    # Words that follow one another in a circle.
    np.save(folder / "ids.npy", np.arange(600) % case.tiny["vocabulary"])
    flags = ["--recipe", recipe] + (["--calib", folder / "ids.npy", "--calib-seq", 16, "--calib-samples", 16] if recipe == "w2a16-lora" else [])
    run("qopt", model, *flags, "--train=lora", "-o", binary)
    before = nll(binary)
    run(binary, "train", "--data", folder / "ids.npy", "--seq", 16, "--batch", 2, "--steps", 30, "--lr", 0.02,
        "--state", state, "--save-adapter", adapter)
    after = nll(binary, "--state", state)
    if not after < 0.9 * before:
        sys.exit(f"{recipe}: expects training to lower the loss {before}, got {after}")
    close(f"{recipe} of its adapter", nll(binary, "--adapter", adapter), after, 1e-6)
    if recipe == "w4a16":
        run("qopt", model, *flags, "--adapter", adapter, "-o", with_)
        close(f"{recipe} compiled in", nll(with_), after, 1e-5)
        run("qopt", model, *flags, "--lora-rank", 8, "-o", base)
        close(f"{recipe} at run time", nll(base, "--adapter", adapter), after, 1e-5)
        close(f"{recipe} without", nll(base, "--adapter", "none"), before, 1e-5)
    again = nll(binary)
    if again != before:
        sys.exit(f"{recipe}: expects the binary to begin as before, {before}, got {again}")


def refused(binary, *flags):
    words = [binary, "train", "--data", folder / "ids.npy", "--seq", 16, "--steps", 1, *flags]
    print(subprocess.run([str(word) for word in words], capture_output=True, text=True).stderr, flush=True)


def main():
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(case.model(), model)
    stepAgrees("w4a16", "--recipe=w4a16")
    stepAgrees("w8a8", "--recipe=w8a8", "--lora-rank=3", "--lora-targets=q_proj|down_proj")
    stepAgrees("ternary", "--weights=ternary")
    adapterMoves("w4a16")
    adapterMoves("w2a16-lora")
    refused(folder / "w4a16-m", "--adapter", "none")
    run("qopt", model, "--train", "-o", folder / "full")
    refused(folder / "full", "--save-adapter", folder / "nothing")


main()
