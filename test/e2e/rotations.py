"""Folds gains and rotates a model every way there is: it computes the same.

    rotations.py MODEL_FOLDER FOLDER

Program before and after in the interpreter: 1e-12 where all is f64, and 1e-5 as
it is, unless the model is f16.
"""
import os
import re
import subprocess
import sys

source, folder = sys.argv[1:]
name = os.path.basename(source)
before, after = os.path.join(folder, name + ".mlir"), os.path.join(folder, name + ".rotated.mlir")
subprocess.run(["qopt", os.path.join(source, "model.onnx"), "-q", "--stop-after=raise", "-o", before], check=True)
passes = ["qopt-untie", "qopt-fold-norm-scales", "qopt-rotate-residual{required=true}",
          "qopt-rotate-values{required=true}", "qopt-rotate-keys{required=true}", "qopt-rotate-heads",
          "qopt-rotate-down{required=true}", "cse"]
subprocess.run(["qopt-opt", before, f"--pass-pipeline=builtin.module({','.join(passes)})", "-o", after], check=True)

with open(after) as file:
    text = file.read()
gains = re.findall(r"nn\.rms_norm %\S+, ", text)
if gains:
    sys.exit(f"{name}: {len(gains)} norms have a gain")
# q, k, heads and down of each layer, and the past there and back; all else is weights.
online = re.findall(r"lowbit\.hadamard .*tensor<\?", text)
layers = text.count("nn.attention ")
if not 3 * layers <= len(online) <= 8 * layers:
    sys.exit(f"{name}: {len(online)} online rotations in {layers} layers")

errors = []
for flags in (["--f64", "--tolerance=1e-12"], ["--tolerance=1e-5"]):
    if "--f64" not in flags and "xf16>" in text:
        continue
    out = subprocess.run(["qopt-interpret", before, f"--compare={after}"] + flags, check=True,
                         capture_output=True, text=True).stdout
    errors.append(max(float(e) for e in re.findall(r"relative error (\S+)", out)))
print(f"{name}: {layers} layers rotated, errors {' '.join(f'{e:.1e}' for e in errors)}")
