"""Layers of every width and group: their kernels against the interpreter, or an
error that says which groups there are.

    groups.py FOLDER QOPT...
"""
import pathlib
import subprocess
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
qopt = sys.argv[2:]
GROUPS = [1, 2, 4, 8, 16, 24, 32, 64, 128]


def program(groups):
    """A layer for each group, of an odd number of them."""
    random = np.random.default_rng(1)
    heads, loads, body, results = [], [], [], []
    for g in groups:
        N, K = 37, g * (3 if g > 8 else 7)
        w = random.standard_normal((N, K)).astype(np.float32)
        text, kind = w.tobytes().hex().upper(), f"tensor<{N}x{K}xf32>"
        heads.append(f'ml_program.global private @g{g}_proj.weight(dense<"0x{text}"> : {kind}) : {kind} '
                     "{nn.role = #nn.role<matrix>}")
        loads.append(f'%x{g}: tensor<?x{K}xf32> {{nn.name = "x{g}", nn.dims = affine_map<()[s0] -> (s0, {K})>}}')
        body.append(f"  %w{g} = ml_program.global_load @g{g}_proj.weight : {kind}\n"
                    f"  %y{g} = nn.linear %x{g}, %w{g} : tensor<?x{K}xf32>, {kind} -> tensor<?x{N}xf32>")
        results.append(f'tensor<?x{N}xf32> {{nn.name = "y{g}"}}')
    values = ", ".join(f"%y{g}" for g in groups)
    types = ", ".join("tensor<?x37xf32>" for _ in groups)
    return ("\n".join(heads) + "\nfunc.func @run(" + ", ".join(loads) + ") -> (" + ", ".join(results)
            + ') attributes {nn.symbols = ["rows"]} {\n' + "\n".join(body)
            + f"\n  return {values} : {types}\n}}\n")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


for bits in (2, 3, 4, 8):
    step = 8 if bits == 3 else 4
    taken = [g for g in GROUPS if g % step == 0]
    path = folder / f"all{bits}.mlir"
    path.write_text(program(taken))
    overrides = [f"--override=g{g}_proj=gptq_asym{bits}-g{g}-half" for g in taken]
    for acts in ([], ["--acts=i8"]):
        adapted = str(folder / f"all{bits}.adapted.mlir")
        done = run(*qopt, str(path), f"--weights=i{bits}", "--group=8", *acts, *overrides, "-q",
                   "--stop-after=adapt", "-o", adapted)
        if not done.returncode:
            done = run(*qopt, adapted, "--compare", "--tolerance=1e-5", "-q", "-o", str(folder / "all"))
        if done.returncode:
            sys.exit(f"{bits} bits{acts}: {done.stdout}{done.stderr}")
    for g in sorted(set(GROUPS) - set(taken)):
        path = folder / f"fine{g}.mlir"
        path.write_text(program([g]))
        done = run(*qopt, str(path), f"--weights=sym{bits}-g{g}", "-o", str(folder / "fine"))
        want = (f"group {g} of 'g{g}_proj.weight' is too fine: codes of {bits} bits are multiplied {step} at a "
                f"time; use a multiple of {step}, gauto, or an override")
        if done.returncode != 1 or want not in done.stderr:
            sys.exit(f"{bits} bits, group {g}: exit code {done.returncode}, {done.stderr}")
print("ok")
