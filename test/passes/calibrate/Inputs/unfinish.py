"""Makes a spill file that of a run that died: its layers from LAYER on are neither
found nor written.

    unfinish.py FILE LAYER
"""
import json
import struct
import sys

path, first = sys.argv[1:]
with open(path, "r+b") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
    header.pop("__metadata__")
    layers = [key[:-len(".codes")] for key in header if key.endswith(".codes")]
    lost = layers[layers.index(first):]
    marks, _ = header["finished"]["data_offsets"]
    for layer in lost:
        file.seek(8 + length + marks + layers.index(layer))
        assert file.read(1) == b"\1", f"{layer} was not finished"
        file.seek(-1, 1)
        file.write(b"\0")
        for key, tensor in header.items():
            if key.startswith(layer + "."):
                begin, end = tensor["data_offsets"]
                file.seek(8 + length + begin)
                file.write(b"\x55" * (end - begin))
