"""Optimizers whose states are 8-bit codes: `train_states.py FOLDER`.

Of a tiny Llama: matrices have codes, what is small has numbers; the loss falls as with
numbers; one thread and two, and a run in two parts, give the same bits; no number of a
state goes through the arena.
"""

import json
import pathlib
import shutil
import sys

import numpy as np

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from qopt_train import run, tensors  # noqa: E402

folder = pathlib.Path(sys.argv[1])
ids, model = folder / "ids.npy", folder / "m.onnx"


def train(binary, name, steps=12, threads=2):
    """Losses of the steps, and the state behind them; goes on from a state of that name."""
    state, log = folder / f"{name}.safetensors", folder / f"{name}.jsonl"
    run(binary, "train", "--data", ids, "--steps", steps, "--lr", 1e-2, "--batch", 4, "--seq", 64, "--accumulate", 2,
        "--state", state, "--log", log, "--threads", threads)
    return np.array([json.loads(line)["loss"] for line in log.read_text().splitlines()]), tensors(state)


def expect_same(what, a, b):
    if (a[0] != b[0]).any() or set(a[1]) != set(b[1]) or any((a[1][name] != b[1][name]).any() for name in a[1]):
        sys.exit(f"{what}: expects the same bits")
    print(f"{what}: the same bits", flush=True)


def arenas(binary):
    """Bytes for 4 sequences of 64 tokens, by entry."""
    sizes = {"max": lambda *sizes: max(sizes), "batch": 4, "seq": 64}
    entries = json.loads(run(binary, "info", "--json"))["entries"]
    return {each["name"]: eval(each["arena"], sizes) for each in entries if each["name"].startswith("train")}


def main():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(sys.executable, here.parent / "support/tiny_llama.py", model, "--layers=2", "--hidden=64", "--inner=97",
        "--vocabulary=31")
    np.save(ids, np.tile(np.arange(13, dtype=np.int64) * 5 % 31, 1000))
    for optim in ("adamw", "sgd", "muon"):
        numbers, codes = folder / f"{optim}32", folder / f"{optim}8"
        run("qopt", model, "--train", f"--optim={optim}", "-o", numbers)
        run("qopt", model, "--train", f"--optim={optim}", "--optim-bits=8", "-o", codes)
        wanted, found = train(numbers, f"{optim}32"), train(codes, f"{optim}8")
        coded = {name.removesuffix(".codes").rsplit(".", 2)[0] for name in found[1] if name.endswith(".codes")}
        large = {name for name, value in wanted[1].items()
                 if name.endswith("proj.weight") and value.size >= 4096}
        if not large or not large <= coded or any("norm" in name or "embed" in name for name in coded):
            sys.exit(f"{optim}: expects codes for {sorted(large)}, got some for {sorted(coded)}")
        if not found[0][-1] < 0.9 * found[0][0] or not np.abs(found[0] - wanted[0]).max() <= 0.01 * wanted[0][0]:
            sys.exit(f"{optim}: expects the loss to fall as with numbers, {wanted[0]}, got {found[0]}")
        expect_same(f"{optim}, one thread and two", train(codes, f"{optim}8-1", threads=1), found)
        train(codes, f"{optim}8-parts", steps=5)
        expect_same(f"{optim}, one run and two", train(codes, f"{optim}8-parts"), found)
        bytes = arenas(codes), arenas(numbers)
        if optim != "muon" and bytes[0] != bytes[1]:
            sys.exit(f"{optim}: expects the arenas of states of numbers, {bytes[1]}, got {bytes[0]}")


main()
