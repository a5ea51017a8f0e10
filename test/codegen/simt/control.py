"""Branches, loops and switches that lanes take differently: control.py FOLDER."""

import sys

import numpy as np
from programs import Folder, kernel, module, store

folder = Folder(sys.argv[1])
lanes = np.arange(64)

# Each lane adds 0 .. lane - 1; lanes leave the loop one after the other and must
# keep their sums. Behind it all are together again: the shuffle needs them.
body = """  %zero = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %c31 = llvm.mlir.constant(31 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  llvm.br ^head(%zero, %zero : i32, i32)
^head(%i: i32, %sum: i32):
  %more = llvm.icmp "ult" %i, %t : i32
  llvm.cond_br %more, ^body, ^end
^body:
  %next = llvm.add %i, %one : i32
  %added = llvm.add %sum, %i : i32
  llvm.br ^head(%next, %added : i32, i32)
^end:
  %other = nvvm.shfl.sync bfly %all, %sum, %one, %c31 : i32 -> i32
""" + store("sum", "y", "t", "i32") + store("other", "y", "t", "i32", 64)
got = folder.run(module(kernel("loop", ["y"], body, 64)), "loop", {}, {"y": "i32[2,64]"})["y"]
sums = lanes * (lanes - 1) // 2
assert np.array_equal(got, [sums, sums[lanes ^ 1]]), got

# Two values change places in every round, as arguments of the block.
body = """  %zero = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %five = llvm.mlir.constant(5 : i32) : i32
  llvm.br ^head(%zero, %t, %five : i32, i32, i32)
^head(%i: i32, %p: i32, %q: i32):
  %next = llvm.add %i, %one : i32
  %more = llvm.icmp "ult" %next, %five : i32
  llvm.cond_br %more, ^head(%next, %q, %p : i32, i32, i32), ^end
^end:
""" + store("p", "y", "t", "i32") + store("q", "y", "t", "i32", 64)
got = folder.run(module(kernel("swap", ["y"], body, 64)), "swap", {}, {"y": "i32[2,64]"})["y"]
assert np.array_equal(got, [lanes, np.full(64, 5)]), got

# A switch, a select, an element that each lane chooses, and a struct.
body = """  %three = llvm.mlir.constant(3 : i32) : i32
  %odd = llvm.mlir.constant(101 : i32) : i32
  %v = llvm.mlir.constant(dense<[7, 8, 9]> : vector<3xi32>) : vector<3xi32>
  %k = llvm.urem %t, %three : i32
  %e = llvm.extractelement %v[%k : i32] : vector<3xi32>
  %w = llvm.insertelement %t, %v[%k : i32] : vector<3xi32>
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %m = llvm.extractelement %w[%c1 : i32] : vector<3xi32>
  %s0 = llvm.mlir.undef : !llvm.struct<(i32, array<2 x i32>)>
  %s1 = llvm.insertvalue %e, %s0[1, 1] : !llvm.struct<(i32, array<2 x i32>)>
  %back = llvm.extractvalue %s1[1, 1] : !llvm.struct<(i32, array<2 x i32>)>
  llvm.switch %k : i32, ^other(%odd : i32) [0: ^other(%e : i32), 2: ^two]
^two:
  llvm.br ^other(%t : i32)
^other(%r: i32):
""" + store("r", "y", "t", "i32") + store("m", "y", "t", "i32", 64) + store("back", "y", "t", "i32", 128)
got = folder.run(module(kernel("choice", ["y"], body, 64)), "choice", {}, {"y": "i32[3,64]"})["y"]
third = lanes % 3
assert np.array_equal(got[0], np.select([third == 0, third == 2], [7, lanes], 101)), got[0]
assert np.array_equal(got[1], np.where(third == 1, lanes, 8)), got[1]
assert np.array_equal(got[2], 7 + third), got[2]
