"""Writes small Llamas as GGUF files: `models.py FOLDER [CASE...]`."""

import os
import sys

import numpy as np

import gguf_file

F = np.float32


class Model:
    """Sizes and options; `kind` is the type of its matrices."""

    def __init__(self, kind="F32", C=64, FF=96, H=4, K=2, D=None, V=50, layers=2, tied=True,
                 biases=False, factors=False, pairs=None, seed=1):
        self.rng = np.random.default_rng(seed)
        D, L = D or C // H, "llama."
        self.kind, self.tensors = kind, {}
        self.pairs = {
            "general.architecture": "llama",
            L + "block_count": ("u32", layers), L + "context_length": ("u32", 128),
            L + "embedding_length": ("u32", C), L + "feed_forward_length": ("u32", FF),
            L + "attention.head_count": ("u32", H),
            L + "attention.layer_norm_rms_epsilon": ("f32", 1e-5)}
        if K != H:
            self.pairs[L + "attention.head_count_kv"] = ("u32", K)
        if D * H != C:
            self.pairs[L + "attention.key_length"] = ("u32", D)
            self.pairs[L + "attention.value_length"] = ("u32", D)
        self.pairs.update(pairs or {})
        self.matrix("token_embd", V, C)
        for i in range(layers):
            b = f"blk.{i}."
            self.vector(b + "attn_norm.weight", C, 1)
            self.vector(b + "ffn_norm.weight", C, 1)
            for name, N, M in [("attn_q", H * D, C), ("attn_k", K * D, C), ("attn_v", K * D, C),
                               ("attn_output", C, H * D), ("ffn_gate", FF, C), ("ffn_up", FF, C),
                               ("ffn_down", C, FF)]:
                self.matrix(b + name, N, M)
                if biases:
                    self.vector(b + name + ".bias", N, 0)
        self.vector("output_norm.weight", C, 1)
        if not tied:
            self.matrix("output", V, C)
        if factors:
            self.tensors["rope_freqs.weight"] = (
                (D // 2,), "F32", np.linspace(1, 8, D // 2, dtype=F).tobytes())

    def matrix(self, name, N, C):
        raw = gguf_file.random_blocks(self.kind, N * C, self.rng)
        self.tensors[name + ".weight"] = ((N, C), self.kind, raw)

    def vector(self, name, N, mean):
        numbers = mean + 0.2 * self.rng.standard_normal(N)
        self.tensors[name] = ((N,), "F32", numbers.astype(F).tobytes())

    def write(self, path):
        gguf_file.write(path, self.pairs, self.tensors)


BIG = {"C": 256, "FF": 256, "D": 64}
CASES = {kind: lambda kind=kind: Model(kind, **(BIG if kind.endswith("K") else {}))
         for kind in gguf_file.TYPES}
CASES.update({
    "all_heads": lambda: Model(K=4),
    "one_key_head": lambda: Model(K=1, layers=1),
    "wide_heads": lambda: Model(D=24),
    # A head of more than 64 MiB: written in parts, which do not end with blocks.
    "parts": lambda: Model("Q8_0", **BIG, layers=1, V=70000, tied=False),
    "parts_of_blocks": lambda: Model("Q4_K", **BIG, layers=1, V=70000, tied=False),
    "untied": lambda: Model("Q8_0", tied=False),
    "biases": lambda: Model("Q8_0", tied=False, biases=True),
    "factors": lambda: Model(factors=True, pairs={"llama.rope.freq_base": ("f32", 5e5)}),
    "stretched": lambda: Model(pairs={"llama.rope.scaling.type": "linear",
                                      "llama.rope.scaling.factor": ("f32", 4)}),
    "stretched_alone": lambda: Model(pairs={"llama.rope.scaling.factor": ("f32", 4)}),
    "stretched_once": lambda: Model(pairs={"llama.rope.scale_linear": ("f32", 2)}),
    "scaled": lambda: Model(pairs={"llama.attention.scale": ("f32", 0.7)}),
})


def main():
    folder, *names = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    for name in names or CASES:
        CASES[name]().write(os.path.join(folder, name + ".gguf"))


if __name__ == "__main__":
    main()
