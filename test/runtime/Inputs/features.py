"""Changes what the code of a library needs: `features.py IN OUT BIT`.

The library has one variant, with one entry, for a CPU whose features are 1.
"""

import struct
import sys

data = bytearray(open(sys.argv[1], "rb").read())
# qopt_variant: name (relocated: 0 here), features, entry_count, emulated,
# entries (relocated)
pattern = struct.pack("<QQIIQ", 0, 1, 1, 0, 0)
places = [i for i in range(0, len(data) - 32, 8) if data[i : i + 32] == pattern]
assert len(places) == 1, places
struct.pack_into("<Q", data, places[0] + 8, 1 << int(sys.argv[3]))
open(sys.argv[2], "wb").write(data)
