"""Greedy tokens of a model compiled for CUDA, simulated, against the CPU's.

cuda_simulated.py FOLDER MODEL TOKENS FLAGS...: compiles MODEL with the flags for
both targets, lets the CPU write TOKENS tokens, and runs the same steps lane by
lane: the prompt by `prefill`, then token after token by `decode`, with the
caches of the step before. At each step the token that the CPU chose must be the
simulator's, too, or as likely but for rounding.
"""

import pathlib
import subprocess
import sys

import numpy as np

folder, model, count, flags = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
folder.mkdir(parents=True, exist_ok=True)
prompt = [1, 403, 407]
# Of logits, relative to the largest: sums are in other orders on the two targets.
near = 1e-4


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def simulate(entry, ids, past):
    """Logits after the tokens; the caches are those of the step before."""
    np.save(folder / "ids.npy", np.array([ids], np.int64))
    caches = [part for file in sorted(folder.glob("state/*.npy")) if past
              for part in ("--input", f"{file.stem}={file}")]
    out = folder / "out"
    log = run("qopt-interpret", "--simt", program, "--entry", entry, "--input", f"input_ids={folder / 'ids.npy'}",
              "--size", f"past={past}", "--size", "capacity=64", *caches, "--output-dir", out)
    (folder / "state").mkdir(exist_ok=True)
    logits = None
    for file in out.glob("*.npy"):
        if np.load(file, mmap_mode="r").ndim == 4:
            file.replace(folder / "state" / file.name)
        else:
            logits = np.load(file).reshape(-1, np.load(file).shape[-1])[-1]
    return logits, int(log.split("blocks, ")[1].split()[0])


program = folder / "cuda.mlir"
run("qopt", model, "-q", *flags, "-o", folder / "cpu")
run("qopt", model, "-q", *flags, "--target=cuda", "--stop-after=generate", "-o", program)
wanted = [int(word) for word in run(folder / "cpu", "generate", "--ids", "-p", " ".join(map(str, prompt)),
                                    "-n", count, "--temp", "0").split()]
assert len(wanted) == count, f"expects {count} tokens of the CPU, got {wanted}"

ties = steps = 0
logits, used = simulate("prefill", prompt, 0)
for i, token in enumerate(wanted):
    steps += used
    best = int(np.argmax(logits))
    if best != token:
        apart = (logits[best] - logits[token]) / np.abs(logits).max()
        assert apart <= near, f"token {i}: the CPU chose {token}, simulated {best}, {apart:.1e} better"
        ties += 1
    if i + 1 < count:
        logits, used = simulate("decode", [token], len(prompt) + i)
print(f"{count} tokens, {ties} near ties, {steps} instructions of lanes")
