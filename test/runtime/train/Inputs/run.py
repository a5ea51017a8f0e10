"""What `train` does, done again with numpy: run.py MODEL FOLDER

MODEL is ../Inputs/trained/program.c. Runs it with many flags, and compares
losses, norms, rates, lambda and the final parameters with its formulas.
"""

import json
import math
import pathlib
import struct
import subprocess
import sys
import xml.etree.ElementTree

import numpy as np

model, folder = sys.argv[1], pathlib.Path(sys.argv[2])
f32 = np.float32
tokens = np.random.RandomState(0).randint(0, 38, 1000)
np.save(folder / "data.npy", tokens)
np.save(folder / "half.npy", tokens[:500].astype(np.int32).reshape(1, -1))


def read_state(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    assert (8 + size) % 64 == 0
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    kinds = {"F32": np.float32, "I8": np.int8}
    tensors, end = {}, 0
    for name, entry in header.items():
        begin, stop = entry["data_offsets"]
        assert begin == end, "safetensors has no gaps"
        end = stop
        tensors[name] = np.frombuffer(data[8 + size + begin:8 + size + stop],
                                      kinds[entry["dtype"]]).reshape(entry["shape"])
    assert 8 + size + end == len(data)
    return tensors, metadata


def rate_after(t, how):
    """runtime/cli/Schedule.h"""
    peak, warmup, steps = how["lr"], how["warmup"], how["steps"]
    if t < warmup:
        return peak * (t + 1) / (warmup + 1)
    p = (t - warmup) / (steps - warmup)
    return peak * {"constant": 1, "linear": 1 - p,
                   "cosine": (1 + math.cos(math.pi * p)) / 2}[how["schedule"]]


def lambda_after(t, how):
    shape = how["lambda"]
    if shape is None:
        return [min(t / (how["steps"] // 2), 1)] * 3
    if ":" not in shape:
        return [float(shape)] * 3
    kind, n = shape.split(":")
    part = t / int(n)
    if kind == "linear":
        return [min(part, 1)] * 3
    return [min(max(part * 3 - site, 0), 1) for site in range(3)]


def windows(how):
    """Inputs and targets, epoch after epoch."""
    seq = how["seq"]
    while True:
        for k in range((len(tokens) - 1) // seq):
            yield tokens[k * seq:k * seq + seq], tokens[k * seq + 1:k * seq + seq + 1]


def simulate(how):
    w = np.array([i / 1000 for i in range(40)], f32)
    v = np.zeros(40, f32)
    rows = []
    source = windows(how)
    for t in range(how["steps"]):
        lam, lr = lambda_after(t, how), rate_after(t, how)
        g, loss = np.zeros(40), 0.0
        count = how["batch"] * how["accumulate"]
        weight = 1 / (count * how["seq"])
        for _ in range(count):
            ids, targets = next(source)
            d = w[ids].astype(float) - targets / 10
            loss += weight * 0.5 * (d * d).sum() * (1 + lam[0])
            np.add.at(g, ids, weight * d * (1 + lam[0]))
        norm = math.sqrt((g * g).sum())
        scale = 1 if how["clip"] == 0 or norm <= how["clip"] else how["clip"] / norm
        v = (how["momentum"] * v + g * scale).astype(f32)
        w = (w - lr * v).astype(f32)
        rows.append({"step": t + 1, "loss": loss, "grad_norm": norm, "lr": lr, "lambda": lam})
    return rows, w


def run(case, **changes):
    how = {"steps": 40, "lr": 0.3, "schedule": "constant", "warmup": 0, "lambda": None, "batch": 3,
           "seq": 20, "accumulate": 1, "clip": 1.0, "momentum": 0.0}
    how.update(changes)
    log, state = folder / f"{case}.jsonl", folder / f"{case}.safetensors"
    log.unlink(missing_ok=True)
    state.unlink(missing_ok=True)
    data = changes.pop("data", ["data.npy"])
    flags = [f"--{key}={value}" for key, value in how.items() if value is not None]
    for name in data:
        flags += ["--data", folder / name]
    result = subprocess.run([model, "train", "--order=sequential", "--log", log, "--state", state,
                             *flags], capture_output=True, text=True)
    assert result.returncode == 0 and not result.stdout, result
    rows, w = simulate(how)
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(written) == len(rows), case
    for got, wanted in zip(written, rows):
        assert list(got) == ["step", "loss", "grad_norm", "lr", "lambda", "tokens_per_s"], got
        assert got["step"] == wanted["step"] and got["tokens_per_s"] > 0
        # The program adds up to 240 losses in f32.
        for key in ("loss", "grad_norm"):
            assert math.isclose(got[key], wanted[key], rel_tol=1e-4), (case, got, wanted)
        assert math.isclose(got["lr"], wanted["lr"], rel_tol=1e-14), (case, got, wanted)
        lam = got["lambda"] if isinstance(got["lambda"], list) else [got["lambda"]] * 3
        assert np.array_equal(np.array(lam, f32), np.array(wanted["lambda"], f32)), (got, wanted)
        assert isinstance(got["lambda"], list) == (len(set(wanted["lambda"])) > 1)
    tensors, metadata = read_state(state)
    assert np.allclose(tensors["w"], w, rtol=1e-4, atol=1e-6), case
    assert metadata["step"] == str(how["steps"]) and metadata["format_version"] == "1"
    assert metadata["data_position"] == str(how["steps"] * how["batch"] * how["accumulate"])
    assert metadata["recipe"] == "ternary" and metadata["model_hash"] == "xxh64:0123456789abcdef"
    assert json.loads(metadata["lambda"]) == [float(f32(x)) for x in rows[-1]["lambda"]]
    root = xml.etree.ElementTree.parse(log.with_suffix(".svg")).getroot()
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2 and len(lines[0].get("points").split()) == how["steps"]
    return written, result.stderr


run("plain")
run("cosine", schedule="cosine", warmup=7, momentum=0.9)
run("linear", schedule="linear", warmup=1)
run("late", warmup=100)
run("fixed", **{"lambda": "0.25"})
run("slow", **{"lambda": "linear:1000"})
run("quick", **{"lambda": "linear:10"})
run("layers", **{"lambda": "layers:30"})
run("free", clip=0)
run("tight", clip=0.01)
run("long", seq=64, batch=1, steps=100)  # several epochs
one, said = run("whole", batch=4, seq=16)
assert "memory      predicted" in said and "frozen weights 64 B" in said, said
parts, _ = run("parts", batch=1, accumulate=4, seq=16)
assert all(math.isclose(a["loss"], b["loss"], rel_tol=1e-5) for a, b in zip(one, parts))


# Shuffled: each epoch has each window once, in another order for another epoch
# and another seed, and in the same one for the same. Token 38 marks windows.
def orders(seed):
    """The losses of steps of one window tell the windows apart."""
    log = folder / "order.jsonl"
    subprocess.run([model, "train", "--data", folder / "data.npy", "--steps=98", "--batch=1",
                    "--seq=20", "--lr=0", "--lambda=0", f"--seed={seed}", "--log", log],
                   check=True, capture_output=True)
    losses = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
    return losses[:49], losses[49:]


first, second = orders(1)
assert sorted(first) == sorted(second) and len(set(first)) == 49
assert first != second and first != sorted(first)
assert (first, second) == orders(1) and orders(2)[0] != first
sequential, _ = run("sequential", batch=1, steps=49, lr=0, **{"lambda": "0"})
assert sorted(row["loss"] for row in sequential) == sorted(first)

# Two files are one stream, but nothing predicts the first token of the second.
subprocess.run([model, "train", "--order=sequential", "--data", folder / "half.npy", "--data",
                folder / "half.npy", "--steps=50", "--batch=1", "--seq=20", "--lr=0", "--lambda=0",
                "--log", folder / "two.jsonl"], check=True, capture_output=True)
losses = [json.loads(line)["loss"] for line in (folder / "two.jsonl").read_text().splitlines()]
w, both = np.arange(40) / 1000, np.concatenate([tokens[:500], tokens[:500]])
each = 0.5 * (w[both[:-1]] - both[1:] / 10) ** 2
for k, loss in enumerate(losses[:49]):
    window = list(range(20 * k, 20 * k + 20))
    if 499 in window:
        window.remove(499)
    assert math.isclose(loss, each[window].mean(), rel_tol=1e-5), (k, loss)
print("all is well")
