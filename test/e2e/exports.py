"""Compiles a model once and runs all of its stored cases with the executable.

    exports.py MODEL_FOLDER FOLDER

Bounds are relative to the range of an output: 1e-4, in f16 1e-2. Rows that the
attention mask hides see no key: what they hold depends on how the exporter
wrote the mask, and they are left out.
"""
import glob
import json
import os
import subprocess
import sys

import numpy as np

source, folder = sys.argv[1:]
with open(os.path.join(source, "meta.json")) as file:
    meta = json.load(file)
model = os.path.join(folder, os.path.basename(source))
subprocess.run(["qopt", source, "-q", "-o", model], check=True)


def plain(name):
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)


def emitted(name):
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


info = json.loads(subprocess.run([model, "info", "--json"], check=True,
                                 stdout=subprocess.PIPE).stdout)
entry = next(e for e in info["entries"] if e["name"] == "run")
worst = 0.0
cases = sorted(glob.glob(os.path.join(source, "cases", "*")))
for case in cases:
    command, inputs = [model, "run", "--output-dir", os.path.join(folder, "out")], {}
    for value in entry["inputs"]:
        path = os.path.join(case, f"in_{plain(value['name'])}.npy")
        inputs[value["name"]] = np.load(path)
        command += ["--input", f"{value['name']}={path}"]
    subprocess.run(command, check=True)
    for value in entry["outputs"]:
        want = np.load(os.path.join(case, f"out_{plain(value['name'])}.npy"))
        got = np.load(os.path.join(folder, "out", emitted(value["name"]) + ".npy"))
        name = f"case {os.path.basename(case)}, {value['name']}"
        if want.shape != got.shape or want.dtype != got.dtype:
            sys.exit(f"{name}: expected {want.dtype}{want.shape}, got {got.dtype}{got.shape}")
        bound = 1e-2 if want.dtype == np.float16 else 1e-4
        want, got = want.astype(np.float64), got.astype(np.float64)
        mask = inputs.get("attention_mask")
        if value["name"] == "logits" and mask is not None:
            seen = mask[:, -want.shape[1]:] != 0
            want, got = want[seen], got[seen]
        error = np.abs(want - got).max(initial=0) / max(np.ptp(want), 1e-30) if want.size else 0
        worst = max(worst, error)
        if not error <= bound:
            sys.exit(f"{name}: error {error:.3g} of the range, bound {bound}")
print(f"{os.path.basename(source)}: {len(cases)} cases, worst error {worst:.2g}")
if not cases:
    sys.exit("no cases")
