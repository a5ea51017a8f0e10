"""Asynchronous copies in stages, and dynamic shared memory: copies.py FOLDER."""

import sys

import numpy as np
from programs import Folder, kernel, store

folder = Folder(sys.argv[1])

# Each lane copies 16 bytes twice, the second time 4 of them and zeros behind; the
# first copy lands one wait before the second.
body = """  %s = llvm.mlir.addressof @dynamic : !llvm.ptr<3>
  %p = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xf32>
  %c32 = llvm.mlir.constant(32 : i32) : i32
  %c4 = llvm.mlir.constant(4 : i32) : i32
  %i = llvm.add %t, %c32 : i32
  %q = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xf32>
  %g = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %from = llvm.getelementptr %g[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xf32>
  nvvm.cp.async.shared.global %p, %from, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.cp.async.shared.global %q, %from, 16, cache = cg, %c4 : !llvm.ptr<3>, !llvm.ptr<1>, i32
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 1
  %a = llvm.load %p : !llvm.ptr<3> -> vector<4xf32>
  nvvm.cp.async.wait.group 0
  %b = llvm.load %q : !llvm.ptr<3> -> vector<4xf32>
""" + store("a", "y", "t", "vector<4xf32>") + store("b", "y", "t", "vector<4xf32>", 32)
program = ("gpu.module @qopt_kernels {\n"
           "llvm.mlir.global external @dynamic() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>\n"
           + kernel("staged", ["x", "y"], body) + "}\n")
x = np.arange(128, dtype=np.float32).reshape(32, 4) + 1
got = folder.run(program, "staged", {"x": x}, {"y": "f32[2,32,4]"}, flags=("--shared", "1024"))["y"]
assert np.array_equal(got[0], x), got[0]
assert np.array_equal(got[1], x * [1, 0, 0, 0]), got[1]

# A launch with less of it is out of bounds.
try:
    folder.run(program, "staged", {"x": x}, {"y": "f32[2,32,4]"}, flags=("--shared", "1008"))
except Exception as error:
    assert "returned non-zero exit status 1" in str(error)
else:
    sys.exit("16 bytes too few of shared memory are not seen")
