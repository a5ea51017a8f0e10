"""Steps with a teacher on a simulated GPU: cuda_teacher.py FOLDER SUPPORT DRIVER.

Its weights are copied from its file, where they lie at any byte. Losses and gradient
norms are those of the CPU; the file must be there, be the one that the model was
compiled with, and have room on the GPU.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np

folder, support, driver = map(pathlib.Path, sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)
model, teacher = folder / "m.onnx", folder / "teacher.onnx"
# Sums are in other orders on the two targets; steps drift apart.
near = 1e-5


def machineOf(name, **facts):
    """A folder for LD_LIBRARY_PATH."""
    machine = folder / f"{name}.machine"
    machine.mkdir(exist_ok=True)
    library = machine / "libcuda.so.1"
    if not library.exists():
        library.symlink_to(driver / library.name)
    (machine / "megabytes").unlink(missing_ok=True)
    for fact, value in facts.items():
        (machine / fact).write_text(value)
    return machine


def build(name, *flags):
    common = ["qopt", model, "-q", "--max-seq", "64", f"--teacher={teacher}", "--kl-weight=2", "--ce-weight=0.5", *flags]
    for target in ("cpu", "cuda"):
        subprocess.run([*common, f"--target={target}", "-o", folder / f"{name}.{target}"], check=True)
    subprocess.run([*common, "--target=cuda", "--stop-after=generate", "-o", machineOf(name) / "program.mlir"],
                   check=True)


def train(name, target, *flags, **facts):
    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)
    environment = dict(os.environ, LD_LIBRARY_PATH=str(machineOf(name, **facts)))
    done = subprocess.run([folder / f"{name}.{target}", "train", "--data", folder / "text.npy", "--seq", "11", "--batch",
                           "2", "--steps", "3", "--lr", "1e-2", "--log", log, *flags],
                          capture_output=True, text=True, env=environment)
    return done, [(line["loss"], line["grad_norm"])
                  for line in map(json.loads, log.read_text().splitlines() if log.exists() else [])]


def compare(title, name, *flags):
    (done, got), (_, wanted) = train(name, "cuda", *flags), train(name, "cpu", *flags)
    if done.returncode or len(wanted) != 3:
        sys.exit(f"{title}: {done.stderr}")
    apart = np.abs(np.array(got) / np.array(wanted) - 1).max()
    if not apart <= near:
        sys.exit(f"{title}: expects {wanted}, got {got}")
    print(f"{title}: {apart:.1e} from the CPU's", flush=True)


def refused(**facts):
    done, losses = train("full", "cuda", **facts)
    if done.returncode != 1 or losses:
        sys.exit(f"expects a run to be refused, got {done.returncode}, {losses} and {done.stderr}")
    return next(line for line in done.stderr.splitlines() if line.startswith("error: ")).replace(f"{folder}/", "")


np.save(folder / "text.npy", (np.arange(200) * 7 % 29).astype(np.int64))
subprocess.run([sys.executable, support / "tiny_llama.py", model, "--past"], check=True)
# Of another size than the student.
subprocess.run([sys.executable, support / "tiny_llama.py", teacher, "--seed", "3", "--hidden", "24", "--inner", "40"],
               check=True)
build("full", "--train")
compare("full", "full")
compare("full, in two parts", "full", "--accumulate", "2")
build("lora", "--train=lora", "--weights=i4", "--lora-init=svd")
compare("lora, 4 bits", "lora")
data = teacher.read_bytes()
teacher.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
print(refused(), flush=True)
teacher.unlink()
print(refused(), flush=True)
teacher.write_bytes(data)
print("small memory:", refused(megabytes="4"))
