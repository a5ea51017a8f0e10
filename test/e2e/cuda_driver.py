"""Executables for GPUs, with their own runtime, on a driver that simulates one.

cuda_driver.py FOLDER SUPPORT DRIVER: a tiny Llama, compiled for both targets, writes
the same tokens and has the same loss; steps of training give the losses of the CPU,
and a run that was cut in two the bits of one that was not. Machines that cannot run
it are refused in one sentence.
"""

import ctypes
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

folder, support, driver = map(pathlib.Path, sys.argv[1:4])
folder.mkdir(parents=True, exist_ok=True)
# Of losses and gradient norms, relative: sums are in other orders on the two targets.
near = 1e-5
model = folder / "m.onnx"
subprocess.run([sys.executable, support / "tiny_llama.py", model, "--past"], check=True)
np.save(folder / "text.npy", (np.arange(400) * 7 % 29).astype(np.int64))


def build(name, *flags):
    """The executables for the CPU and for GPUs, and a folder with the driver that has its program."""
    common = ["qopt", model, "-q", "--max-seq", "128", *flags]
    for target in ("cpu", "cuda"):
        subprocess.run([*common, f"--target={target}", "-o", folder / f"{name}.{target}"], check=True)
    machine = machineOf(name)
    subprocess.run([*common, "--target=cuda", "--stop-after=generate", "-o", machine / "program.mlir"], check=True)


def machineOf(name, **facts):
    """A folder for LD_LIBRARY_PATH."""
    machine = folder / f"{name}.machine"
    machine.mkdir(exist_ok=True)
    library = machine / "libcuda.so.1"
    if not library.exists():
        library.symlink_to(driver / library.name)
    for fact in ("chip", "megabytes"):
        (machine / fact).unlink(missing_ok=True)
    for fact, value in facts.items():
        (machine / fact).write_text(value)
    return machine


def run(name, *arguments, target="cuda", machine=None):
    environment = dict(os.environ)
    if target == "cuda":
        environment["LD_LIBRARY_PATH"] = str(machineOf(name) if machine is None else machine)
    return subprocess.run([folder / f"{name}.{target}", *arguments], capture_output=True, text=True, env=environment)


def output(name, *arguments, target="cuda"):
    done = run(name, *arguments, target=target)
    if done.returncode:
        sys.exit(f"{name}.{target} {arguments}: {done.stderr}")
    return done.stdout


def refused(what, sentence, machine):
    done = run("f32", "generate", "--ids", "-p", "1", "-n", "1", machine=machine)
    if done.returncode != 1 or sentence not in done.stderr or done.stderr.count("\n") != 1:
        sys.exit(f"{what}: expects exit code 1 and '{sentence}', got {done.returncode} and {done.stderr}")
    print(f"{what}: refused")


build("f32")
try:
    ctypes.CDLL("libcuda.so.1")
    print("no driver: refused, surely, but this machine has one")
except OSError:
    refused("no driver", "has no driver for them", folder)
refused("old chip", "is sm_75, and the model was compiled for sm_90a, sm_80", machineOf("f32", chip="75"))
refused("small memory", "no memory for", machineOf("f32", megabytes="4"))

build("w4a8", "--recipe=w4a8", "--group=16")
# Caches begin with room for 64 positions: those of f32 grow on the way.
for name, count in (("f32", 66), ("w4a8", 8)):
    command = ["generate", "--ids", "-p", "3 5 7", "-n", str(count), "--temp", "0"]
    got, wanted = output(name, *command), output(name, *command, target="cpu")
    if got != wanted:
        sys.exit(f"{name}: expects {wanted}, got {got}")
    command = ["eval", "--data", folder / "text.npy", "--seq", "16", "--json"]
    got, wanted = (json.loads(output(name, *command, target=target))["nll"] for target in ("cuda", "cpu"))
    if not abs(got - wanted) <= near * wanted * (100 if name == "w4a8" else 1):  # a code may be its neighbour
        sys.exit(f"{name}: expects a loss of {wanted}, got {got}")
    print(f"{count} tokens, {name}: the CPU's")


def train(state, steps, *flags, target="cuda"):
    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)
    output("train", "train", "--data", folder / "text.npy", "--seq", "12", "--batch", "2", "--steps", str(steps),
           "--lr", "1e-2", "--state", state, "--log", log, *flags, target=target)
    return [(line["loss"], line["grad_norm"]) for line in map(json.loads, log.read_text().splitlines())]


def fresh(name):
    path = folder / name
    path.unlink(missing_ok=True)
    return path


build("train", "--train")
for title, flags in (("3 steps", []), ("3 steps in two parts", ["--accumulate", "2"])):
    got = np.array(train(fresh("gpu.safetensors"), 3, *flags))
    wanted = np.array(train(fresh("cpu.safetensors"), 3, *flags, target="cpu"))
    apart = np.abs(got / wanted - 1).max()
    if not apart <= near:
        sys.exit(f"{title}: expects {wanted}, got {got}")
    print(f"{title}, adamw: {apart:.1e} from the CPU's")
whole = fresh("whole.safetensors")
train(whole, 3)
parts = fresh("parts.safetensors")
train(parts, 2)
train(parts, 3)
if whole.read_bytes() != parts.read_bytes():
    sys.exit("a run that was cut in two: expects the state of one that was not")
print("3 steps, resumed: the same bits")
