"""Signal to noise of 8 bits per channel, by numpy, is what the report says.

    decibels.py REPORT.json MODEL.onnx
"""

import json
import sys

import numpy
import onnx
from onnx import numpy_helper

report, model = sys.argv[1:]
weights = {w.name: numpy_helper.to_array(w) for w in onnx.load(model).graph.initializer}
checked = 0
for tensor in json.load(open(report))["tensors"]:
    if tensor["scheme"] != "i8/channel":
        continue
    x = weights[tensor["name"]].astype(numpy.float64)
    if list(x.shape) != tensor["shape"]:
        x = x.T
    scale = numpy.maximum(abs(x).max(axis=1, keepdims=True), 1e-5) / 127
    noise = ((x - numpy.rint(x / scale) * scale) ** 2).sum()
    expected = 10 * numpy.log10((x**2).sum() / noise)
    checked += 1
    if abs(expected - tensor["sqnr_db"]) > 0.01:
        sys.exit(f"{tensor['name']}: expects {expected} dB, got {tensor['sqnr_db']}")
if checked != 2:
    sys.exit(f"expects 2 tensors of 8 bits, got {checked}")
