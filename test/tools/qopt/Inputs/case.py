# Writes a case for compare.mlir whose output is wrong by the second argument.
import os
import sys
import numpy

folder, error = sys.argv[1], float(sys.argv[2])
os.makedirs(folder, exist_ok=True)
x = numpy.array([[1, 2], [3, 4]], numpy.float32)
w = numpy.array([[1, 2], [3, 4], [5, 6]], numpy.float32)
y = x @ w.T
y[1, 2] += error
numpy.save(os.path.join(folder, "in_x.npy"), x)
numpy.save(os.path.join(folder, "out_y.npy"), y)
