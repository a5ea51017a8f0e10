"""The errors that qopt-gptq tells, by NumPy: those of few tokens and many, and
those of codes and branch in turn."""

import pathlib
import re
import subprocess
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
random = np.random.RandomState(3)
V, C, N = 48, 32, 24
f32 = np.float32
table = random.randn(V, C).astype(f32) @ random.randn(C, C).astype(f32)
w = random.randn(N, C).astype(f32)
head = random.randn(V, N).astype(f32)


def parameter(name, value, role):
    shape = "x".join(map(str, value.shape))
    numbers = ", ".join("[" + ", ".join(f"{float(x):.17e}" for x in row) + "]" for row in value)
    return (f"ml_program.global private @{name}(dense<[{numbers}]> : tensor<{shape}xf32>) : "
            f"tensor<{shape}xf32> {{nn.role = #nn.role<{role}>}}\n")


program = folder / "program.mlir"
program.write_text(parameter("table", table, "embedding") + parameter("w", w, "matrix") +
                   parameter("head", head, "head") + f"""
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#sym3 = #lowbit.scheme<sym, bits = 3, per = channel>
func.func @run(%ids: tensor<?x?xi64> {{nn.dims = #ids, nn.name = "input_ids"}})
    -> (tensor<?x?x{V}xf32> {{nn.name = "logits"}}) attributes {{nn.symbols = ["batch", "seq"]}} {{
  %table = ml_program.global_load @table : tensor<{V}x{C}xf32>
  %w = ml_program.global_load @w : tensor<{N}x{C}xf32>
  %head = ml_program.global_load @head : tensor<{V}x{N}xf32>
  %x = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<{V}x{C}xf32>
  %k, %s = lowbit.quantize %w scheme #sym3 : tensor<{N}x{C}xf32> -> tensor<{N}x{C}xi8>, tensor<{N}xf32>
  %y = lowbit.linear %x, %k scales %s scheme #sym3 : tensor<?x?x{C}xf32>, tensor<{N}x{C}xi8>, tensor<{N}xf32>
      -> tensor<?x?x{N}xf32>
  %z = nn.linear %y, %head : tensor<?x?x{N}xf32>, tensor<{V}x{N}xf32> -> tensor<?x?x{V}xf32>
  return %z : tensor<?x?x{V}xf32>
}}
""")


def told(ids, options=""):
    np.save(folder / "ids.npy", ids)
    count, length = ids.shape
    run = subprocess.run(["qopt-opt", program, "--remarks-filter=qopt-gptq", "-o", folder / "out.mlir",
                          f"--qopt-gptq=data={folder}/ids.npy samples={count} seq={length} {options}"],
                         check=True, capture_output=True, text=True)
    return {k: float(v) for k, v in re.findall(r"(after|before|branch)=([-+.e\d]+)", run.stderr)}


amax = np.abs(w).max(1, keepdims=True)
inv, scale = (f32(3) / amax).astype(f32), (amax / f32(3)).astype(f32)
difference = (w - np.clip(np.rint(w * inv), -4, 3) * scale).astype(float)


def share(d, s):
    return np.trace(d @ s @ d.T) / np.trace(w @ s @ w.T)


for shape in ((1, 4), (3, 5), (64, 32)):
    ids = random.randint(0, V, shape)
    x = table[ids.ravel()].astype(float)
    moment = x.T @ x
    tokens = ids.size
    shrunk = moment * tokens / (tokens + C)
    np.fill_diagonal(shrunk, np.diag(moment))
    want, raw, got = share(difference, shrunk), share(difference, moment), told(ids)["before"]
    assert abs(got - want) <= 2e-6 * want, (shape, got, want)
    assert abs(raw - want) > 1e-4 * want, (shape, raw, want)
print("moments: shrunk by T / (T + C)")

ids = random.randint(0, V, (8, 16))
for init in ("svd", "qera"):
    errors = [told(ids, f"rank=4 alpha=4.0 init={init} rounds={rounds}")["branch"] for rounds in (0, 1, 2, 8)]
    assert all(b <= a for a, b in zip(errors, errors[1:])), (init, errors)
    assert errors[-1] < 0.97 * errors[0], (init, errors)
    assert errors[0] < told(ids)["after"]
print("rounds: each no worse, and better")
