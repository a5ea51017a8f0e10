"""Whether an ONNX folder computes what its GGUF file says.

`compare.py IN.gguf FOLDER`, or `compare.py MODELS FOLDER CONVERTER`: converts
each *.gguf of MODELS and compares.

The reference is a forward pass in f64 on the file's own weights, which rotates
neighbours as llama.cpp does: no row is moved. Weights must agree bit for bit,
logits and caches to 2e-4 of their range.
"""

import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import external_data_helper, numpy_helper

import gguf_file

BOUND = 2e-4


class Llama:
    def __init__(self, file):
        self.t = {name: value.astype(np.float64) for name, value in file.tensors.items()}
        get = lambda key, other=None: file.pairs.get("llama." + key, other)
        self.layers, self.H = get("block_count"), get("attention.head_count")
        self.K = get("attention.head_count_kv", self.H)
        self.D = get("attention.key_length", get("embedding_length") // self.H)
        self.eps = get("attention.layer_norm_rms_epsilon")
        self.scale = get("attention.scale", self.D ** -0.5)
        self.frequencies = get("rope.freq_base", 1e4) ** (-2 * np.arange(self.D // 2) / self.D)
        self.frequencies /= self.t.get("rope_freqs.weight", 1)
        self.frequencies /= get("rope.scaling.factor", get("rope.scale_linear", 1))

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * self.t[name + ".weight"]

    def linear(self, x, name):
        return x @ self.t[name + ".weight"].T + self.t.get(name + ".bias", 0)

    def heads(self, x, count):
        return x.reshape(*x.shape[:2], count, self.D).transpose(0, 2, 1, 3)  # [B, H, T, D]

    def rotate(self, x, positions):
        angles = positions[:, None, :, None] * self.frequencies  # [B, 1, T, D / 2]
        turned = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
        return np.stack([turned.real, turned.imag], -1).reshape(x.shape)

    def attend(self, x, layer, positions, visible):
        b = f"blk.{layer}.attn_"
        q = self.rotate(self.heads(self.linear(x, b + "q"), self.H), positions)
        k = self.rotate(self.heads(self.linear(x, b + "k"), self.K), positions)
        v = self.heads(self.linear(x, b + "v"), self.K)
        times = self.H // self.K
        scores = q @ k.repeat(times, 1).swapaxes(2, 3) * self.scale
        scores = np.where(visible, scores, -1e300)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = scores / scores.sum(-1, keepdims=True) @ v.repeat(times, 1)
        return self.linear(mixed.transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1), b + "output"), k, v

    def run(self, ids, mask, positions):
        T = ids.shape[1]
        visible = np.tril(np.ones((T, T), bool)) & mask[:, None, None, :].astype(bool)
        x, caches = self.t["token_embd.weight"][ids], []
        for layer in range(self.layers):
            b = f"blk.{layer}."
            y, *cache = self.attend(self.norm(x, b + "attn_norm"), layer, positions, visible)
            caches.append(cache)
            x = x + y
            y = self.norm(x, b + "ffn_norm")
            gate = self.linear(y, b + "ffn_gate")
            x = x + self.linear(gate / (1 + np.exp(-gate)) * self.linear(y, b + "ffn_up"),
                                b + "ffn_down")
        x = self.norm(x, "output_norm")
        head = "output" if "output.weight" in self.t else "token_embd"
        return self.linear(x, head), caches


def halves_apart(x):
    """Hugging Face's order of a head's channels: (0, 2, 4, ..., 1, 3, 5, ...)."""
    return np.concatenate([x[..., ::2], x[..., 1::2]], -1)


def check_close(what, got, want):
    error = np.abs(got - want).max() / np.abs(want).max()
    if not error <= BOUND:  # NaN fails too
        sys.exit(f"{what}: differs by {error:.2e} of its range, expects at most {BOUND:g}")


class Session:
    def __init__(self, folder, model):
        self.model = model
        self.session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"))
        self.outputs = [output.name for output in self.session.get_outputs()]

    def empty(self, batch):
        return {f"past_key_values.{i}.{part}": np.zeros((batch, self.model.K, 0, self.model.D), np.float32)
                for i in range(self.model.layers) for part in ("key", "value")}

    def run(self, ids, mask, positions, past):
        feeds = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, **past}
        results = dict(zip(self.outputs, self.session.run(None, feeds)))
        present = {name.replace("present", "past_key_values"): value
                   for name, value in results.items() if name != "logits"}
        return results["logits"], present


def check_numbers(folder, model):
    rng = np.random.default_rng(3)
    session = Session(folder, model)
    B, T = 2, 9
    ids = rng.integers(0, len(model.t["token_embd.weight"]), (B, T))
    for padding in ("none", "left", "right"):
        mask = np.ones((B, T), np.int64)
        if padding != "none":
            mask[1, slice(0, 3) if padding == "left" else slice(6, T)] = 0
        positions = np.maximum(mask.cumsum(1) - 1, 0)
        want, caches = model.run(ids, mask, positions)
        # At once, and in three steps through the cache: many, one, the rest.
        for steps in ([T], [5, 1, 3]):
            past, begin, parts = session.empty(B), 0, []
            for step in steps:
                end = begin + step
                logits, past = session.run(ids[:, begin:end], mask[:, :end],
                                           positions[:, begin:end], past)
                parts.append(logits)
                begin = end
            seen = mask.astype(bool)  # rows of padding hold anything
            check_close(f"logits, padding {padding}, steps {steps}",
                        np.concatenate(parts, 1)[seen], want[seen])
            for i, (k, v) in enumerate(caches):
                for part, value in ("key", halves_apart(k)), ("value", v):
                    rows = seen[:, None, :, None] & np.ones_like(value, bool)
                    check_close(f"{part} of layer {i}", past[f"past_key_values.{i}.{part}"][rows],
                                value[rows])


OURS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj"}


def check_weights(folder, file, model):
    graph = onnx.load(os.path.join(folder, "model.onnx"), load_external_data=False).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for name, value in file.tensors.items():
        if name == "rope_freqs.weight":
            continue
        *prefix, module, part = name.split(".")
        ours = f"{OURS[module]}.{part}"
        if prefix:
            ours = f"model.layers.{prefix[1]}.{ours}"
        if module in ("attn_q", "attn_k"):
            heads = value.reshape(-1, model.D // 2, 2, *value.shape[1:])
            value = heads.swapaxes(1, 2).reshape(value.shape)
        if value.ndim == 2 and module != "token_embd":
            value = value.T
        tensor = stored.pop(ours)
        entries = {entry.key: entry.value for entry in tensor.external_data}
        assert int(entries["offset"]) % 4096 == 0, ours
        external_data_helper.load_external_data_for_tensor(tensor, folder)
        got = numpy_helper.to_array(tensor)
        if got.shape != value.shape or got.tobytes() != value.tobytes():
            sys.exit(f"{ours} is not what {name} says")
    if stored:
        sys.exit(f"initializers that the file does not have: {list(stored)}")


def compare(path, folder):
    file = gguf_file.Reader(path)
    model = Llama(file)
    onnx.checker.check_model(os.path.join(folder, "model.onnx"), full_check=True)
    check_weights(folder, file, model)
    check_numbers(folder, model)


def main():
    path, folder, *converter = sys.argv[1:]
    if not converter:
        compare(path, folder)
        return
    names = sorted(os.listdir(path))
    for name in names:
        source, target = os.path.join(path, name), os.path.join(folder, name)
        subprocess.run(converter + [source, target], check=True)
        try:
            compare(source, target)
        except SystemExit as error:
            sys.exit(f"{name}: {error}")
    print(f"{len(names)} models agree")


if __name__ == "__main__":
    main()
