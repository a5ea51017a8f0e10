"""The stages that README.md shows are what the tool prints today.

`readme.py README LAYER`: a block behind `<!-- qopt layer.onnx FLAGS -->` holds
lines of that command's output, in order; one that ends in ` ...` is cut.
"""

import re
import subprocess
import sys

readme, layer = open(sys.argv[1]).read(), sys.argv[2]
blocks = re.findall(r"<!-- qopt layer\.onnx (.*?) -->\n```mlir\n(.*?)```", readme, flags=re.S)
missing = 0
for flags, block in blocks:
    command = ["qopt", layer, "-q", "-o", "-"] + flags.split()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rest = iter(output.splitlines())
    for line in block.splitlines():
        want = line.strip()
        cut = want.endswith(" ...")
        if not any(got.strip().startswith(want[:-4]) if cut else got.strip() == want for got in rest):
            missing += 1
            print(f"{flags}: expects the line\n  {want}\nin\n{output}")
            break
print(f"{len(blocks)} stages, {missing} not as README.md shows them")
