"""Runs every recipe in qopt-opt and in mlir-opt with the plugin: same text out.

    recipes.py PROGRAM MLIR-OPT...
"""

import subprocess
import sys

program, *mlir_opt = sys.argv[1:]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


names = [line.split()[0] for line in run("qopt", "--list-recipes").splitlines()]
for name in names[1:]:
    text = run("qopt", f"--recipe={name}", "--print-pipeline").strip()
    adapt = run("qopt", f"--recipe={name}", "--print-pipeline", "--stop-after=adapt").strip()
    if adapt[:-1] not in text:
        sys.exit(f"{name}: the adapt stage is not part of {text}")
    flag = f"--pass-pipeline={adapt}"
    ours = run("qopt-opt", program, flag)
    theirs = run(*mlir_opt, program, flag)
    if ours != theirs or "lowbit.linear" not in ours:
        sys.exit(f"{name}: qopt-opt and mlir-opt differ:\n{ours}\n{theirs}")
