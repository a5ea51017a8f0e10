"""Executables for GPUs, with their own runtime, on a driver that simulates one, or on a GPU.

cuda_driver.py FOLDER SUPPORT DRIVER [MODEL [build | built]]: DRIVER is the folder of the
simulated driver, or `device`: the GPU of this machine; `build` only compiles, `built`
runs what that has compiled. MODEL, or a tiny Llama, compiled for both
targets, has the same logits and loss and writes the same tokens, up to near ties;
steps of training give the losses of the CPU. The tiny one has the logits of the
interpreter, too, and is measured; a run that was cut in two has the bits of one that
was not. Simulated machines that cannot run it refuse it in one sentence.
"""

import ctypes
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

sys.path.insert(0, sys.argv[2])
import gpu  # noqa: E402

folder, support, driver = map(pathlib.Path, sys.argv[1:4])
onDevice, own = str(driver) == "device", len(sys.argv) < 5
stage = sys.argv[5] if len(sys.argv) > 5 else ""
folder.mkdir(parents=True, exist_ok=True)
# The code that others get is tested beside this: a newer chip than sm_90 takes its PTX.
chip = ["--cuda-arch=native"] if onDevice and not stage and int(gpu.find()[0]["chip"][3:]) <= 90 else []
model = folder / "m.onnx" if own else pathlib.Path(sys.argv[4])
# Of losses and logits, relative to the largest: sums are in other orders on the two
# targets, and a GPU may round a product and a sum once.
near = 3e-5 if onDevice else 1e-5
# In a low-bit model a code may be its neighbour, which few tokens see: of the loss, and
# of the logits of a token in so many.
nearCodes = 1e-2 if onDevice else 1e-3
nearCodesOfToken, tokensWithout = 1e-2, 8
# Of losses and gradient norms, relative, after steps of training, which drift apart.
nearTrained = 1e-3 if onDevice else 1e-5
text, seq, batch = (np.arange(400) * 7 % 29).astype(np.int64), 16, 2
np.save(folder / "text.npy", text)


def build(name, *flags):
    """The executables for the CPU and for GPUs, and a folder with the driver that has its program."""
    if stage == "built":
        return
    common = ["qopt", model, "-q", "--max-seq", "128", *flags]
    for target in ("cpu", "cuda"):
        native = chip if target == "cuda" else []
        subprocess.run([*common, f"--target={target}", *native, "-o", folder / f"{name}.{target}"], check=True)
    if own:
        subprocess.run([*common, "--stop-after=adapt", "-o", folder / f"{name}.mlir"], check=True)
    if not onDevice:
        subprocess.run([*common, "--target=cuda", "--stop-after=generate", "-o", machineOf(name) / "program.mlir"],
                       check=True)


def machineOf(name, **facts):
    """A folder for LD_LIBRARY_PATH."""
    machine = folder / f"{name}.machine"
    machine.mkdir(exist_ok=True)
    library = machine / "libcuda.so.1"
    if not library.exists():
        library.symlink_to(driver / library.name)
    for fact in ("chip", "megabytes", "cuda", "devices", "calls"):
        (machine / fact).unlink(missing_ok=True)
    for fact, value in facts.items():
        (machine / fact).write_text(value)
    return machine


def run(name, *arguments, target="cuda", machine=None):
    environment = dict(os.environ)
    if target == "cuda" and not onDevice:
        environment["LD_LIBRARY_PATH"] = str(machineOf(name) if machine is None else machine)
    return subprocess.run([folder / f"{name}.{target}", *arguments], capture_output=True, text=True, env=environment)


def output(name, *arguments, target="cuda", machine=None):
    done = run(name, *arguments, target=target, machine=machine)
    if done.returncode:
        sys.exit(f"{name}.{target} {arguments}: {done.stderr}")
    return done.stdout


def refused(what, sentence, machine):
    done = run("f32", "generate", "--ids", "-p", "1", "-n", "1", machine=machine)
    if done.returncode != 1 or sentence not in done.stderr or done.stderr.count("\n") != 1:
        sys.exit(f"{what}: expects exit code 1 and '{sentence}', got {done.returncode} and {done.stderr}")
    print(f"{what}: refused")


def lossOf(name, ids, target):
    """Of each token but the first, the mean."""
    np.save(folder / "ids.npy", np.array(ids, np.int64))
    found = output(name, "eval", "--data", folder / "ids.npy", "--seq", "128", "--json", target=target)
    return json.loads(found)["nll"]


def compareTokens(name, count, bound):
    """Where a token is another, the CPU's must be as likely but for rounding, and both go on from it."""
    prompt, ties = [3, 5, 7], 0

    def write(begin, count, target):
        command = ["generate", "--ids", "-p", " ".join(map(str, begin)), "-n", str(count), "--temp", "0"]
        return [int(word) for word in output(name, *command, target=target).split()]

    wanted = write(prompt, count, "cpu")
    known = 0
    while known < len(wanted):
        got = write(prompt + wanted[:known], count - known, "cuda")
        same = next((i for i, pair in enumerate(zip(got, wanted[known:])) if pair[0] != pair[1]), None)
        if same is None:
            if len(got) != len(wanted) - known:
                sys.exit(f"{name}: expects {wanted[known:]}, got {got}")
            break
        begin = prompt + wanted[:known + same]
        # All other predictions of the two texts are the same.
        apart = len(begin) * (lossOf(name, [*begin, got[same]], "cpu") -
                              lossOf(name, [*begin, wanted[known + same]], "cpu"))
        if not abs(apart) <= bound:
            sys.exit(f"{name}: expects {wanted}, got {got[same]} behind {begin}, {apart:.1e} less likely (log)")
        ties += 1
        known += same + 1
    print(f"{len(wanted)} tokens, {name}: the CPU's" + (f", {ties} near ties" if ties else ""))


def compareLoss(name, bound):
    command = ["eval", "--data", folder / "text.npy", "--seq", str(seq), "--json"]
    got, wanted = (json.loads(output(name, *command, target=target))["nll"] for target in ("cuda", "cpu"))
    if not abs(got - wanted) <= bound * wanted:
        sys.exit(f"{name}: expects a loss of {wanted}, got {got}")


def inputsOf(name):
    """A prompt of two sequences, without a past, as the ONNX model takes it."""
    entries = json.loads(output(name, "info", "--json", target="cpu"))["entries"]
    values = {}
    for value in next(entry for entry in entries if entry["name"] == "run")["inputs"]:
        if value["name"] == "input_ids":
            values[value["name"]] = text[:batch * seq].reshape(batch, seq)
        elif value["name"] == "attention_mask":
            values[value["name"]] = np.ones((batch, seq), np.int64)
        elif value["name"] == "position_ids":
            values[value["name"]] = np.tile(np.arange(seq), (batch, 1))
        else:
            _, heads, _, size = value["dims"]
            kind = np.float16 if value["type"] == "f16" else np.float32
            values[value["name"]] = np.zeros((batch, heads, 0, size), kind)
    paths = {key: folder / f"{key}.in.npy" for key in values}
    for key, path in paths.items():
        np.save(path, values[key])
    return [part for key, path in paths.items() for part in ("--input", f"{key}={path}")]


def compareLogits(name, bound):
    """With those of the CPU; those of the tiny model with the interpreter's, in double precision, too."""
    flags = inputsOf(name)
    for target in ("cpu", "cuda"):
        output(name, "run", *flags, "--output-dir", folder / target, target=target)
    if own:
        subprocess.run(["qopt-interpret", folder / f"{name}.mlir", *flags, "--output-dir", folder / "interpreter"],
                       check=True)
    for other in ("cpu", "interpreter") if own else ("cpu",):
        got, wanted = (np.load(folder / source / "logits.npy") for source in ("cuda", other))
        if got.shape != wanted.shape:
            sys.exit(f"{name}: expects logits of shape {wanted.shape}, got {got.shape}")
        most = np.abs(got - wanted).max()
        tokens = np.abs(got - wanted).max(-1) / np.abs(wanted).max()
        apart, others = tokens.max(), np.count_nonzero(~(tokens <= near))
        mayDiffer = tokens.size // tokensWithout if bound == nearCodes else 0
        if others > mayDiffer or not apart <= (nearCodesOfToken if mayDiffer else bound):
            sys.exit(f"{name}: logits of {others} of {tokens.size} tokens are up to {apart:.1e} of the largest from "
                     f"those of {other}, expects {bound:.1e}")
        print(f"logits, {name}: {apart:.1e} ({most:.1e}) from those of {other}")


def train(state, steps, *flags, target="cuda"):
    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)
    output("train", "train", "--data", folder / "text.npy", "--seq", "12", "--batch", "2", "--steps", str(steps),
           "--lr", "1e-2" if own else "1e-4", "--state", state, "--log", log, *flags, target=target)
    return [(line["loss"], line["grad_norm"]) for line in map(json.loads, log.read_text().splitlines())]


def fresh(name):
    path = folder / name
    path.unlink(missing_ok=True)
    return path


def compareTraining(title, steps, *flags):
    got = np.array(train(fresh("gpu.safetensors"), steps, *flags))
    wanted = np.array(train(fresh("cpu.safetensors"), steps, *flags, target="cpu"))
    apart = np.abs(got / wanted - 1).max()
    if not apart <= nearTrained:
        sys.exit(f"{title}: expects {wanted}, got {got}")
    print(f"{title}, adamw: {apart:.1e} from the CPU's")


def compareResumed():
    whole, parts = fresh("whole.safetensors"), fresh("parts.safetensors")
    train(whole, 3)
    train(parts, 2)
    train(parts, 3)
    if whole.read_bytes() != parts.read_bytes():
        sys.exit("a run that was cut in two: expects the state of one that was not")
    print("3 steps, resumed: the same bits")


def callsOf(name, *arguments):
    """What the driver was asked, a list for each launch of a graph, which ends it."""
    machine = machineOf(name, calls="")
    output(name, *arguments, machine=machine)
    steps = [[]]
    for call in (machine / "calls").read_text().split():
        steps[-1].append(call)
        if call == "cuGraphLaunch":
            steps.append([])
    return steps[:-1]


def compareCalls():
    """A prompt is recorded once, tokens are in two graphs: while one runs, the positions of the other are changed."""
    steps = callsOf("f32", "generate", "--ids", "-p", "3 5 7", "-n", "12", "--temp", "0")
    recorded = [i for i, step in enumerate(steps) if "cuGraphInstantiateWithFlags" in step]
    if len(steps) != 12 or recorded != [0, 1, 2]:
        sys.exit(f"decode: expects graphs for the prompt and for two tokens, got {steps}")
    nodes = steps[1].count("cuGraphAddKernelNode_v2")
    for step in steps[3:]:
        changed = step.count("cuGraphExecKernelNodeSetParams_v2")
        behind = step[changed:]
        # The logits of the last token, the new token, and the step itself.
        if not 0 < changed < nodes / 2 or len(behind) != 4 or behind[0] != "cuStreamSynchronize":
            sys.exit(f"decode: expects fewer than half of {nodes} nodes changed while the last token is computed, and "
                     f"then 4 calls, got {step}")
    print(f"decode: graphs of {nodes} that were recorded once, {changed} changed")


def compareTrainingCalls():
    state = fresh("calls.safetensors")
    steps = callsOf("train", "train", "--data", folder / "text.npy", "--seq", "12", "--batch", "2", "--steps", "5",
                    "--state", state)
    recorded = [i for i, step in enumerate(steps) if "cuGraphInstantiateWithFlags" in step]
    changed = [step.count("cuGraphExecKernelNodeSetParams_v2") for step in steps]
    if len(steps) != 5 or recorded != [0] or any(changed):
        sys.exit(f"training: expects one graph for 5 steps, and nothing to change in it, got {steps}")
    print("training: 5 launches of a graph that was recorded once")


def measure():
    """The numbers of `bench`; a simulated GPU has little memory to copy."""
    machine = None if onDevice else machineOf("f32", megabytes="12")
    command = ["bench", "--prompt", "4", "--gen", "2", "--rounds", "1"]
    found = json.loads(output("f32", *command, "--json", machine=machine))
    numbers = [found[key] for key in ("prefill_tokens_per_s", "decode_tokens_per_s", "bytes_per_token",
                                      "read_bandwidth_bytes_per_s", "decode_bandwidth_share")]
    if not all(number and number > 0 for number in numbers) or not found["device"]:
        sys.exit(f"bench: expects numbers and a device, got {found}")
    words = output("f32", *command, machine=machine)
    if "copy bandwidth" not in words or f", {found['device']}\n" not in words:
        sys.exit(f"bench: expects the bandwidth of a copy and the device, got {words}")
    print(f"bench: {'numbers' if onDevice else found['device']}")


def compareProfiles():
    """The same kernels move the same bytes on both targets; what is launched for them is each one's own."""
    tables = {}
    for target in ("cpu", "cuda"):
        machine = None if onDevice else machineOf("f32", megabytes="12")
        command = ["bench", "--prompt", "4", "--gen", "2", "--rounds", "1", "--profile", "--json"]
        found = json.loads(output("f32", *command, target=target, machine=machine))
        parts = {part["part"]: part for part in found["profile"]}
        if list(parts) != ["prefill", "decode"] or parts["decode"]["steps"] != 2:
            sys.exit(f"profile: expects a prefill and two steps of decoding, got {parts}")
        for name, part in parts.items():
            total = {key: sum(row[key] for row in part["kernels"]) for key in ("launches", "read_bytes", "seconds")}
            if any(abs(total[key] - part["sum"][key]) > 1e-9 * total[key] for key in total):
                sys.exit(f"profile: expects the sum of {part['kernels']}, got {part['sum']}")
            tables[target, name] = {row["kernel"]: (row["read_bytes"], row["written_bytes"]) for row in part["kernels"]}
    same = {name: [kernel for kernel, moved in tables["cpu", name].items() if tables["cuda", name].get(kernel) == moved]
            for name in ("prefill", "decode")}
    if any(2 * len(same[name]) < len(tables["cuda", name]) for name in same):
        sys.exit(f"profile: expects the bytes of the CPU for most kernels, got {tables}")
    print("profile: the bytes of the CPU's")


def profileTraining():
    """AdamW in f32 reads four numbers for each that is trained, and writes three."""
    machine = None if onDevice else machineOf("train", megabytes="12")
    for target in ("cpu", "cuda"):
        command = ["bench", "--prompt", "4", "--gen", "1", "--rounds", "1", "--profile", "--json"]
        found = json.loads(output("train", *command, target=target, machine=machine))["profile"]
        rows = [row for row in found[-1]["kernels"] if row["family"] == "optimizer"]
        read, written = (sum(row[key] for row in rows) for key in ("read_bytes", "written_bytes"))
        # Numbers of the model that are not trained are few, and so are those of the run.
        parameters = json.loads(output("train", "info", "--json", target="cpu"))["parameters"]
        trained = written // 12
        if [part["part"] for part in found] != ["prefill", "decode", "train_step"] or \
                not 0.999 * parameters <= trained <= parameters or not 0 <= read - 16 * trained < 100 * len(rows):
            sys.exit(f"profile: expects 16 bytes read and 12 written for each of {parameters}, got {read}, {written}")
    print("profile: 28 bytes a parameter")


def refuseTraining():
    """Before the first step, whatever the state that it would begin with."""
    done = run("train", "train", "--data", folder / "text.npy", "--seq", "64", "--batch", "4", "--steps", "1",
               machine=machineOf("train", megabytes="6"))
    if done.returncode != 1 or "the GPU (simulated GPU) has 6.29 MB free and needs " not in done.stderr.splitlines()[-1]:
        sys.exit(f"small memory: expects training to be refused, got {done.returncode} and {done.stderr}")
    print("small memory: training is refused")


if own:
    subprocess.run([sys.executable, support / "tiny_llama.py", model, "--past"], check=True)
names = {"f32": [], "w4a8": ["--recipe=w4a8", *(["--group=16"] if own else [])], "ternary": ["--recipe=ternary"],
         "train": ["--train"]}
if stage == "build":
    for name, flags in names.items():
        build(name, *flags)
    sys.exit()
build("f32")
if not onDevice:
    try:
        ctypes.CDLL("libcuda.so.1")
        print("no driver: refused, surely, but this machine has one")
    except OSError:
        refused("no driver", "has no driver for them", folder)
    refused("old driver", "is of CUDA 11.8, and the model needs one of CUDA 12 or newer", machineOf("f32", cuda="11080"))
    refused("no GPU", "the driver finds none (no CUDA-capable device is detected)", machineOf("f32", devices="0"))
    refused("old chip", "is sm_75, and the model was compiled for sm_", machineOf("f32", chip="75"))
    refused("small memory", "the GPU (simulated GPU) has 4.19 MB free and needs ", machineOf("f32", megabytes="4"))
if own:
    measure()
    compareProfiles()
    if not onDevice:
        compareCalls()
for name in ("w4a8", "ternary"):
    build(name, *names[name])
# Caches begin with room for 64 positions: those of f32 grow on the way.
for name, count, bound in (("f32", 66 if own else 100, near), ("w4a8", 8, nearCodes), ("ternary", 8, nearCodes)):
    compareTokens(name, count, 10 * bound)
    compareLoss(name, bound)
    compareLogits(name, bound)

build("train", *names["train"])
compareTraining(f"{10 if onDevice else 3} steps", 10 if onDevice else 3)
if own:
    profileTraining()
    if not onDevice:
        refuseTraining()
        compareTrainingCalls()
    compareTraining("3 steps in two parts", 3, "--accumulate", "2")
    compareResumed()
