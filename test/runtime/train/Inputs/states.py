"""State files that are not what they should be: states.py MODEL OTHER RECIPE BULK FOLDER

OTHER was made from another file, RECIPE with another recipe, BULK has one
parameter of another size.
"""

import json
import pathlib
import random
import struct
import subprocess
import sys

import numpy as np

model, other, recipe, bulk = sys.argv[1:5]
folder = pathlib.Path(sys.argv[5])
np.save(folder / "data.npy", np.arange(2000) % 38)
good = folder / "good.safetensors"
subprocess.run([model, "train", "--data", folder / "data.npy", "--steps=20", "--seq=16", "--state",
                good], check=True, capture_output=True)
data = good.read_bytes()
size = struct.unpack("<Q", data[:8])[0]
header, body = json.loads(data[8:8 + size]), data[8 + size:]


def load(path, program=model):
    return subprocess.run([program, "generate", "--ids", "-p", "5", "-n", "3", "--state", path],
                          capture_output=True, text=True, errors="replace", timeout=20)


def fails(text, path, program=model):
    result = load(path, program)
    assert result.returncode == 1 and text in result.stderr and not result.stdout, (text, result)
    # A run does not begin anew where a state is damaged, and leaves it alone.
    before = pathlib.Path(path).read_bytes()
    result = subprocess.run([program, "train", "--data", folder / "data.npy", "--steps=30",
                             "--seq=16", "--state", path], capture_output=True, text=True)
    assert result.returncode == 1 and text in result.stderr, (text, result)
    assert pathlib.Path(path).read_bytes() == before


def changed(change, parts=body, padding=0):
    """The file with another header."""
    copy = json.loads(json.dumps(header))
    change(copy)
    text = json.dumps(copy).encode() + b" " * padding
    path = folder / "changed.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + parts)
    return path


def meta(key, value):
    def change(copy):
        if value is None:
            del copy["__metadata__"][key]
        else:
            copy["__metadata__"][key] = value
    return changed(change)


assert load(good).returncode == 0
# Headers that others wrote: another order, no hash, no padding.
assert load(changed(lambda copy: None)).returncode == 0
assert load(changed(lambda copy: copy["__metadata__"].pop("data_hash"))).returncode == 0

fails("is the state of another model: expected one of xxh64:ffff, got xxh64:0123456789abcdef", good,
      other)
fails("is the state of another recipe: expected 'w4a16', got 'ternary'; compile the model with "
      "--recipe=ternary", good, recipe)
fails("'layer.bulk': expected F32 [7], got F32 [1024]", good, bulk)
fails("expected version 1 of the format, got '2'", meta("format_version", "2"))
fails("its header names no format_version", meta("format_version", None))
fails("step, seed or data_position is no number", meta("step", "1e3"))
fails("step, seed or data_position is no number", meta("seed", "18446744073709551616"))
fails("step, seed or data_position is no number", meta("data_position", "-1"))
fails("lambda is no list", meta("lambda", "0.5"))
fails("lambda is no list of numbers from 0 to 1", meta("lambda", "[0, 1.5, 0]"))
fails("expected lambda for 3 sites, got 2", meta("lambda", "[0, 1]"))
fails("lacks 'w.sgd.v': it was trained with another --train or --optim",
      changed(lambda copy: copy.pop("w.sgd.v")))
fails("holds 'w.adamw.m', which this model does not have",
      changed(lambda copy: copy.update({"w.adamw.m": copy.pop("w.sgd.v")})))
fails("holds 'w.a?b', which this model does not have",
      changed(lambda copy: copy.update({"w.a\nb": copy.pop("w.sgd.v")})))
fails("holds 'w.grad', which this model does not have",
      changed(lambda copy: copy.update({"w.grad": copy["w"]})))
fails("'w': expected F32 [40], got F16 [40]", changed(lambda copy: copy["w"].update(dtype="F16")))
fails("'w': expected F32 [40], got F32 [5, 8]", changed(lambda copy: copy["w"].update(shape=[5, 8])))
fails("'w': expected F32 [40], got F32 [-1]", changed(lambda copy: copy["w"].update(shape=[-40])))
for offsets in ([0, 161], [-4, 156], [160, 0], [0], [2**62, 2**62 + 160], [5000, 5160], "all"):
    fails("a tensor does not lie inside of it",
          changed(lambda copy: copy["w"].update(data_offsets=offsets)))
fails("its data was altered", changed(lambda copy: copy["w"].update(data_offsets=[4, 164])))

damaged = folder / "damaged.safetensors"
for length in [*range(1, 8), 8, 100, size, 8 + size, len(data) - 5000 // 2, len(data) - 1]:
    damaged.write_bytes(data[:length])
    fails("is no whole state file", damaged)
damaged.write_bytes(b"")
fails("is no whole state file: it is empty", damaged)
damaged.write_bytes(b"\xff" * 64)
fails("it was cut off, or is no safetensors file", damaged)
damaged.write_bytes(data[:8] + b"[" + data[9:])
fails("its header is no JSON", damaged)
result = load(folder)
assert result.returncode == 1 and "it is no file" in result.stderr, result
result = load(folder / "missing")
assert result.returncode == 1 and "No such file or directory" in result.stderr, result

# Bits that flip: in the data all are seen; in the header none does harm.
chance = random.Random(3)
for number in range(200):
    copy = bytearray(data)
    place = chance.randrange(8 + size, len(data)) if number % 2 else chance.randrange(8 + size)
    copy[place] ^= 1 << chance.randrange(8)
    damaged.write_bytes(copy)
    result = load(damaged)
    assert result.returncode == 1 or (result.returncode == 0 and place < 8 + size), (place, result)
    if place >= 8 + size:
        assert "its data was altered" in result.stderr, result
print("all is well")
