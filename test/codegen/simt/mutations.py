"""Breaks generated kernels line by line: mutations.py FOLDER KERNELS.

A barrier that is gone must be seen as a fault; a shuffle from another lane, or
another place in shared memory, as a fault or by numbers that are not the
interpreter's.
"""

import pathlib
import re
import subprocess
import sys

folder, kernels = pathlib.Path(sys.argv[1]), sys.argv[2]
folder.mkdir(parents=True, exist_ok=True)
program, broken = folder / "program.mlir", folder / "broken.mlir"


def run(*flags):
    return subprocess.run(["qopt-kernel-simulate", kernels, "--rows=1,19", "--within=4e-6", *flags],
                          capture_output=True, text=True)


whole = run(f"--save={program}")
assert whole.returncode == 0, whole.stderr
lines = program.read_text().splitlines()


def isSeen(number, text):
    broken.write_text("\n".join([*lines[:number], text, *lines[number + 1:]]))
    result = run(f"--program={broken}")
    return result.returncode == 1, result.stderr


# A barrier before the first use of a buffer orders nothing: it is missed by nobody.
barriers, needed = [i for i, line in enumerate(lines) if "nvvm.barrier0" in line], 0
for i in barriers:
    seen, report = isSeen(i, "")
    needed += seen
    if seen and not re.search(r"kernel '\w+', line \d+, block \d+: (race|uninitialized): thread", report):
        sys.exit(f"without the barrier of line {i + 1}: {report}")
print(f"barriers: {needed} of {len(barriers)} are missed when they are gone")
assert needed >= 4

changes = []
for i, line in enumerate(lines):
    if "nvvm.shfl.sync" in line:
        changes.append((i, line.replace("bfly", "up")))
    elif "llvm.getelementptr" in line and "ptr<3>" in line and (by := re.search(r"\[(\d+)\]", line)):
        changes.append((i, line.replace(by[0], f"[{int(by[1]) + 4}]")))
unseen = [i + 1 for i, text in changes if not isSeen(i, text)[0]]
assert len(changes) > 8 and not unseen, f"changes of the lines {unseen} are not seen"
print(f"changes: all {len(changes)} are seen")
