"""Makes goldens of training anew with PyTorch, which computes in f64.

    train_goldens.py Inputs/train.npz                  a tiny Llama with random weights
    train_goldens.py Inputs/train-stories.npz MODEL    stories260K, as optimum exported it

The losses, gradient norms and final weights of ten steps of AdamW and of Muon;
of the tiny one also all gradients, of the other one projections of weights.
"""

import pathlib
import platform
import sys

import numpy as np
import onnx
import torch
from onnx import numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import train_case as case  # noqa: E402


def norm(x, gain):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * gain


def rotate(x, size):
    inverse = torch.from_numpy((10000.0 ** (-np.arange(0, size, 2) / size)).astype(np.float32)).double()
    turns = torch.arange(x.shape[2]).double()[:, None] * inverse
    cos, sin = turns.cos(), turns.sin()
    low, high = x[..., : size // 2], x[..., size // 2:]
    return torch.cat([low * cos - high * sin, high * cos + low * sin], -1)


def logits(w, ids):
    """Weights are [C, N], as the file holds them."""
    o = options
    size, (batch, tokens) = o["hidden"] // o["heads"], ids.shape
    hidden = torch.full((tokens, tokens), -torch.inf).triu(1)
    x = w["model.embed_tokens.weight"][ids]
    for layer in range(o["layers"]):
        name = f"model.layers.{layer}."
        y = norm(x, w[name + "input_layernorm.weight"])
        q, k, v = ((y @ w[f"{name}self_attn.{what}_proj.weight"]).view(batch, tokens, -1, size).transpose(1, 2)
                   for what in "qkv")
        q, k = rotate(q, size), rotate(k, size)
        k, v = (t.repeat_interleave(o["heads"] // o["kv-heads"], 1) for t in (k, v))
        p = torch.softmax(q @ k.transpose(2, 3) * size**-0.5 + hidden, -1)
        y = (p @ v).transpose(1, 2).reshape(batch, tokens, -1)
        x = x + y @ w[name + "self_attn.o_proj.weight"]
        y = norm(x, w[name + "post_attention_layernorm.weight"])
        gate, up = (y @ w[f"{name}mlp.{what}_proj.weight"] for what in ("gate", "up"))
        x = x + (torch.nn.functional.silu(gate) * up) @ w[name + "mlp.down_proj.weight"]
    head = w["lm_head.weight"] if "lm_head.weight" in w else w["model.embed_tokens.weight"].T
    return norm(x, w["model.norm.weight"]) @ head


def loss_of(w, ids, targets, **how):
    return torch.nn.functional.cross_entropy(
        logits(w, ids).flatten(0, 1), targets.flatten(), ignore_index=-100, **how)


def orthogonalized(u):
    """Newton-Schulz of Muon (arXiv:2506.19697), in f64."""
    x = u.T if u.shape[0] > u.shape[1] else u
    x = x / (x.norm() + 1e-8)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return x.T if u.shape[0] > u.shape[1] else x


def train(weights, optim, store):
    w = {name: torch.from_numpy(value).double().requires_grad_() for name, value in weights.items()}
    run = {name: float(np.float32(value)) for name, value in case.run.items()}
    byMuon = [name for name in w if optim == "muon" and "_proj" in name]
    rest = [name for name in w if name not in byMuon]
    adamw = torch.optim.AdamW(
        [{"params": [w[name] for name in rest if "norm" not in name], "weight_decay": run["weight_decay"]},
         {"params": [w[name] for name in rest if "norm" in name], "weight_decay": 0.0}],
        lr=run["lr"], betas=(run["beta1"], run["beta2"]), eps=run["eps"])
    buffers = {name: torch.zeros_like(w[name]) for name in byMuon}
    losses, norms = [], []
    for ids, targets in zip(*map(torch.from_numpy, case.batches(options))):
        loss = loss_of(w, ids, targets)
        for value in w.values():
            value.grad = None
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(list(w.values()), run["clip"]).item())
        losses.append(loss.item())
        adamw.step()
        with torch.no_grad():
            for name, buffer in buffers.items():
                buffer.mul_(run["momentum"]).add_(w[name].grad)
                o = orthogonalized(w[name].grad + run["momentum"] * buffer)
                w[name].sub_(run["lr"] * (0.2 * max(o.shape)**0.5 * o + run["weight_decay"] * w[name]))
    store[f"{optim}:loss"], store[f"{optim}:grad_norm"] = losses, norms
    kept = (lambda value: value) if options is case.tiny else case.projections
    store.update({f"{optim}:{name}": kept(value.detach().numpy()) for name, value in w.items()})


def weights_of(model):
    """The weights by name; the exporter numbered those of layers, in order."""
    tensors = [(t.name, numpy_helper.to_array(t)) for t in model.graph.initializer]
    weights = {name: value for name, value in tensors if name.endswith("weight")}
    numbered = [value for name, value in tensors if name.startswith("onnx::MatMul")]
    kinds = [f"self_attn.{what}" for what in "qkvo"] + [f"mlp.{what}" for what in ("gate", "up", "down")]
    for i, value in enumerate(numbered[:-1]):  # the last one is the head
        weights[f"model.layers.{i // 7}.{kinds[i % 7]}_proj.weight"] = value
    return weights


def main():
    global options
    options = case.stories if len(sys.argv) > 2 else case.tiny
    model = onnx.load(sys.argv[2]) if len(sys.argv) > 2 else case.model()
    weights = weights_of(onnx.load_from_string(model.SerializeToString()))
    store = {}
    if options is case.tiny:
        w = {name: torch.from_numpy(value.copy()).double().requires_grad_() for name, value in weights.items()}
        loss_of(w, *map(torch.from_numpy, case.gradientBatch()), reduction="sum").backward()
        store.update({f"grad:{name}": value.grad.numpy() for name, value in w.items()})
    for optim in ("adamw", "muon"):
        train({name: value.copy() for name, value in weights.items()}, optim, store)
    versions = f"python {platform.python_version()}, numpy {np.__version__}, torch {torch.__version__}"
    np.savez_compressed(sys.argv[1], versions=versions,
                        **{name: np.asarray(value, np.float32) for name, value in store.items()})
    print(versions, store["adamw:loss"], store["muon:loss"], sep="\n")


if __name__ == "__main__":
    main()
