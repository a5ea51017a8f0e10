"""What --train-only and --recompute promise: `train_flags.py FOLDER`.

Of a tiny Llama, the parameters whose names match are trained and written, the others
stay. Computing again instead of keeping changes no bit of losses or state.
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


def train(name, *flags):
    """Losses and norms of twelve steps, and the state behind them."""
    binary, state, log = (folder / f"{name}{end}" for end in ("", ".safetensors", ".jsonl"))
    run("qopt", model, "--train", *flags, "-o", binary)
    run(binary, "train", "--data", ids, "--steps", 12, "--lr", 1e-2, "--batch", 8, "--seq", 128, "--accumulate", 2,
        "--state", state, "--log", log, "--threads", 2)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return np.array([(line["loss"], line["grad_norm"]) for line in lines]), tensors(state)


def only():
    found, state = train("only", "--train-only", r"norm|layers\.1\..*gate")
    trained = {name for name in state if ".adamw." not in name}
    wanted = {f"model.layers.{i}.{kind}_layernorm.weight" for i in range(4) for kind in ("input", "post_attention")}
    wanted |= {"model.norm.weight", "model.layers.1.mlp.gate_proj.weight"}
    if trained != wanted or {name.split(".adamw.")[0] for name in state} != wanted:
        sys.exit(f"expects {sorted(wanted)} to be trained, got {sorted(state)}")
    if not found[-1, 0] < found[0, 0]:
        sys.exit(f"expects the loss to fall, got {found[:, 0]}")
    # What was trained and what was not make one model again.
    deploy = folder / "deploy"
    run("qopt", model, "--state", folder / "only.safetensors", "-o", deploy)
    both = [json.loads(run(binary, "eval", "--data", ids, "--seq", 128, "--json", *flags))["nll"] for binary, flags in (
        (deploy, ()), (folder / "only", ("--state", folder / "only.safetensors")))]
    if not abs(both[0] - both[1]) <= 1e-5 * both[1]:
        sys.exit(f"expects one loss of the trained and the deployed model, got {both}")
    run("qopt", model, "--train", "--train-only", "no such name", "-o", folder / "none", fails="a name that matches")
    run("qopt", model, "--train", "--train-only", "(", "-o", folder / "none", fails="--train-only is no regular expression")
    print("trains what the pattern names, and nothing else", flush=True)


def arena(name, entry):
    """Bytes of the arena for 8 sequences of 128 tokens."""
    entries = json.loads(run(folder / name, "info", "--json"))["entries"]
    formula = next(each["arena"] for each in entries if each["name"] == entry)
    return eval(formula, {"max": lambda *sizes: max(sizes), "batch": 8, "seq": 128})


def recompute():
    kept, wanted = train("kept")
    for sums in (1, 2):
        found, state = train(f"again{sums}", f"--recompute={sums}")
        if (found != kept).any():
            sys.exit(f"--recompute={sums}: expects the losses and norms\n{kept}, got\n{found}")
        if set(state) != set(wanted) or any((state[name] != wanted[name]).any() for name in wanted):
            sys.exit(f"--recompute={sums}: expects the state of the run that keeps all")
        for entry in ("train_step", "train_accumulate"):  # four layers, of which one is there
            if not arena(f"again{sums}", entry) <= 0.55 * arena("kept", entry):
                sys.exit(f"--recompute={sums}: expects {entry} to take half of the memory of {arena('kept', entry)} bytes, "
                         f"got {arena(f'again{sums}', entry)}")
        print(f"recomputing from every {'sum' if sums == 1 else f'{sums} sums'}: the same bits", flush=True)


def main():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(sys.executable, here.parent / "support/tiny_llama.py", model, "--layers=4", "--hidden=32", "--inner=48",
        "--vocabulary=31")
    np.save(ids, np.tile(np.arange(13, dtype=np.int64) * 5 % 31, 1000))
    only()
    recompute()


main()
