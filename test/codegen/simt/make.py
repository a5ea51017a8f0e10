"""Writes numbers of a type into a .npy file: make.py FILE TYPE COUNT."""

import sys

import numpy as np

path, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
numbers = np.random.default_rng(1)
types = {"f32": np.float32, "f16": np.float16, "i32": np.int32, "i8": np.int8}
np.save(path, (numbers.standard_normal(count) * 8).astype(types[kind]))
