"""2 bits with low-rank branches on a GPU: `cuda_lora.py MODEL TOKENIZER TEXT FOLDER DRIVER`.

The recipe w2a16-lora of stories260K, generated and trained for CUDA and run on the
simulated driver: nll and the losses of three steps are those of the CPU's binary.
"""
import json
import os
import pathlib
import subprocess
import sys

model, tokenizer = sys.argv[1:3]
text, folder, driver = map(pathlib.Path, sys.argv[3:6])
data = folder / "data.txt"
data.write_text(text.read_text()[:2000])
recipe = ["--recipe=w2a16-lora", "--lora-rank=8", "--calib", text, "--calib-samples", 8, "--calib-seq", 64]
bound = 1e-5  # sums in another order, through 5 layers


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:200]}: exit code {done.returncode}\n{done.stderr[-1000:]}")
    return done.stdout


def compiled(name, target, *flags):
    """The binary, and the environment that it runs in."""
    command = ["qopt", model, "--tokenizer", tokenizer, *recipe, *flags, f"--target={target}", "-q"]
    command += ["--cuda-arch=sm_90a"] if target == "cuda" else []
    binary, environment = folder / f"{name}.{target}", dict(os.environ)
    run(*command, "-o", binary)
    if target == "cuda":
        machine = folder / f"{name}.machine"
        machine.mkdir()
        (machine / "libcuda.so.1").symlink_to(driver / "libcuda.so.1")
        run(*command, "--stop-after=generate", "-o", machine / "program.mlir")
        environment["LD_LIBRARY_PATH"] = str(machine)
    return binary, environment


def nll(target):
    binary, environment = compiled("deployed", target)
    return [json.loads(run(binary, "eval", "--data", data, "--seq", 32, "--json", env=environment))["nll"]]


def losses(target):
    binary, environment = compiled("trained", target, "--train=lora")
    log = folder / f"{target}.jsonl"
    run(binary, "train", "--data", data, "--seq", 32, "--batch", 2, "--steps", 3, "--lr", "1e-3", "--log", log,
        env=environment)
    return [json.loads(line)["loss"] for line in log.read_text().splitlines()]


for what, measure in (("nll", nll), ("losses of 3 steps", losses)):
    here, there = measure("cpu"), measure("cuda")
    error = max(abs(a - b) / abs(a) for a, b in zip(here, there, strict=True))
    print(f"{what}: {' '.join(f'{x:.6f}' for x in there)}, {error:.1e} from the CPU's", flush=True)
    if not error <= bound:
        sys.exit(f"{what}: expects {here} within {bound}, got {there}")
