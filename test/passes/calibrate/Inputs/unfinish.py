"""Takes back what was found of the layers from LAYER on: unfinish.py FILE LAYER"""

import json
import struct
import sys

path, layer = sys.argv[1], int(sys.argv[2])
data = bytearray(open(path, "rb").read())
(length,) = struct.unpack("<Q", data[:8])
header = json.loads(data[8:8 + length])
begin, end = header["finished"]["data_offsets"]
for i in range(8 + length + begin + layer, 8 + length + end):
    data[i] = 0
for name, entry in header.items():
    if name.startswith("w2."):
        first, last = entry["data_offsets"]
        data[8 + length + first:8 + length + last] = bytes(last - first)
open(path, "wb").write(data)
