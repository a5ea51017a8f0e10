"""Compares generate, eval and run with ONNX Runtime: MODEL.onnx EXECUTABLE FOLDER.

Greedy ids must be equal, the mean negative log-likelihood within 1e-5, outputs
within 1e-4 of their range. For models with float pasts or none.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import onnxruntime as ort

source, model, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}


def feeds(ids, past=0):
    """Inputs for [batch, seq] ids after a random past."""
    random, result = np.random.RandomState(past), {}
    for value in session.get_inputs():
        if value.name == "input_ids":
            array = ids
        elif value.name == "attention_mask":
            array = np.ones((len(ids), past + ids.shape[1]))
        elif value.name == "position_ids":
            array = np.tile(past + np.arange(ids.shape[1]), (len(ids), 1))
        else:
            array = random.standard_normal((len(ids), value.shape[1], past, value.shape[3]))
        result[value.name] = array.astype(types[value.type])
    return result


def logits(ids):
    return session.run(["logits"], feeds(np.array([ids], np.int64)))[0][0].astype(np.float64)


def command(*words):
    result = subprocess.run([model, *map(str, words)], capture_output=True, text=True)
    assert result.returncode == 0, result
    return result.stdout


vocabulary = logits([1]).shape[-1]
random = np.random.RandomState(7)

prompt = random.randint(0, vocabulary, 5).tolist()
expected = list(prompt)
while len(expected) < 45:
    expected.append(int(logits(expected)[-1].argmax()))
words = ["generate", "--ids", "-p", " ".join(map(str, prompt)), "-n", "40"]
got = [list(map(int, command(*words, "--threads", n).split())) for n in (1, 2)]
assert got[0] == expected[5:], (got[0], expected[5:])
assert got[0] == got[1]
for seed in 0, 1:
    sampled = [command(*words, "--temp", "0.8", "--top-k", "20", "--top-p", "0.9", "--seed", seed,
                       "--threads", n) for n in (1, 2)]
    assert sampled[0] == sampled[1]

ids = random.randint(0, vocabulary, 200).astype(np.int64)
np.save(folder / "ids.npy", ids)
losses = []
for begin in range(0, len(ids), 64):
    window = ids[begin:begin + 64]
    values = logits(window)[:-1]
    values -= values.max(axis=1, keepdims=True)
    picked = values[np.arange(len(window) - 1), window[1:]]
    losses += list(np.log(np.exp(values).sum(axis=1)) - picked)
got = json.loads(command("eval", "--data", folder / "ids.npy", "--seq", 64, "--json"))
assert got["tokens"] == len(losses), got
assert abs(got["nll"] - np.mean(losses)) < 1e-5 * np.mean(losses), (got, np.mean(losses))

past = 3 if any("past" in value.name for value in session.get_inputs()) else 0
inputs = feeds(random.randint(0, vocabulary, (2, 6)).astype(np.int64), past)
words = []
for name, array in inputs.items():
    np.save(folder / f"in_{name}.npy", array)
    words += ["--input", f"{name}={folder}/in_{name}.npy"]
command("run", *words, "--output-dir", folder / "out")
for value, reference in zip(session.get_outputs(), session.run(None, inputs)):
    array = np.load(folder / "out" / f"{value.name}.npy")
    assert array.dtype == reference.dtype and array.shape == reference.shape, value.name
    worst = np.abs(array.astype(np.float64) - reference).max()
    assert worst <= 1e-4 * np.abs(reference).max(), (value.name, worst)
print("ONNX Runtime agrees")
