"""Adapters that do not fit: `refused.py FOLDER SUPPORT NAME` writes one, and the
small Llama that it is for, and compiles it in; `@NAME` gives it at run time to a
model with place for adapters of rank 4 of one layer."""
import os
import subprocess
import sys

import numpy as np
import onnx

folder, support, name = sys.argv[1:]
sys.path.insert(0, support)
import adapters  # noqa: E402

os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, "base.onnx")
if not os.path.exists(path):
    subprocess.run([sys.executable, os.path.join(support, "tiny_llama.py"), path, "--past"], check=True)
linears = adapters.shapes_of(onnx.load(path))
Q = "model.layers.0.self_attn.q_proj"
one = {Q: linears[Q]}
P = adapters.PREFIX
zeros = lambda *shape: np.zeros(shape, np.float32)
huge = zeros(4, 32)
huge[2, 3] = np.inf

CASES = {
    "fits": (one, {}),
    "vera": (one, {"peft_type": "VERA"}),
    "dora": (one, {"use_dora": True}),
    "bias": (one, {"bias": "lora_only"}),
    "lora_bias": (one, {"lora_bias": True}),
    "pissa": (one, {"init_lora_weights": "pissa_niter_4"}),
    "no-rank": (one, {"r": 0, "rank_pattern": {"q_proj": 4}}),
    "other-rank": (one, {"extra": {f"{P}{Q}.lora_A.weight": zeros(2, 32)}}),
    "wrong-rank": (one, {"extra": {f"{P}{Q}.lora_A.weight": zeros(2, 32),
                                   f"{P}{Q}.lora_B.weight": zeros(32, 2)}}),
    "pattern": (one, {"alpha_pattern": {"(": 1}}),
    "module": ({"model.layers.7.self_attn.q_proj": (32, 32)}, {}),
    "several": ({"q_proj": (32, 32)}, {}),
    "shape": ({Q: (32, 48)}, {}),
    "table": ({"model.embed_tokens": (97, 32)}, {}),
    "magnitude": (one, {"extra": {f"{P}{Q}.lora_magnitude_vector": zeros(32)}}),
    "unsaved": (one, {"extra": {f"{P}lm_head.weight": zeros(97, 32)}}),
    "saved": (one, {"modules_to_save": ["lm_head"], "extra": {f"{P}lm_head.weight": zeros(97, 32)}}),
    "saved-shape": (one, {"modules_to_save": ["lm_head"], "extra": {f"{P}lm_head.weight": zeros(96, 32)}}),
    "infinite": (one, {"extra": {f"{P}{Q}.lora_A.weight": huge}}),
    "integers": (one, {"extra": {f"{P}{Q}.lora_A.weight": np.zeros((4, 32), np.int64)}}),
    "hash": (one, {"qopt_base": "xxh64:0123456789abcdef"}),
    "empty": ({}, {}),
    "none": (one, {}),
}
CASES["large"] = (one, {"r": 5})
CASES["larger-model"] = (linears, {})
CASES["half"] = (one, {"extra": {f"{P}{Q}.lora_B.weight": zeros(32, 4)[:, :0]}})


def write(name):
    shapes, config = CASES[name]
    adapters.make(os.path.join(folder, name), shapes, **config)
    return os.path.join(folder, name)


def compiled(*names):
    flags = [word for n in names for word in ("--adapter", write(n))]
    model = os.path.join(folder, "model" + "-".join(("", *names)))
    done = subprocess.run(["qopt", path, "-q", "-o", model, *flags])
    return done.returncode, model


at_run_time = name.startswith("@")
name = name.lstrip("@")
if not at_run_time:
    sys.exit(compiled(*["fits"] * 2 if name == "fits" else [name])[0])
code, model = compiled(*[] if name == "no-place" else ["saved"] if name == "fixed" else ["fits"])
adapter = write(name) if name in CASES else os.path.join(folder, "nowhere")
if name == "damaged":
    adapter = write("fits")
    with open(os.path.join(adapter, "adapter_model.safetensors"), "r+b") as file:
        file.truncate(40)
sys.exit(code or subprocess.run([model, "generate", "--ids", "-n", "1", "-p", "3", "--adapter", adapter],
                                stdout=subprocess.DEVNULL).returncode)
