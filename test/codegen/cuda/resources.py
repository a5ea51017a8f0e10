"""Compiles a model for GPUs in several ways and reads what ptxas says of its kernels.

    resources.py MODEL WAY...

A way is the flags of one compilation, by spaces; IDS in them is data of any kind.
Fails if a kernel spills a register, or has more shared memory than is static.
"""

import re
import subprocess
import sys
import tempfile

import numpy as np

model, *ways = sys.argv[1:]
chips = ["sm_80", "sm_90a"]
most_shared = 48 << 10

for way in ways:
    with tempfile.NamedTemporaryFile(suffix=".npy") as ids, tempfile.NamedTemporaryFile() as result:
        np.save(ids.name, np.arange(64 * 513) * 7 % 200)
        flags = way.replace("IDS", ids.name).split()
        done = subprocess.run(["qopt", model, *flags, "--target=cuda", f"--cuda-arch={','.join(chips)}", "-v",
                               "-o", result.name], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{way}: {done.stderr}")
    kernels = re.findall(r"^(qopt_\w+): (\d+) registers, (\d+) bytes shared, (\d+) bytes spilled", done.stderr,
                         re.MULTILINE)
    bad = [kernel for kernel in kernels if int(kernel[3]) or int(kernel[2]) > most_shared]
    if bad or len(kernels) < 20:
        sys.exit(f"{way}: of {len(kernels)} kernels these spill or have no room: {bad}")
    print(f"{way}: no spills in {len(kernels) // len(chips)} kernels")
