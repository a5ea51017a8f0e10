"""Damaged files of weights and the errors they must give: `weight_files.py DIR`."""

import json
import pathlib
import struct
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])


def safetensors(header, data=bytes(24)):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(2, 3), offsets=(0, 24)):
    return {"w": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


# A program that reads one weight of type tensor<2x3xf32>.
def program(value, type="tensor<2x3xf32>"):
    return f"""ml_program.global private @w({value}) : {type}
func.func @run() -> ({type} {{nn.name = "y"}}) {{
  %w = ml_program.global_load @w : {type}
  return %w : {type}
}}
"""


def weight(type="tensor<2x3xf32>", key="w"):
    return f'#nn.weight<"w.safetensors", offset = 0, key = "{key}"> : {type}'


# (bytes of the file or None, key, message)
damaged = [
    (None, "w", "cannot read the weights in '"),
    (b"", "w", "cannot read the weights in '"),
    (b"1234567", "w", "is no safetensors file: it has 7 bytes"),
    (struct.pack("<Q", 99) + b"{}", "w", "is no safetensors file: its header has 99 bytes"),
    (struct.pack("<Q", 2**64 - 1), "w", f"is no safetensors file: its header has {2**64 - 1} bytes"),
    (safetensors(b"[" * 100000), "w", "has a damaged safetensors header: it nests too deeply"),
    (safetensors(b"{,}"), "w", "has a damaged safetensors header: "),
    (safetensors(b"[]"), "w", "has a damaged safetensors header: it is no object"),
    (safetensors({}), "w", "has no tensor 'w'"),
    (safetensors(entry(dtype="F16")), "w", "holds another tensor as 'w', expects 'tensor<2x3xf32>'"),
    (safetensors(entry(shape=(3, 2))), "w", "holds another tensor as 'w'"),
    (safetensors(entry(offsets=(0, 20))), "w", "holds another tensor as 'w'"),
    (safetensors(entry(offsets=(24, 0))), "w", "holds another tensor as 'w'"),
    (safetensors(entry(offsets=(8, 32))), "w", "bytes, expects 24 at offset "),
    (safetensors(entry(offsets=(2**64 - 24, 2**64))), "w", "holds another tensor as 'w'"),
    (bytes(20), "", "has 20 bytes, expects 24 at offset 0"),
]

# (program, message) when the weights are written anew.
unwritable = [
    (program(weight("tensor<2x3xf16>")), "expects a weight of type 'tensor<2x3xf32>', got 'tensor<2x3xf16>'"),
    (program("dense_resource<w> : tensor<200x300xf32>", "tensor<200x300xf32>"),
     "expects 240000 bytes in resource 'w'"),
    (program("sparse<0, 1.0> : tensor<200x300xf32>", "tensor<200x300xf32>"),
     "expects a constant, got sparse<0, 1.000000e+00>"),
    (program(weight("tensor<?x3xf32>"), "tensor<?x3xf32>"),
     "cannot be written as safetensors: its type is 'tensor<?x3xf32>'"),
]

failures = 0


def check(what, command, message):
    global failures
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 1 or message not in done.stderr:
        failures += 1
        print(f"{what}: expects exit code 1 and '{message}', got {done.returncode} and:\n{done.stderr}")


source = folder / "program.mlir"
for number, (data, key, message) in enumerate(damaged):
    source.write_text(program(weight(key=key)))
    if data is not None:
        (folder / "w.safetensors").write_bytes(data)
    check(f"file {number}", ["qopt-interpret", source], message)

for number, (text, message) in enumerate(unwritable):
    source.write_text(text)
    check(f"program {number}",
          ["qopt", source, "--stop-after=import", "-o", folder / "again.mlir"], message)

# A weight whose size is not known is refused by readers too.
source.write_text(program(weight("tensor<?x3xf32>"), "tensor<?x3xf32>"))
check("dynamic weight", ["qopt-interpret", source], "expects a weight of static shape, got 'tensor<?x3xf32>'")

# What cannot be written to: a folder has the name of the file.
source.write_text(program("dense<1.0> : tensor<200x300xf32>", "tensor<200x300xf32>"))
(folder / "blocked.weights.safetensors").mkdir()
check("a folder", ["qopt", source, "--stop-after=import", "-o", folder / "blocked.mlir"],
      "cannot write the weights to '")

# And one that is right is read.
(folder / "w.safetensors").write_bytes(safetensors(entry()))
source.write_text(program(weight()))
done = subprocess.run(["qopt-interpret", source], capture_output=True, text=True)
if done.returncode != 0:
    failures += 1
    print(f"a file that is right is refused:\n{done.stderr}")

print(f"{failures} of {len(damaged) + len(unwritable) + 3} not refused as they should be")
