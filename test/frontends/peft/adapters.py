"""Compiles adapters into a small Llama, and compares with merged weights.

    adapters.py FOLDER SUPPORT

Bounds are relative to the range of an output.
"""
import ctypes
import os
import random
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

folder, support = sys.argv[1:]
sys.path.insert(0, support)
import adapters  # noqa: E402
from adapters import BF16, merged, shapes_of  # noqa: E402

at = lambda *names: os.path.join(folder, *names)
os.makedirs(folder, exist_ok=True)
subprocess.run([sys.executable, os.path.join(support, "tiny_llama.py"), at("base.onnx"), "--past"], check=True)
base = onnx.load(at("base.onnx"))
linears = shapes_of(base)
with_head = {**linears, **shapes_of(base, ("lm_head",))}
some = {m: s for m, s in linears.items() if "layers.1" in m or "q_proj" in m}

made = {
    # Every linear layer, and the head.
    "all": adapters.make(at("all"), with_head, r=4, alpha=8, seed=1),
    # Some layers, ranks and scales of their own, in halves of both kinds.
    "some": adapters.make(at("some"), some, r=6, alpha=6, seed=2, dtype=BF16, use_rslora=True,
                          rank_pattern={"q_proj": 2, r"layers\.1\.mlp\.up_proj": 3},
                          alpha_pattern={"o_proj": 12}),
    "half": adapters.make(at("half"), {m: s for m, s in linears.items() if "mlp" in m}, r=2, alpha=1,
                          seed=3, dtype=np.float16, fan_in_fan_out=True),
    "zero": adapters.make(at("zero"), linears, seed=4, zero_b=True),
}
rng = np.random.default_rng(5)
embedding = rng.standard_normal((97, 32)).astype(np.float32)
head = rng.standard_normal((97, 32)).astype(np.float32)
P = adapters.PREFIX
made["saved"] = adapters.make(
    at("saved"), some, seed=6, modules_to_save=["embed_tokens", "lm_head"],
    extra={P + "model.embed_tokens.weight": embedding, P + "lm_head.weight": head})

ids = np.array([[3, 14, 15, 92, 65], [35, 89, 79, 32, 38]])
inputs = {"input_ids": ids, "attention_mask": np.ones((2, 7), np.int64),
          "position_ids": np.arange(2, 7)[None].repeat(2, 0)}
for value in base.graph.input:
    if value.name.startswith("past"):
        inputs[value.name] = rng.standard_normal((2, 2, 2, 8)).astype(np.float32)
for name, value in inputs.items():
    np.save(at(name + ".npy"), value)


def reference(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs)))


def compiled(name, *flags):
    subprocess.run(["qopt", at("base.onnx"), "-q", "-o", at(name), *flags], check=True)
    return at(name)


def run(program, *flags):
    command = [program, "run", "--output-dir", at("out"), *flags]
    subprocess.run(command + [f"--input={n}={at(n)}.npy" for n in inputs], check=True)
    return {o.name: np.load(at("out", o.name + ".npy")) for o in base.graph.output}


def compare(what, got, want, bound=1e-5):
    error = max(np.abs(got[n] - want[n]).max() / np.ptp(want[n]) for n in want)
    if not error <= bound:
        sys.exit(f"{what}: error {error:.1e}, bound {bound}")
    print(f"{what}: as merged")


def equal(what, got, want):
    if not all(np.array_equal(got[n], want[n]) for n in want):
        sys.exit(f"{what}: expected the same bits")
    print(f"{what}: the same bits")


plain = run(compiled("plain"))
compare("no adapter", plain, reference(base))
one = compiled("one", "--adapter", at("all"))
compare("one adapter", run(one), reference(merged(base, made["all"])))
equal("none", run(one, "--adapter", "none"), plain)
equal("B = 0", run(compiled("still", "--adapter", at("zero"))), plain)

two = compiled("two", "--adapter", at("some"), "--adapter", at("all"))
compare("first of two", run(two), reference(merged(base, made["some"])))
compare("second of two", run(two, "--adapter", "all"), reference(merged(base, made["all"])))
compare("first by name", run(two, "--adapter=some"), reference(merged(base, made["some"])))
equal("none of two", run(two, "--adapter", "none"), plain)
compare("folder", run(two, "--adapter", at("half")), reference(merged(base, made["half"])))
compare("folder of another scale", run(one, "--adapter", at("half")), reference(merged(base, made["half"])))
equal("folder of zeros", run(two, "--adapter", at("zero")), plain)
compare("replaced parameters", run(compiled("saved-in", "--adapter", at("saved"))),
        reference(merged(base, made["saved"])))

# What a context uses can be written, and is an adapter again.
library = ctypes.CDLL(compiled("libtwo.so", "--emit=lib", "--adapter", at("some"), "--adapter", at("all")))
model, context = ctypes.c_void_p(), ctypes.c_void_p()
calls = [("qopt_model_open", at("libtwo.so").encode(), ctypes.byref(model), None),
         ("qopt_context_open", model, None, ctypes.byref(context), None),
         ("qopt_context_use_adapter", context, at("half").encode(), None),
         ("qopt_context_save_adapter", context, at("saved-half").encode(), None)]
for name, *values in calls:
    if status := getattr(library, name)(*values):
        sys.exit(f"{name}: status {status}")
library.qopt_context_close(context)
library.qopt_model_close(model)
compare("written and read", run(compiled("again", "--adapter", at("saved-half"))),
        reference(merged(base, made["half"])))
compare("written, at run time", run(two, "--adapter", at("saved-half")), reference(merged(base, made["half"])))

# A base whose gains are folded and whose basis is turned takes its adapters along.
with open(at("turn.recipe"), "w") as file:
    file.write("qopt-untie, qopt-fold-norm-scales, qopt-rotate-residual{required=true},\n"
               "qopt-rotate-values, qopt-rotate-down")
turned = compiled("turned", "--adapter", at("all"), "--adapter", at("some"), "--recipe", at("turn.recipe"))
compare("rotated", run(turned), reference(merged(base, made["all"])))
compare("second, rotated", run(turned, "--adapter=some"), reference(merged(base, made["some"])))
compare("none, rotated", run(turned, "--adapter=none"), reference(base))
refused = subprocess.run([turned, "generate", "--ids", "-n", "1", "-p", "3", "--adapter", at("half")],
                         stderr=subprocess.PIPE, text=True)
print(refused.returncode, refused.stderr.strip())

# A damaged folder is refused, or does no harm.
draw = random.Random(7)
codes = set()
for i in range(80):
    shutil.rmtree(at("damaged"), ignore_errors=True)
    shutil.copytree(at("half"), at("damaged"))
    path = at("damaged", "adapter_config.json" if i % 3 == 0 else "adapter_model.safetensors")
    with open(path, "rb") as file:
        data = bytearray(file.read())
    header = min(len(data), 1500)
    if i % 4 == 0:
        del data[draw.randrange(header):]
    else:
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(header)] = draw.randrange(256)
    with open(path, "wb") as file:
        file.write(data)
    codes.add(subprocess.run([two, "generate", "--ids", "-n", "1", "-p", "3", "--adapter", at("damaged")],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode)
print("damaged: exit codes", sorted(codes))

for flags in ([], ["--adapter=none"], ["--adapter", at("half")]):
    said = subprocess.run([two, "generate", "--ids", "--temp", "0", "-n", "4", "-p", "3 14", *flags],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()
    print(f"generates {len(said)} tokens")
