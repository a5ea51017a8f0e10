"""Writes .npy files of token ids, good and bad: ids.py DIR"""

import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
ids = np.random.RandomState(0).randint(0, 16, 2000)
np.save(folder / "ids.npy", ids)
np.save(folder / "narrow.npy", ids.astype(np.int32))
np.save(folder / "table.npy", ids.reshape(50, 40))
np.save(folder / "short.npy", ids[:100])
np.save(folder / "outside.npy", ids + 1)
np.save(folder / "floats.npy", ids.astype(np.float32))
np.save(folder / "cube.npy", ids.reshape(10, 10, 20))
(folder / "text.npy").write_text("no array at all")
whole = (folder / "ids.npy").read_bytes()
(folder / "header.npy").write_bytes(whole[:40])
(folder / "cut.npy").write_bytes(whole[:-8])
(folder / "shape.npy").write_bytes(whole.replace(b"(2000,)", b"(20x0,)"))
