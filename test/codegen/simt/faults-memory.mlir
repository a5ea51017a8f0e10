// Accesses out of bounds, misaligned or of bytes that nobody wrote, and what the
// simulator does not know: each is told with kernel, line and thread; twins
// without the fault pass.

// RUN: %python %S/make.py %t.x.npy f32 256
// RUN: qopt-interpret --simt %s --kernel in_bounds --arg x=%t.x.npy --arg y=f32[64]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel short_result --arg x=%t.x.npy --arg y=f32[63] 2>&1 | FileCheck %s --check-prefix=SHORT-RESULT
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel constant --arg x=%t.x.npy 2>&1 | FileCheck %s --check-prefix=CONSTANT
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel behind_shared --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=BEHIND-SHARED
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel null 2>&1 | FileCheck %s --check-prefix=NULL
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel unwritten_shared --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=UNWRITTEN-SHARED
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel unwritten_global --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=UNWRITTEN-GLOBAL
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel unwritten_local 2>&1 | FileCheck %s --check-prefix=UNWRITTEN-LOCAL
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel unwritten_result --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=UNWRITTEN-RESULT
// RUN: qopt-interpret --simt %s --kernel aligned --arg x=%t.x.npy
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel misaligned --arg x=%t.x.npy 2>&1 | FileCheck %s --check-prefix=MISALIGNED
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel unknown_op 2>&1 | FileCheck %s --check-prefix=UNKNOWN-OP
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel float_atomic --arg y=f32[1] 2>&1 | FileCheck %s --check-prefix=FLOAT-ATOMIC
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel endless --max-steps 1000 2>&1 | FileCheck %s --check-prefix=ENDLESS
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel divided_by_zero 2>&1 | FileCheck %s --check-prefix=DIVIDED-BY-ZERO
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel unreachable 2>&1 | FileCheck %s --check-prefix=UNREACHABLE
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel too_few_arguments 2>&1 | FileCheck %s --check-prefix=TOO-FEW-ARGUMENTS
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel other_block --block 32 2>&1 | FileCheck %s --check-prefix=OTHER-BLOCK
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel two_memories 2>&1 | FileCheck %s --check-prefix=TWO-MEMORIES
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel too_much 2>&1 | FileCheck %s --check-prefix=TOO-MUCH
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel in_bounds --arg x=%t.x.npy --arg y=f99[64] 2>&1 | FileCheck %s --check-prefix=ARGUMENT
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel in_bounds --arg x= --arg 3 2>&1 | FileCheck %s --check-prefix=TEXT
// ARGUMENT: No such file or directory
// TEXT: expects an argument as NUMBER, NAME=FILE.npy, NAME+=FILE.npy or NAME=TYPE[SIZES], got 'x='

gpu.module @qopt_kernels {
llvm.mlir.global internal @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<256 x i8>

llvm.func @in_bounds(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// The result is one element short.
// SHORT-RESULT: error: kernel 'short_result', {{.*}}: out of bounds: thread 63 writes 4 bytes at y+252, near 'y' of 252 bytes
llvm.func @short_result(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// CONSTANT: error: kernel 'constant', {{.*}}: out of bounds: thread 0 writes 4 bytes at x+0, which is constant
llvm.func @constant(%x: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  llvm.store %t, %xt : i32, !llvm.ptr
  llvm.return
}

// BEHIND-SHARED: error: kernel 'behind_shared', {{.*}}: out of bounds: thread 0 reads 4 bytes at shared+260, 'shared' has 256 bytes
llvm.func @behind_shared(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %p = llvm.getelementptr %s[65] : (!llvm.ptr<3>) -> !llvm.ptr<3>, f32
  %v = llvm.load %p : !llvm.ptr<3> -> f32
  llvm.return
}

// NULL: error: kernel 'null', {{.*}}: out of bounds: thread 0 reads 4 bytes at
llvm.func @null()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %z = llvm.mlir.zero : !llvm.ptr
  %v = llvm.load %z : !llvm.ptr -> f32
  llvm.return
}

// UNWRITTEN-SHARED: error: kernel 'unwritten_shared', {{.*}}: uninitialized: thread 0 reads 4 bytes at shared+0, but byte 0 was never written
llvm.func @unwritten_shared(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %st : !llvm.ptr<3> -> f32
  llvm.return
}

// UNWRITTEN-GLOBAL: error: kernel 'unwritten_global', {{.*}}: uninitialized: thread 0 reads 4 bytes at y+0, but byte 2 was never written
llvm.func @unwritten_global(%y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 1>} {
  %h = llvm.mlir.constant(1.0 : f16) : f16
  llvm.store %h, %y : f16, !llvm.ptr
  %v = llvm.load %y : !llvm.ptr -> f32
  llvm.return
}

// UNWRITTEN-LOCAL: error: kernel 'unwritten_local', {{.*}}: uninitialized: thread 0 reads 4 bytes at local+0, but byte 0 was never written
llvm.func @unwritten_local()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %c = llvm.mlir.constant(4 : i32) : i32
  %a = llvm.alloca %c x f32 : (i32) -> !llvm.ptr
  %v = llvm.load %a : !llvm.ptr -> f32
  llvm.return
}

// UNWRITTEN-RESULT: error: expects all of {{.y.}} to be written, but byte 4 was not
llvm.func @unwritten_result(%y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 1>} {
  %h = llvm.mlir.constant(1.0 : f32) : f32
  llvm.store %h, %y : f32, !llvm.ptr
  llvm.return
}

llvm.func @aligned(%x: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %p = llvm.getelementptr %x[4] : (!llvm.ptr) -> !llvm.ptr, f32
  %v = llvm.load %p {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
  llvm.return
}

// MISALIGNED: error: kernel 'misaligned', {{.*}}: misaligned: thread 0 reads 16 bytes at x+8, which is no multiple of 16
llvm.func @misaligned(%x: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %p = llvm.getelementptr %x[2] : (!llvm.ptr) -> !llvm.ptr, f32
  %v = llvm.load %p {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
  llvm.return
}

// UNKNOWN-OP: error: kernel 'unknown_op', line [[#@LINE+4]]: the simulator does not know 'llvm.intr.exp'
llvm.func @unknown_op()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %c = llvm.mlir.constant(1.0 : f32) : f32
  %e = llvm.intr.exp(%c) : (f32) -> f32
  llvm.return
}

// FLOAT-ATOMIC: error: kernel 'float_atomic', {{.*}}: the simulator does not know 'llvm.atomicrmw': expects i32 or i64
llvm.func @float_atomic(%y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %c = llvm.mlir.constant(1.0 : f32) : f32
  %e = llvm.atomicrmw fadd %y, %c monotonic : !llvm.ptr, f32
  llvm.return
}

// ENDLESS: error: kernel 'endless', {{.*}}: expects a warp to end within 1000 instructions, got a loop that goes on
llvm.func @endless()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  llvm.br ^again
^again:
  llvm.br ^again
}

// DIVIDED-BY-ZERO: error: kernel 'divided_by_zero', {{.*}}: thread 0 divides an integer by zero
llvm.func @divided_by_zero()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %v = llvm.sdiv %t, %t : i32
  llvm.return
}

// UNREACHABLE: error: kernel 'unreachable', {{.*}}: is reached, though 'llvm.unreachable' says that it is not
llvm.func @unreachable()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  llvm.unreachable
}

// TOO-FEW-ARGUMENTS: error: launch of 'too_few_arguments': expects parameters 1, got 0
llvm.func @too_few_arguments(%x: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  llvm.return
}

// OTHER-BLOCK: error: launch of 'other_block': expects threads of a block 64, got 32
llvm.func @other_block()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  llvm.return
}

llvm.mlir.global external @dynamic() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
llvm.mlir.global internal @large() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<49153 x i8>

// TWO-MEMORIES: error: kernel 'two_memories', {{.*}}: expects either static or dynamic shared memory
llvm.func @two_memories() attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %d = llvm.mlir.addressof @dynamic : !llvm.ptr<3>
  llvm.return
}

// TOO-MUCH: error: launch of 'too_much': expects bytes of static shared memory, up to 49152, got 49153
llvm.func @too_much() attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
  %s = llvm.mlir.addressof @large : !llvm.ptr<3>
  llvm.return
}
}
