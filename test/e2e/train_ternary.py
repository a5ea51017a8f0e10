"""From random weights to a ternary executable: `train_ternary.py FOLDER`.

A tiny Llama learns a periodic text while lambda goes from 0 to 1, with and without
norms of its own. What is compiled from its state, with codes for good, has the loss of
the binary that trained it, bit by bit: both multiply the same codes. A state that does
not fit is refused.
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


def evaluate(binary, *flags, length=32):
    return json.loads(run(binary, "eval", "--data", ids, "--seq", length, "--json", *flags))["nll"]


def ternary(weight):
    """What BitNet's codes mean, as arXiv:2505.08823 takes them over, in f32."""
    delta = np.float32(max(np.abs(weight).astype(np.float64).mean(), 1e-5))
    return np.clip(np.rint(weight * (np.float32(1) / delta)), -1, 1) * delta


def patched(state, name, header=None, data=None):
    """A copy of a state: its header changed by a function, or each of its tensors."""
    raw = bytearray(state.read_bytes())
    size = int.from_bytes(raw[:8], "little")
    entries = json.loads(raw[8:8 + size])
    for key, value in (tensors(state).items() if data else ()):
        begin, end = (8 + size + offset for offset in entries[key]["data_offsets"])
        raw[begin:end] = data(key, value).tobytes()
    if header:
        text = json.dumps(header(entries)).encode()
        raw[:8 + size] = len(text).to_bytes(8, "little") + text
    copy = folder / name
    copy.write_bytes(raw)
    return copy


def train(recipe):
    binary, deploy, state = (folder / f"{recipe}{end}" for end in (".train", ".deploy", ".safetensors"))
    run("qopt", model, "--train=full", f"--recipe={recipe}", "-o", binary)
    log = folder / f"{recipe}.jsonl"
    run(binary, "train", "--data", ids, "--steps", 60, "--lr", 5e-3, "--batch", 4, "--seq", 32, "--lambda", "linear:30",
        "--state", state, "--log", log, "--threads", 1)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lambdas = [line["lambda"] for line in lines]
    if lambdas[0] != 0 or not np.isclose(lambdas[15], 0.5) or set(lambdas[30:]) != {1}:
        sys.exit(f"{recipe}: expects lambda to rise for 30 steps, got {lambdas}")
    first, last = lines[0]["loss"], np.mean([line["loss"] for line in lines[-5:]])
    if not last < 0.7 * first:
        sys.exit(f"{recipe}: expects the loss to fall, got {first}, then {last}")
    run("qopt", model, f"--state={state}", f"--recipe={recipe}", "-o", deploy)
    deployed = evaluate(deploy)
    for length in (32, 3):  # products of many rows, and of few
        found, wanted = evaluate(binary, "--state", state, length=length), evaluate(deploy, length=length)
        if found != wanted:
            sys.exit(f"{recipe}: expects the loss {found} of training, got {wanted}")
    # The codes are those that NumPy computes: weights that have no other values deploy to the same bits.
    rounded = patched(state, f"{recipe}.rounded.safetensors", data=lambda key, value: (
        ternary(value) if key.endswith("_proj.weight") else value))
    if rounded.read_bytes() == state.read_bytes():
        sys.exit(f"{recipe}: expects weights that are not ternary yet in the state")
    run("qopt", model, f"--state={rounded}", f"--recipe={recipe}", "-o", deploy)
    if evaluate(deploy) != deployed:
        sys.exit(f"{recipe}: expects the same codes from ternary weights, got the loss {evaluate(deploy)} for {deployed}")
    print(f"{recipe}: loss {first:.3f} -> {last:.3f}, trained and deployed agree", flush=True)
    return state, first


def main():
    shutil.rmtree(folder, ignore_errors=True)  # a run would go on from its state
    folder.mkdir(parents=True)
    run(sys.executable, here.parent / "support/tiny_llama.py", model, "--hidden=32", "--inner=48", "--vocabulary=31")
    np.save(ids, np.tile(np.arange(13, dtype=np.int64) * 5 % 31, 200))
    plain, first = train("ternary")
    normed, normedFirst = train("ternary-norm")
    # At lambda 0 both are the float model: added norms come gradually.
    if not abs(first - normedFirst) <= 1e-5 * first:
        sys.exit(f"expects both runs to begin with one loss, got {first} and {normedFirst}")
    other = folder / "other.onnx"
    run(sys.executable, here.parent / "support/tiny_llama.py", other, "--hidden=32", "--inner=48", "--vocabulary=31",
        "--seed=1")
    out = folder / "refused"
    run("qopt", other, f"--state={plain}", "-o", out, fails="was trained from another model")
    run("qopt", model, f"--state={normed}", "--recipe=ternary", "-o", out, fails="which the program does not have")
    run("qopt", model, f"--state={ids}", "-o", out, fails="is no safetensors file")
    run("qopt", model, f"--state={folder / 'none'}", "-o", out, fails="cannot read")
    bare = patched(plain, "bare", header=lambda entries: {})
    run("qopt", model, f"--state={bare}", "-o", out, fails="its metadata has no model_hash")

    def turned(entries):
        entry = next(value for key, value in entries.items() if key.endswith("gate_proj.weight"))
        entry["shape"].reverse()
        return entries

    run("qopt", model, f"--state={patched(plain, 'turned', header=turned)}", "-o", out, fails="of the state to be")
    if out.exists():
        sys.exit("expects nothing to be written for a state that is refused")
    print("states that do not fit are refused")


main()
