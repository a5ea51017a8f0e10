// Races, divergence and asynchronous copies: each fault, planted, is found and
// told with kernel, line and thread; its twin without the fault passes.

// RUN: %python %S/make.py %t.x.npy f32 256
// RUN: qopt-interpret --simt %s --kernel exchange --arg x=%t.x.npy --arg y=f32[64]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel missing_barrier --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=MISSING-BARRIER
// RUN: qopt-interpret --simt %s --kernel exchange_in_warps --arg x=%t.x.npy --arg y=f32[64]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel missing_warp_sync --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=MISSING-WARP-SYNC
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel warp_sync_is_no_barrier --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=WARP-SYNC-IS-NO-BARRIER
// RUN: qopt-interpret --simt %s --kernel again --arg x=%t.x.npy --arg y=f32[64]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel missing_second_barrier --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=MISSING-SECOND-BARRIER
// RUN: qopt-interpret --simt %s --kernel own_elements --grid 2 --arg x=%t.x.npy --arg y=f32[128]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel blocks_overlap --grid 2 --arg x=%t.x.npy --arg y=f32[65] 2>&1 | FileCheck %s --check-prefix=BLOCKS-OVERLAP
// RUN: qopt-interpret --simt %s --kernel one_value --arg y=i32[1]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel several_values --arg y=i32[1] 2>&1 | FileCheck %s --check-prefix=SEVERAL-VALUES
// RUN: qopt-interpret --simt %s --kernel own_bytes
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel shared_bytes 2>&1 | FileCheck %s --check-prefix=SHARED-BYTES
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel divided_barrier 2>&1 | FileCheck %s --check-prefix=DIVIDED-BARRIER
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel divided_block 2>&1 | FileCheck %s --check-prefix=DIVIDED-BLOCK
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel divided_shuffle 2>&1 | FileCheck %s --check-prefix=DIVIDED-SHUFFLE
// RUN: qopt-interpret --simt %s --kernel copied --arg x=%t.x.npy --arg y=f32[64]
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel missing_wait --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=MISSING-WAIT
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel wait_for_others --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=WAIT-FOR-OTHERS
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel missing_commit --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=MISSING-COMMIT
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel missing_barrier_behind_wait --arg x=%t.x.npy --arg y=f32[64] 2>&1 | FileCheck %s --check-prefix=MISSING-BARRIER-BEHIND-WAIT

gpu.module @qopt_kernels {
llvm.mlir.global internal @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<256 x i8>

// Each thread reads what the next one wrote.
llvm.func @exchange(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %n = llvm.add %t, %one : i32
  %63 = llvm.mlir.constant(63 : i32) : i32
  %m = llvm.and %n, %63 : i32
  %sn = llvm.getelementptr %s[%m] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  nvvm.barrier0
  %w = llvm.load %sn : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  llvm.return
}

// MISSING-BARRIER: error: kernel 'missing_barrier', line [[#@LINE+15]], block 0: race: thread 0 reads 4 bytes at shared+4 that thread 1 wrote (line [[#@LINE+14]]) since the last barrier
llvm.func @missing_barrier(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %n = llvm.add %t, %one : i32
  %63 = llvm.mlir.constant(63 : i32) : i32
  %m = llvm.and %n, %63 : i32
  %sn = llvm.getelementptr %s[%m] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  %w = llvm.load %sn : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  llvm.return
}

// The other end of the warp: bar.warp.sync is enough.
llvm.func @exchange_in_warps(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %31 = llvm.mlir.constant(31 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %r = llvm.xor %t, %31 : i32
  %sr = llvm.getelementptr %s[%r] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  nvvm.bar.warp.sync %all : i32
  %w = llvm.load %sr : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  llvm.return
}

// MISSING-WARP-SYNC: error: kernel 'missing_warp_sync', {{.*}}: race: thread 0 reads 4 bytes at shared+124 that thread 31 wrote
llvm.func @missing_warp_sync(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %31 = llvm.mlir.constant(31 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %r = llvm.xor %t, %31 : i32
  %sr = llvm.getelementptr %s[%r] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  %w = llvm.load %sr : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  llvm.return
}

// WARP-SYNC-IS-NO-BARRIER: error: kernel 'warp_sync_is_no_barrier', {{.*}}: uninitialized: thread 31 reads 4 bytes at shared+128
llvm.func @warp_sync_is_no_barrier(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %n = llvm.add %t, %one : i32
  %63 = llvm.mlir.constant(63 : i32) : i32
  %m = llvm.and %n, %63 : i32
  %sn = llvm.getelementptr %s[%m] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  %all = llvm.mlir.constant(-1 : i32) : i32
  nvvm.bar.warp.sync %all : i32
  %w = llvm.load %sn : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  llvm.return
}

// The buffer is used again.
llvm.func @again(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %n = llvm.add %t, %one : i32
  %63 = llvm.mlir.constant(63 : i32) : i32
  %m = llvm.and %n, %63 : i32
  %sn = llvm.getelementptr %s[%m] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  nvvm.barrier0
  %w = llvm.load %sn : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  nvvm.barrier0
  llvm.store %w, %st : f32, !llvm.ptr<3>
  llvm.return
}

// MISSING-SECOND-BARRIER: error: kernel 'missing_second_barrier', {{.*}}: race: thread 1 writes 4 bytes at shared+4 that thread 0 read
llvm.func @missing_second_barrier(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %xt = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %one = llvm.mlir.constant(1 : i32) : i32
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %n = llvm.add %t, %one : i32
  %63 = llvm.mlir.constant(63 : i32) : i32
  %m = llvm.and %n, %63 : i32
  %sn = llvm.getelementptr %s[%m] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %st : f32, !llvm.ptr<3>
  nvvm.barrier0
  %w = llvm.load %sn : !llvm.ptr<3> -> f32
  llvm.store %w, %yt : f32, !llvm.ptr
  llvm.store %w, %st : f32, !llvm.ptr<3>
  llvm.return
}

llvm.func @own_elements(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %b = nvvm.read.ptx.sreg.ctaid.x : i32
  %k = llvm.mlir.constant(64 : i32) : i32
  %f = llvm.mul %b, %k : i32
  %i = llvm.add %f, %t : i32
  %xt = llvm.getelementptr %x[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// BLOCKS-OVERLAP: error: kernel 'blocks_overlap', {{.*}}, block 1: race: thread 0 writes 4 bytes at y+4 that thread 1 of block 0 wrote (line {{[0-9]+}}) in this launch
llvm.func @blocks_overlap(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %b = nvvm.read.ptx.sreg.ctaid.x : i32
  %k = llvm.mlir.constant(1 : i32) : i32
  %f = llvm.mul %b, %k : i32
  %i = llvm.add %f, %t : i32
  %xt = llvm.getelementptr %x[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %yt = llvm.getelementptr %y[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %xt : !llvm.ptr -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// Lanes of one instruction may write the same, but nothing else.
llvm.func @one_value(%y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %c = llvm.mlir.constant(32 : i32) : i32
  %first = llvm.icmp "ult" %t, %c : i32
  llvm.cond_br %first, ^one, ^end
^one:
  llvm.store %c, %y : i32, !llvm.ptr
  llvm.br ^end
^end:
  llvm.return
}

// SEVERAL-VALUES: error: kernel 'several_values', {{.*}}: race: thread 1 writes 4 bytes at y+0 that thread 0 wrote
llvm.func @several_values(%y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %c = llvm.mlir.constant(32 : i32) : i32
  %first = llvm.icmp "ult" %t, %c : i32
  llvm.cond_br %first, ^one, ^end
^one:
  llvm.store %t, %y : i32, !llvm.ptr
  llvm.br ^end
^end:
  llvm.return
}

// Four threads share a word, but no byte.
llvm.func @own_bytes()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %z = llvm.mlir.constant(0 : i32) : i32
  %q = llvm.lshr %t, %z : i32
  %st = llvm.getelementptr %s[%q] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %v = llvm.trunc %t : i32 to i8
  llvm.store %v, %st : i8, !llvm.ptr<3>
  llvm.return
}

// SHARED-BYTES: error: kernel 'shared_bytes', {{.*}}: race: thread 1 writes 1 bytes at shared+0 that thread 0 wrote
llvm.func @shared_bytes()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %z = llvm.mlir.constant(1 : i32) : i32
  %q = llvm.lshr %t, %z : i32
  %st = llvm.getelementptr %s[%q] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %v = llvm.trunc %t : i32 to i8
  llvm.store %v, %st : i8, !llvm.ptr<3>
  llvm.return
}

// Half of a warp, then one of two warps, comes to a barrier.
// DIVIDED-BARRIER: error: kernel 'divided_barrier', {{.*}}: divergence: threads 0-15 wait at 'nvvm.barrier0' for threads 16-31, which have returned
llvm.func @divided_barrier()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c = llvm.mlir.constant(16 : i32) : i32
  %f = llvm.icmp "ult" %t, %c : i32
  llvm.cond_br %f, ^some, ^end
^some:
  nvvm.barrier0
  llvm.br ^end
^end:
  llvm.return
}

// DIVIDED-BLOCK: error: kernel 'divided_block', {{.*}}: divergence: threads 0-31 wait at 'nvvm.barrier0' for threads 32-63, which wait at line [[#@LINE+11]]
llvm.func @divided_block()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c = llvm.mlir.constant(32 : i32) : i32
  %f = llvm.icmp "ult" %t, %c : i32
  llvm.cond_br %f, ^some, ^others
^some:
  nvvm.barrier0
  llvm.br ^end
^others:
  nvvm.barrier0
  llvm.br ^end
^end:
  llvm.return
}

// Lanes that a shuffle needs are elsewhere.
// DIVIDED-SHUFFLE: error: kernel 'divided_shuffle', {{.*}}: divergence: threads 16-31 wait at 'nvvm.shfl.sync' for threads 0-15, which have returned
llvm.func @divided_shuffle()
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c = llvm.mlir.constant(16 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %k = llvm.mlir.constant(31 : i32) : i32
  %f = llvm.icmp "uge" %t, %c : i32
  llvm.cond_br %f, ^some, ^end
^some:
  %v = nvvm.shfl.sync bfly %all, %t, %c, %k : i32 -> i32
  llvm.br ^end
^end:
  llvm.return
}

llvm.func @copied(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %g = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %gt = llvm.getelementptr %g[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  nvvm.cp.async.shared.global %st, %gt, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 0
  nvvm.barrier0
  %v = llvm.load %st : !llvm.ptr<3> -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// MISSING-WAIT: error: kernel 'missing_wait', {{.*}}: missing wait: thread 0 reads 4 bytes at shared+0, which a cp.async of thread 0 (line {{[0-9]+}}) writes: expects cp.async.wait.group before
llvm.func @missing_wait(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %g = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %gt = llvm.getelementptr %g[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  nvvm.cp.async.shared.global %st, %gt, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.barrier0
  %v = llvm.load %st : !llvm.ptr<3> -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// It waits for all groups but the last one.
// WAIT-FOR-OTHERS: error: kernel 'wait_for_others', {{.*}}: missing wait: thread 0 reads 4 bytes
llvm.func @wait_for_others(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %g = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %gt = llvm.getelementptr %g[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  nvvm.cp.async.shared.global %st, %gt, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 1
  nvvm.barrier0
  %v = llvm.load %st : !llvm.ptr<3> -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// MISSING-COMMIT: error: kernel 'missing_commit', {{.*}}: missing wait: thread 0 reads 4 bytes
llvm.func @missing_commit(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %g = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %gt = llvm.getelementptr %g[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  nvvm.cp.async.shared.global %st, %gt, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.wait.group 0
  nvvm.barrier0
  %v = llvm.load %st : !llvm.ptr<3> -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}

// MISSING-BARRIER-BEHIND-WAIT: error: kernel 'missing_barrier_behind_wait', {{.*}}: race: thread 0 reads 4 bytes at shared+4 that thread 1 wrote
llvm.func @missing_barrier_behind_wait(%x: !llvm.ptr, %y: !llvm.ptr)
    attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %st = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %g = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %gt = llvm.getelementptr %g[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
  %yt = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  nvvm.cp.async.shared.global %st, %gt, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 0
  %one = llvm.mlir.constant(1 : i32) : i32
  %n = llvm.xor %t, %one : i32
  %sn = llvm.getelementptr %s[%n] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %sn : !llvm.ptr<3> -> f32
  llvm.store %v, %yt : f32, !llvm.ptr
  llvm.return
}
}
