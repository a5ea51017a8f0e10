"""Compiles a model whose weights are stored in few bits, and runs its cases.

    low_bits.py MODEL_FOLDER FOLDER BOUND [FLAG...]

Errors are relative to the range of an output. Its weights must be the stored
ones: 1e-4 from ONNX Runtime without int8 activations, which accuracy_level 4 lets
it use; and BOUND from the stored outputs, for which it did.
"""
import glob
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

source, folder, bound = sys.argv[1], sys.argv[2], float(sys.argv[3])
program = os.path.join(folder, os.path.basename(source))
subprocess.run(["qopt", source, "-q", "-o", program, *sys.argv[4:]], check=True)

model = onnx.load(os.path.join(source, "model.onnx"))
for node in model.graph.node:
    for attribute in node.attribute:
        if attribute.name == "accuracy_level":
            attribute.i = 0
options = onnxruntime.SessionOptions()  # its fusions bring int8 activations of their own
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
exact = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                     providers=["CPUExecutionProvider"])


def plain(name):
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)


def emitted(name):
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


worst, drift = 0.0, 0.0
cases = sorted(glob.glob(os.path.join(source, "cases", "*")))
for case in cases:
    paths = {i.name: os.path.join(case, f"in_{plain(i.name)}.npy") for i in exact.get_inputs()}
    inputs = {name: np.load(path) for name, path in paths.items()}
    command = [program, "run", "--output-dir", os.path.join(folder, "out")]
    subprocess.run(command + [f"--input={n}={p}" for n, p in paths.items()], check=True)
    for value, want in zip(exact.get_outputs(), exact.run(None, inputs)):
        got = np.load(os.path.join(folder, "out", emitted(value.name) + ".npy"))
        stored = np.load(os.path.join(case, f"out_{plain(value.name)}.npy"))
        if want.shape != got.shape or want.dtype != got.dtype:
            sys.exit(f"{value.name}: expected {want.dtype}{want.shape}, got {got.dtype}{got.shape}")
        if not want.size:
            continue
        if value.name == "logits":  # rows that the mask hides see no key
            seen = inputs["attention_mask"][:, -want.shape[1]:] != 0
            want, got, stored = want[seen], got[seen], stored[seen]
        scale = np.ptp(stored)
        worst = max(worst, np.abs(got - want).max() / scale)
        drift = max(drift, np.abs(got - stored).max() / scale)
info = json.loads(subprocess.run([program, "info", "--json"], check=True, stdout=subprocess.PIPE).stdout)
print(f"{os.path.basename(source)}: {len(cases)} cases, error {worst:.1e}, from the stored outputs "
      f"{drift:.1e}, {info['weight_bytes']} bytes")
sys.exit(not (cases and worst <= 1e-4 and drift <= bound))
