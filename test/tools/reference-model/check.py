"""Whether the two files of a reference model hold the same ternary weights.

    check.py REFERENCE_DIR CONVERTED_DIR

CONVERTED_DIR holds what qopt-gguf-to-onnx made of the GGUF.
"""
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

folder, converted = sys.argv[1:]

model = onnx.load(folder + "/model.onnx")
shares = []
for tensor in model.graph.initializer:
    value = numpy_helper.to_array(tensor)
    if value.ndim == 2 and tensor.name.startswith("model.layers"):
        levels = np.unique(value)
        if len(levels) != 3 or levels[1] != 0 or levels[0] != -levels[2]:
            sys.exit(f"{tensor.name}: expected three levels, got {levels[:5]}")
        shares.append((value == 0).mean())
print(f"{len(shares)} ternary matrices")
if not 0.30 < np.mean(shares) < 0.32:
    sys.exit(f"expected 31 % zeros, got {np.mean(shares):.1%}")


def logits(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids = np.array([[1, 5, 9, 300]])
    known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "position_ids": np.arange(4)[None]}
    for value in session.get_inputs():
        if value.name.startswith("past"):
            kind = np.float16 if "16" in value.type else np.float32
            known[value.name] = np.zeros((1, value.shape[1], 0, value.shape[3]), kind)
    return session.run(["logits"], known)[0].astype(float)


want, got = logits(folder + "/model.onnx"), logits(converted + "/model.onnx")
error = np.abs(want - got).max() / np.ptp(want)
print(f"logits differ by {error:.1e} of their range")
sys.exit(not error < 2e-3)  # one of them computes in f16
