"""Training steps compiled for CUDA, simulated, against PyTorch's losses.

cuda_simulated_train.py FOLDER MODEL STEPS: the first STEPS steps of AdamW on
stories260K (MODEL), batches and settings of train_compiled.py. Losses and
gradient norms agree to 1e-4 with the goldens in Inputs.
"""

import pathlib
import subprocess
import sys

import numpy as np

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402

bound = 1e-4
folder, model, steps = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
program, variables = folder / "cuda.mlir", folder / "cuda.variables.bin"
subprocess.run(["qopt", model, "-q", "--train", "--optim=adamw", "--target=cuda", "--stop-after=generate",
                "-o", program], check=True)
golden = np.load(here / "Inputs/train-stories.npz")
for step, (ids, targets) in enumerate(zip(*case.batches(case.stories))):
    if step == steps:
        break
    inputs = {"input_ids": ids.astype(np.int64), "targets": targets.astype(np.int64),
              "weight": np.float32(1 / (targets >= 0).sum()), "step": np.int64(step + 1)}
    inputs |= {name: np.float32(case.run[name]) for name in ("clip", "lr", "beta1", "beta2", "eps", "weight_decay")}
    command = ["qopt-interpret", "--simt", program, "--entry", "train_step", "--variables", variables,
               "--output-dir", folder / "out"]
    for name, value in inputs.items():
        np.save(folder / f"{name}.npy", value)
        command += ["--input", f"{name}={folder / name}.npy"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"step {step + 1}:\n{done.stderr}")
    variables = folder / "out/variables.bin"
    for name in ("loss", "grad_norm"):
        got, want = float(np.load(folder / f"out/{name}.npy")), golden[f"adamw:{name}"][step]
        error = abs(got - want) / abs(want)
        print(f"step {step + 1}: {name} {got:.6f}, relative error {error:.1e}")
        if not error <= bound:
            sys.exit(f"expects {want} within {bound}")
    print(done.stdout.strip())
