"""Every float Llama export: are all layers recognised, and are the numbers right?

`exports.py FOLDER` takes each model of FOLDER that is of the family and holds
no quantized weights. After raise, its meta.json tells how many layers of each
kind there must be; its stored cases tell what the compiled code must give.
"""

import collections
import json
import os
import re
import subprocess
import sys

FAMILY = re.compile(r"(llama|stories260K|babyllama|qwen2)_")
# A branch per call is another thing, integers in 4 bits are tested elsewhere.
OTHERS = re.compile(r"merged|int4|nbits")
KINDS = ["rms_norm", "linear", "rope", "attention", "swiglu"]
# What these layers were made of, and must be gone.
PRIMITIVES = ["matmul", "softmax", "sigmoid", "silu", "pow", "neg"]


def expected(config):
    layers = config["num_hidden_layers"]
    return {"rms_norm": 2 * layers + 1, "linear": 7 * layers + 1,
            "rope": 2 * layers, "attention": layers, "swiglu": layers}


def found(text):
    """How often each op occurs; a fused linear counts as its splits."""
    counts = collections.Counter()
    for line in text.splitlines():
        op = re.search(r"= nn\.(\w+)", line)
        if not op:
            continue
        splits = re.search(r"splits \[([\d, ]+)\]", line)
        counts[op[1]] += len(splits[1].split(",")) if splits else 1
        if op[1] == "attention" and (" mask %" in line or " causal" not in line):
            counts["general masks"] += 1
    return counts


def check(folder):
    model = os.path.join(folder, "model.onnx")
    run = subprocess.run(["qopt", "-q", model, "--stop-after=raise", "--elide-weights",
                          "-o", "-"], capture_output=True, text=True)
    if run.returncode:
        return run.stderr
    with open(os.path.join(folder, "meta.json")) as file:
        meta = json.load(file)
    want, got = expected(meta["config"]), found(run.stdout)
    for kind in PRIMITIVES + ["general masks"]:
        want[kind] = 0
    wrong = [f"{got[kind]} {kind}, expects {count}"
             for kind, count in want.items() if got[kind] != count]
    if wrong:
        return "after raise: " + "; ".join(wrong)
    bound = "1e-2" if "f16" in os.path.basename(folder) else "1e-4"
    run = subprocess.run(
        ["qopt", "-q", folder, "--compare=" + os.path.join(folder, "cases"),
         "--tolerance", bound, "--emit=obj", "-o", sys.argv[2]],
        capture_output=True, text=True)
    return run.stderr if run.returncode else None


def main():
    root = sys.argv[1]
    names = sorted(name for name in os.listdir(root)
                   if FAMILY.match(name) and not OTHERS.search(name))
    wrong = {name: why for name in names if (why := check(os.path.join(root, name)))}
    for name, why in wrong.items():
        print(f"{name}: {why}")
    print(f"{len(names) - len(wrong)} of {len(names)} exports are recognised and agree")
    return bool(wrong) or not names


if __name__ == "__main__":
    sys.exit(main())
