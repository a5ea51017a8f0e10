"""Breaks generated kernels line by line: mutations.py FOLDER KERNELS ROWS BOUND OPS.

A barrier that is gone must be seen as a fault; a shuffle from another lane,
another place in shared memory, a wait that is gone, fragments of a matrix whose
registers are exchanged, as a fault or by numbers that are not the interpreter's.
OPS, by commas, are those that are changed so.
"""

import pathlib
import re
import subprocess
import sys

folder, kernels, rows, bound, ops = pathlib.Path(sys.argv[1]), *sys.argv[2:]
folder.mkdir(parents=True, exist_ok=True)
program, broken = folder / "program.mlir", folder / "broken.mlir"


def run(*flags):
    return subprocess.run(["qopt-kernel-simulate", kernels, f"--rows={rows}", f"--within={bound}",
                           *flags], capture_output=True, text=True)


whole = run(f"--save={program}")
assert whole.returncode == 0, whole.stderr
lines = program.read_text().splitlines()


def isSeen(number, text):
    broken.write_text("\n".join([*lines[:number], text, *lines[number + 1:]]))
    result = run(f"--program={broken}")
    return result.returncode == 1, result.stderr


# A barrier before the first use of a buffer orders nothing: it is missed by nobody.
# A wait for copies that nobody reads, neither.
order = ("nvvm.barrier0", "nvvm.bar.warp.sync", "nvvm.cp.async.wait.group")
barriers, needed = [i for i, line in enumerate(lines) if any(op in line for op in order)], 0
for i in barriers:
    seen, report = isSeen(i, "")
    needed += seen
    if seen and not re.search(r"kernel '\w+', line \d+, block \d+: (race|uninitialized|missing wait): thread", report):
        sys.exit(f"without line {i + 1}: {report}")
print(f"barriers and waits: {needed} of {len(barriers)} are missed when they are gone")
assert needed >= 4

changes, products = [], 0
for i, line in enumerate(lines):
    if not any(op in line for op in ops.split(",")):
        continue
    if "nvvm.shfl.sync" in line:
        changes.append((i, line.replace("bfly", "up")))
    elif "llvm.getelementptr" in line and "ptr<3>" in line and (by := re.search(r"\[(\d+)\]", line)):
        changes.append((i, line.replace(by[0], f"[{int(by[1]) + 4}]")))
    elif product := re.search(r"(nvvm.mma.sync A\[%\w+, %\w+)(, .*B\[)(%\w+), (%\w+)\]", line):
        products += 1
        # Another row of the left factor, or other terms of the right. Where a product
        # is three the last has the leading digits.
        a, b = re.findall(r"%\w+", product[1])
        if products % 6 == 3:
            changes.append((i, line.replace(f"A[{a}, {b}", f"A[{b}, {a}")))
        elif products % 6 == 0:
            changes.append((i, line.replace(f"B[{product[3]}, {product[4]}]", f"B[{product[4]}, {product[3]}]")))
unseen = [i + 1 for i, text in changes if not isSeen(i, text)[0]]
assert len(changes) > 4 and not unseen, f"changes of the lines {unseen} are not seen"
print(f"changes: all {len(changes)} are seen")
