"""Writes damaged copies of a compiled file: `damage.py FILE FOLDER`."""

import os
import struct
import sys

FOOTER = struct.Struct("<9QII8s")
data = open(sys.argv[1], "rb").read()
fields = list(FOOTER.unpack(data[-FOOTER.size:]))
folder = sys.argv[2]


def save(name, content):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def footer(name, index, value):
    changed = list(fields)
    changed[index] = value
    save(name, data[:-FOOTER.size] + FOOTER.pack(*changed))


save("empty.so", b"")
save("cut.so", data[:-1])
save("half.so", data[: len(data) // 2])
save("longer.so", data + b"\n")
save("text.so", b"no model, but long enough to hold a footer" * 9)
# weights, initial, tokenizer, info: offset and size each; hash, version, reserved, magic
footer("version.so", 9, 99)
for index in range(8):
    for i, value in enumerate([fields[index] + 4096, 2**63, 2**64 - 4096, 1, fields[index] ^ 64]):
        footer(f"range-{index}-{i}.so", index, value)
footer("hash.so", 8, fields[8] ^ 1)
info = bytearray(data)
info[fields[6] + 5] ^= 1
save("info.so", bytes(info))
# Code that is cut off, with all that follows moved up.
save("code.so", data[:4096] + data[fields[0]:])
# The code of one model with the data of another.
if len(sys.argv) > 3:
    other = open(sys.argv[3], "rb").read()
    start = FOOTER.unpack(other[-FOOTER.size:])[0]
    shift = fields[0] - start
    theirs = list(FOOTER.unpack(other[-FOOTER.size:]))
    for index in (0, 2, 4, 6):
        theirs[index] += shift
    save("mixed.so", data[: fields[0]] + other[start:-FOOTER.size] + FOOTER.pack(*theirs))
