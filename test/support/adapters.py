"""Writes LoRA adapters as PEFT does, and merges them into ONNX models."""

import json
import os
import re
import struct

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper

NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64"}
PREFIX = "base_model.model."


def save_safetensors(path, tensors):
    header, offset = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": NAMES[str(value.dtype)], "shape": list(value.shape),
                        "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(np.ascontiguousarray(value).tobytes())


def pattern(table, module, otherwise):
    for key, value in (table or {}).items():
        if re.match(rf"(.*\.)?({key})$", module):
            return value
    return otherwise


def scale_of(config, module, rank):
    alpha = pattern(config.get("alpha_pattern"), module, config["lora_alpha"])
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)


def make(folder, shapes, r=4, alpha=8, seed=0, dtype=np.float32, zero_b=False, extra=None, **config):
    """An adapter for `shapes`: {module: (out, in)}."""
    rng = np.random.default_rng(seed)
    config = {"peft_type": "LORA", "r": r, "lora_alpha": alpha, "bias": "none",
              "task_type": "CAUSAL_LM", "target_modules": sorted({m.split(".")[-1] for m in shapes}),
              **config}
    tensors = {}
    for module, (rows, columns) in shapes.items():
        rank = pattern(config.get("rank_pattern"), module, r)
        a = rng.standard_normal((rank, columns)) * columns**-0.5
        b = rng.standard_normal((rows, rank)) * (0 if zero_b else 0.3)
        tensors[f"{PREFIX}{module}.lora_A.weight"] = a.astype(dtype)
        tensors[f"{PREFIX}{module}.lora_B.weight"] = b.astype(dtype)
    tensors.update(extra or {})
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        json.dump(config, file)
    save_safetensors(os.path.join(folder, "adapter_model.safetensors"), tensors)
    return config, tensors


def shapes_of(model, names=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")):
    """{module: (out, in)} of a model whose weights are [in, out]."""
    return {t.name.removesuffix(".weight"): (t.dims[1], t.dims[0]) for t in model.graph.initializer
            if len(t.dims) == 2 and any(t.name.endswith(f"{n}.weight") for n in names)}


def merged(model, adapter):
    """The model with W + scale B A for its weights."""
    config, tensors = adapter
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        module = tensor.name.removesuffix(".weight")
        a = tensors.get(f"{PREFIX}{module}.lora_A.weight")
        whole = tensors.get(f"{PREFIX}{module}.weight")
        w = numpy_helper.to_array(tensor).astype(np.float64)
        if whole is not None:
            w = whole.astype(np.float64)
            w = w if tensor.name == "model.embed_tokens.weight" else w.T
        elif a is not None:
            b = tensors[f"{PREFIX}{module}.lora_B.weight"].astype(np.float64)
            w = w + scale_of(config, module, a.shape[0]) * (b @ a.astype(np.float64)).T
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(w.astype(np.float32), tensor.name))
    return copy


BF16 = ml_dtypes.bfloat16
