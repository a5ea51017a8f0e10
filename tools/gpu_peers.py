"""What PyTorch does on a GPU, for tools/gpu-check: prints JSON.

Tokens/s of a Llama of SmolLM2-135M's shape with random weights, f32 (without TF32) and
bf16: a prompt of 96 tokens, then one token after the other behind it, each step one CUDA
graph. Single products are cuBLAS's own, see gpu_cublas.py.
"""

import json
import time

import torch
from torch.nn import functional as F

hidden, layers, inner, heads, kvHeads, vocabulary, size = 576, 30, 1536, 9, 3, 49152, 64
prompt, total, rounds = 96, 128, 20
device = torch.device("cuda")


class Llama:
    """Rotation of positions left out: it is a thousandth of the work."""

    def __init__(self, dtype):
        def weight(*shape):
            return torch.randn(*shape, device=device, dtype=dtype) * 0.02

        self.table = weight(vocabulary, hidden)
        self.norm = torch.ones(hidden, device=device, dtype=dtype)
        self.layers = [{"qkv": weight((heads + 2 * kvHeads) * size, hidden), "o": weight(hidden, heads * size),
                        "gateUp": weight(2 * inner, hidden), "down": weight(hidden, inner),
                        "k": weight(1, kvHeads, total, size), "v": weight(1, kvHeads, total, size)}
                       for _ in range(layers)]

    def attend(self, layer, x, begin):
        count = x.shape[1]
        qkv = F.linear(F.rms_norm(x, (hidden,), self.norm), layer["qkv"]).view(1, count, -1, size).transpose(1, 2)
        q, k, v = qkv.split((heads, kvHeads, kvHeads), 1)
        layer["k"][:, :, begin:begin + count] = k
        layer["v"][:, :, begin:begin + count] = v
        if count > 1:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            seen = layer["k"][:, :, :begin + 1], layer["v"][:, :, :begin + 1]
            y = F.scaled_dot_product_attention(q, *seen, enable_gqa=True)
        return F.linear(y.transpose(1, 2).reshape(1, count, -1), layer["o"])

    def __call__(self, ids, begin):
        x = self.table[ids]
        for layer in self.layers:
            x = x + self.attend(layer, x, begin)
            gate, up = F.linear(F.rms_norm(x, (hidden,), self.norm), layer["gateUp"]).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, layer["down"])
        return F.linear(F.rms_norm(x[:, -1], (hidden,), self.norm), self.table)


def timeOf(work):
    """Seconds of the fastest of some runs of work that is recorded once."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    best = float("inf")
    for _ in range(rounds):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        graph.replay()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    return best


def decode():
    speeds = {}
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model = Llama(dtype)
        many = torch.arange(prompt, device=device)[None]
        one = many[:, :1]
        middle = (prompt + total) // 2
        speeds[name] = {"prefill": prompt / timeOf(lambda: model(many, 0)),
                        "decode": 1 / timeOf(lambda: model(one, middle))}
    return speeds


torch.backends.cuda.matmul.allow_tf32 = False
with torch.no_grad():
    print(json.dumps(decode()))
