"""Training from nothing: `train_init.py FOLDER [MODEL]`.

With --init parameters begin with numbers that seed, name and index tell, whatever the
model's own are. MODEL is stories260K, whose shape learns stories then; without it a tiny
Llama is asked for all that the flag promises.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from qopt_train import tensors  # noqa: E402

folder = pathlib.Path(sys.argv[1])


def run(*command, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"{command}: expects exit code {code}, got {done.returncode}\n{done.stderr}")
    return done


def make(name, tied="no", seed=0):
    model = folder / f"{name}.onnx"
    run(sys.executable, here.parent / "support/tiny_llama.py", model, "--layers=2", "--hidden=64", "--inner=96",
        "--vocabulary=61", f"--tied={tied}", f"--seed={seed}")
    return model


def train(model, data, *flags, seed=7, compile=(), steps=1, lr=1e-37, threads=1):
    """Losses, and the state: with so small a rate it is what the run began with."""
    binary, state, log = folder / "train", folder / "state.safetensors", folder / "log.jsonl"
    run("qopt", model, "--train", f"--init={seed}", "-q", *compile, "-o", binary)
    for path in (state, log):
        path.unlink(missing_ok=True)
    run(binary, "train", "--data", data, "--steps", steps, "--lr", lr, "--threads", threads, "--state", state, "--log", log,
        *flags)
    return [json.loads(line)["loss"] for line in log.read_text().splitlines()], tensors(state)


def same(a, b):
    return set(a) == set(b) and all((a[name] == b[name]).all() for name in a)


def begins(ids):
    model, other = make("m"), make("other", seed=1)
    small = ("--batch", 2, "--seq", 32)
    _, first = train(model, ids, *small)
    for what, again in (("two threads", train(model, ids, *small, threads=2, compile=("--threads=2",))[1]),
                        ("another file's weights", train(other, ids, *small)[1])):
        if not same(first, again):
            sys.exit(f"expects the same numbers with {what}")
    _, eighth = train(model, ids, *small, seed=8)
    if any((first[name] == eighth[name]).any() for name in first if "proj" in name and "adamw" not in name):
        sys.exit("expects other numbers of another seed")
    print("seed 7: the same bits again, with any threads; seed 8: others", flush=True)
    for name, value in first.items():
        if ".adamw." in name:
            continue
        if "norm" in name:
            fine = (value == 1).all()
        else:  # of n elements, the deviation is known to 1 in sqrt(2 n): six of these
            meant = 0.02 / (2 if "o_proj" in name or "down_proj" in name else 1)  # two layers: 4 are added to the stream
            fine = abs(value.std() / meant - 1) < 6 / (2 * value.size)**0.5 and abs(value.mean()) < 6 * meant / value.size**0.5
        if not fine:
            sys.exit(f"{name}: expects numbers by its role, got mean {value.mean()}, deviation {value.std()}")
    print("numbers are those of Philox and of the roles", flush=True)


def ties(ids):
    _, state = train(make("tied", tied="twice"), ids, "--batch", 2, "--seq", 32)
    if "lm_head.weight" in state or not 0.015 < state["model.embed_tokens.weight"].std() < 0.025:
        sys.exit(f"expects one random table, got {sorted(state)}")
    print("tied tables stay tied", flush=True)


def learns(model, data, compile, flags):
    losses, _ = train(model, data, *flags, compile=compile, lr=5e-3)
    vocabulary = 512 if compile else 61
    if not abs(losses[0] - np.log(vocabulary)) < 0.1:
        sys.exit(f"expects a loss of ln {vocabulary} to begin with, got {losses[0]}")
    losses, _ = train(model, data, *flags, compile=compile, steps=60, lr=5e-3, threads=2)
    if not np.mean(losses[-5:]) < 0.75 * losses[0]:
        sys.exit(f"expects the loss to fall, got {losses}")
    # What was trained needs no seed; what was not would.
    run("qopt", model, "--state", folder / "state.safetensors", "-q", *compile, "-o", folder / "deploy")
    nll = json.loads(run(folder / "deploy", "eval", "--data", data, "--seq", 64, "--json").stdout)["nll"]
    if not nll < 0.75 * losses[0]:
        sys.exit(f"expects the deployed model to have learned, got {nll} after {losses[-1]}")
    said = run(folder / "train", "info").stdout
    if "begun at random with seed 7" not in said:
        sys.exit(f"expects info to name the seed, got\n{said}")
    print(f"the loss falls: {losses[0]:.3f} -> {losses[-1]:.3f}, deployed {nll:.3f}", flush=True)


def refuses():
    for seed in ("x", "-1", "1.5", "", "9223372036854775808"):
        said = run("qopt", folder / "m.onnx", f"--init={seed}", "-o", folder / "none", code=2).stderr
        if f"expects --init to be a whole number from 0 to 2^63 - 1, got '{seed}'" not in said:
            sys.exit(f"--init={seed}: expects a reason, got {said}")
    print("texts that are no seed are refused", flush=True)


def main():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if len(sys.argv) > 2:
        data = pathlib.Path(sys.argv[2]).parents[2]
        text = folder / "text.txt"
        text.write_text((data / "text/tinystories_valid_first1k.txt").read_text()[:100_000])
        return learns(sys.argv[2], text, ("--tokenizer", data / "stories260K/tok512.bin"), ("--batch", 8, "--seq", 64))
    ids = folder / "ids.npy"
    np.save(ids, np.tile(np.arange(13, dtype=np.int64) * 5 % 61, 200))
    begins(ids)
    ties(ids)
    learns(folder / "m.onnx", ids, (), ("--batch", 2, "--seq", 32))
    refuses()


main()
