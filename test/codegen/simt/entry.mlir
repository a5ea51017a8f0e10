// An entry is run as the runtime would: sizes from the inputs, an arena, packed
// weights, launches in order; what a kernel leaves in the arena the next one
// finds. The table is that of runtime/abi.h.

// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %python -c "import numpy as np; np.save('x.npy', np.arange(37, dtype=np.float32)); np.array([0.5], np.float32).tofile('w.bin'); np.array([100], np.int64).tofile('v.bin'); np.save('k.npy', np.full((1, 1, 3, 1), 4, np.float32)); np.save('long.npy', np.zeros((2, 37), np.float32))"
// RUN: qopt-interpret --simt %s --input x=x.npy --input k=k.npy --weights w.bin --variables v.bin --output-dir out | FileCheck %s --check-prefix=TOTAL
// RUN: %python -c "import numpy as np; y = np.load('out/y.npy'); assert (y == 2 * np.arange(37) + 0.5 + 4).all() and y.dtype == np.float32, y; assert np.fromfile('out/variables.bin', np.int64)[0] == 101; assert np.load('out/k.npy').shape == (1, 1, 3, 1)"
// RUN: %{exits} 1 qopt-interpret --simt %s --entry decode --output-dir out 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: %{exits} 1 qopt-interpret --simt %s --output-dir out 2>&1 | FileCheck %s --check-prefix=LACKS
// RUN: %{exits} 1 qopt-interpret --simt %s --input x=long.npy --output-dir out 2>&1 | FileCheck %s --check-prefix=AXES
// RUN: %{exits} 1 qopt-interpret --simt %s --input x=x.npy --output-dir out 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: %{exits} 1 qopt-interpret --simt %s --input x=x.npy --size room=3 --weights w.bin --output-dir out 2>&1 | FileCheck %s --check-prefix=FRESH
// RUN: %{exits} 1 qopt-interpret --simt %s --input x=x.npy --input k=k.npy --weights x.npy --output-dir out 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: sed 's/%f0 = llvm.mlir.constant(4 : i32)/%f0 = llvm.mlir.constant(2 : i32)/' %s > old.mlir
// RUN: %{exits} 1 qopt-interpret --simt old.mlir --input x=x.npy --output-dir out 2>&1 | FileCheck %s --check-prefix=VERSION
// RUN: %{exits} 1 qopt-interpret --simt %s --kernel absent 2>&1 | FileCheck %s --check-prefix=ABSENT
// TOTAL: 3 launches of 4 blocks, {{[0-9]+}} instructions of lanes, no fault
// ENTRY: has no entry 'decode': there are run
// LACKS: entry 'run' lacks the inputs x; give each as --input NAME=FILE
// AXES: expects 'x' to have 1 axes, got 2
// SIZE: cannot tell the size 'room': give --size room=NUMBER
// FRESH: error: kernel 'add', line {{.*}}: uninitialized: thread 0 reads 4 bytes at k+0
// WEIGHTS: expects 4 bytes of weights, got
// VERSION: expects a table of version 4, got 2: compile the model again
// ABSENT: has no kernel 'absent'

module {
gpu.module @qopt_kernels {
  // t = 2 x
  llvm.func @double(%x: !llvm.ptr, %t: !llvm.ptr, %n: i64)
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
    %i = nvvm.read.ptx.sreg.tid.x : i32
    %b = nvvm.read.ptx.sreg.ctaid.x : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %first = llvm.mul %b, %c32 : i32
    %at = llvm.add %first, %i : i32
    %wide = llvm.zext %at : i32 to i64
    %inside = llvm.icmp "slt" %wide, %n : i64
    llvm.cond_br %inside, ^work, ^end
  ^work:
    %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    %to = llvm.getelementptr %t[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    %v = llvm.load %from : !llvm.ptr -> f32
    %d = llvm.fadd %v, %v : f32
    llvm.store %d, %to : f32, !llvm.ptr
    llvm.br ^end
  ^end:
    llvm.return
  }
  // y = t + w + k[0], by one thread
  llvm.func @add(%t: !llvm.ptr, %w: !llvm.ptr, %k: !llvm.ptr, %y: !llvm.ptr, %n: i64)
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 1>} {
    %zero = llvm.mlir.constant(0 : i64) : i64
    %one = llvm.mlir.constant(1 : i64) : i64
    %weight = llvm.load %w : !llvm.ptr -> f32
    %cached = llvm.load %k : !llvm.ptr -> f32
    llvm.br ^head(%zero : i64)
  ^head(%i: i64):
    %inside = llvm.icmp "slt" %i, %n : i64
    llvm.cond_br %inside, ^work, ^end
  ^work:
    %from = llvm.getelementptr %t[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %to = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %v = llvm.load %from : !llvm.ptr -> f32
    %a = llvm.fadd %v, %weight : f32
    %b = llvm.fadd %a, %cached : f32
    llvm.store %b, %to : f32, !llvm.ptr
    %next = llvm.add %i, %one : i64
    llvm.br ^head(%next : i64)
  ^end:
    llvm.return
  }
  llvm.func @step(%v: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 1>} {
    %one = llvm.mlir.constant(1 : i64) : i64
    %old = llvm.load %v : !llvm.ptr -> i64
    %new = llvm.add %old, %one : i64
    llvm.store %new, %v : i64, !llvm.ptr
    llvm.return
  }
}

llvm.func @qopt_launch(!llvm.ptr, i64, !llvm.ptr, i64, i64, i64, i64)

llvm.func internal @qopt_shapes_run__cuda(%symbols: !llvm.ptr, %dims: !llvm.ptr) {
  %one = llvm.mlir.constant(1 : i64) : i64
  %seq = llvm.load %symbols : !llvm.ptr -> i64
  %room_p = llvm.getelementptr %symbols[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %room = llvm.load %room_p : !llvm.ptr -> i64
  llvm.store %seq, %dims : i64, !llvm.ptr
  %d1 = llvm.getelementptr %dims[1] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %seq, %d1 : i64, !llvm.ptr
  %d2 = llvm.getelementptr %dims[2] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %one, %d2 : i64, !llvm.ptr
  %d3 = llvm.getelementptr %dims[3] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %one, %d3 : i64, !llvm.ptr
  %d4 = llvm.getelementptr %dims[4] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %room, %d4 : i64, !llvm.ptr
  %d5 = llvm.getelementptr %dims[5] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %one, %d5 : i64, !llvm.ptr
  llvm.return
}

llvm.func internal @qopt_arena_run__cuda(%symbols: !llvm.ptr) -> i64 {
  %four = llvm.mlir.constant(4 : i64) : i64
  %seq = llvm.load %symbols : !llvm.ptr -> i64
  %bytes = llvm.mul %seq, %four : i64
  llvm.return %bytes : i64
}

llvm.func internal @qopt_run_run__cuda(%call: !llvm.ptr) {
  %c0 = llvm.mlir.constant(0 : i64) : i64
  %c1 = llvm.mlir.constant(1 : i64) : i64
  %c2 = llvm.mlir.constant(2 : i64) : i64
  %c3 = llvm.mlir.constant(3 : i64) : i64
  %c5 = llvm.mlir.constant(5 : i64) : i64
  %c31 = llvm.mlir.constant(31 : i64) : i64
  %c32 = llvm.mlir.constant(32 : i64) : i64
  %fields = llvm.load %call : !llvm.ptr -> vector<8xi64>
  %w_i = llvm.extractelement %fields[%c0 : i64] : vector<8xi64>
  %w = llvm.inttoptr %w_i : i64 to !llvm.ptr
  %arena_i = llvm.extractelement %fields[%c1 : i64] : vector<8xi64>
  %arena = llvm.inttoptr %arena_i : i64 to !llvm.ptr
  %symbols_i = llvm.extractelement %fields[%c2 : i64] : vector<8xi64>
  %symbols = llvm.inttoptr %symbols_i : i64 to !llvm.ptr
  %seq = llvm.load %symbols : !llvm.ptr -> i64
  %inputs_p = llvm.getelementptr %call[3] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %inputs = llvm.load %inputs_p : !llvm.ptr -> !llvm.ptr
  %x = llvm.load %inputs : !llvm.ptr -> !llvm.ptr
  %outputs_p = llvm.getelementptr %call[4] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %outputs = llvm.load %outputs_p : !llvm.ptr -> !llvm.ptr
  %y = llvm.load %outputs : !llvm.ptr -> !llvm.ptr
  %states_p = llvm.getelementptr %call[5] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %states = llvm.load %states_p : !llvm.ptr -> !llvm.ptr
  %k = llvm.load %states : !llvm.ptr -> !llvm.ptr
  %pool_p = llvm.getelementptr %call[6] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %pool = llvm.load %pool_p : !llvm.ptr -> !llvm.ptr
  %variables_p = llvm.getelementptr %call[7] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %variables = llvm.load %variables_p : !llvm.ptr -> !llvm.ptr
  %args = llvm.alloca %c5 x i64 : (i64) -> !llvm.ptr
  %a1 = llvm.getelementptr %args[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %a2 = llvm.getelementptr %args[2] : (!llvm.ptr) -> !llvm.ptr, i64
  %a3 = llvm.getelementptr %args[3] : (!llvm.ptr) -> !llvm.ptr, i64
  %a4 = llvm.getelementptr %args[4] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %x, %args : !llvm.ptr, !llvm.ptr
  llvm.store %arena, %a1 : !llvm.ptr, !llvm.ptr
  llvm.store %seq, %a2 : i64, !llvm.ptr
  %more = llvm.add %seq, %c31 : i64
  %blocks = llvm.sdiv %more, %c32 : i64
  llvm.call @qopt_launch(%pool, %c0, %args, %c3, %blocks, %c32, %c0) : (!llvm.ptr, i64, !llvm.ptr, i64, i64, i64, i64) -> ()
  llvm.store %arena, %args : !llvm.ptr, !llvm.ptr
  llvm.store %w, %a1 : !llvm.ptr, !llvm.ptr
  llvm.store %k, %a2 : !llvm.ptr, !llvm.ptr
  llvm.store %y, %a3 : !llvm.ptr, !llvm.ptr
  llvm.store %seq, %a4 : i64, !llvm.ptr
  llvm.call @qopt_launch(%pool, %c1, %args, %c5, %c1, %c1, %c0) : (!llvm.ptr, i64, !llvm.ptr, i64, i64, i64, i64) -> ()
  // A launch of no blocks is none.
  llvm.call @qopt_launch(%pool, %c1, %args, %c5, %c0, %c1, %c0) : (!llvm.ptr, i64, !llvm.ptr, i64, i64, i64, i64) -> ()
  llvm.store %variables, %args : !llvm.ptr, !llvm.ptr
  llvm.call @qopt_launch(%pool, %c2, %args, %c1, %c1, %c1, %c0) : (!llvm.ptr, i64, !llvm.ptr, i64, i64, i64, i64) -> ()
  llvm.return
}

llvm.mlir.global internal constant @name_run("run\00")
llvm.mlir.global internal constant @name_seq("seq\00")
llvm.mlir.global internal constant @name_room("room\00")
llvm.mlir.global internal constant @name_x("x\00")
llvm.mlir.global internal constant @name_y("y\00")
llvm.mlir.global internal constant @name_k("k\00")
llvm.mlir.global internal constant @dims_x(dense<-1> : tensor<1xi64>) : !llvm.array<1 x i64>
llvm.mlir.global internal constant @dims_k(dense<[1, 1, -2, 1]> : tensor<4xi64>) : !llvm.array<4 x i64>
llvm.mlir.global internal constant @symbols() : !llvm.array<2 x ptr> {
  %0 = llvm.mlir.undef : !llvm.array<2 x ptr>
  %seq = llvm.mlir.addressof @name_seq : !llvm.ptr
  %room = llvm.mlir.addressof @name_room : !llvm.ptr
  %1 = llvm.insertvalue %seq, %0[0] : !llvm.array<2 x ptr>
  %2 = llvm.insertvalue %room, %1[1] : !llvm.array<2 x ptr>
  llvm.return %2 : !llvm.array<2 x ptr>
}
llvm.mlir.global internal constant @inputs() : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>> {
  %0 = llvm.mlir.undef : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %name = llvm.mlir.addressof @name_x : !llvm.ptr
  %type = llvm.mlir.constant(0 : i32) : i32
  %rank = llvm.mlir.constant(1 : i32) : i32
  %dims = llvm.mlir.addressof @dims_x : !llvm.ptr
  %1 = llvm.insertvalue %name, %0[0, 0] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %2 = llvm.insertvalue %type, %1[0, 1] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %3 = llvm.insertvalue %rank, %2[0, 2] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %4 = llvm.insertvalue %dims, %3[0, 3] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  llvm.return %4 : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
}
llvm.mlir.global internal constant @outputs() : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>> {
  %0 = llvm.mlir.undef : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %name = llvm.mlir.addressof @name_y : !llvm.ptr
  %type = llvm.mlir.constant(0 : i32) : i32
  %rank = llvm.mlir.constant(1 : i32) : i32
  %dims = llvm.mlir.addressof @dims_x : !llvm.ptr
  %1 = llvm.insertvalue %name, %0[0, 0] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %2 = llvm.insertvalue %type, %1[0, 1] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %3 = llvm.insertvalue %rank, %2[0, 2] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %4 = llvm.insertvalue %dims, %3[0, 3] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  llvm.return %4 : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
}
llvm.mlir.global internal constant @states() : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>> {
  %0 = llvm.mlir.undef : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %name = llvm.mlir.addressof @name_k : !llvm.ptr
  %type = llvm.mlir.constant(0 : i32) : i32
  %rank = llvm.mlir.constant(4 : i32) : i32
  %dims = llvm.mlir.addressof @dims_k : !llvm.ptr
  %1 = llvm.insertvalue %name, %0[0, 0] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %2 = llvm.insertvalue %type, %1[0, 1] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %3 = llvm.insertvalue %rank, %2[0, 2] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  %4 = llvm.insertvalue %dims, %3[0, 3] : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
  llvm.return %4 : !llvm.array<1 x struct<(ptr, i32, i32, ptr)>>
}
llvm.mlir.global internal constant @entries() : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>> {
  %v0 = llvm.mlir.undef : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f0 = llvm.mlir.addressof @name_run : !llvm.ptr
  %v1 = llvm.insertvalue %f0, %v0[0, 0] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f1 = llvm.mlir.constant(2 : i32) : i32
  %v2 = llvm.insertvalue %f1, %v1[0, 1] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f2 = llvm.mlir.constant(1 : i32) : i32
  %v3 = llvm.insertvalue %f2, %v2[0, 2] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f3 = llvm.mlir.constant(1 : i32) : i32
  %v4 = llvm.insertvalue %f3, %v3[0, 3] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f4 = llvm.mlir.constant(1 : i32) : i32
  %v5 = llvm.insertvalue %f4, %v4[0, 4] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f5 = llvm.mlir.addressof @symbols : !llvm.ptr
  %v6 = llvm.insertvalue %f5, %v5[0, 5] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f6 = llvm.mlir.addressof @inputs : !llvm.ptr
  %v7 = llvm.insertvalue %f6, %v6[0, 6] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f7 = llvm.mlir.addressof @outputs : !llvm.ptr
  %v8 = llvm.insertvalue %f7, %v7[0, 7] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f8 = llvm.mlir.addressof @states : !llvm.ptr
  %v9 = llvm.insertvalue %f8, %v8[0, 8] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f9 = llvm.mlir.addressof @qopt_shapes_run__cuda : !llvm.ptr
  %v10 = llvm.insertvalue %f9, %v9[0, 9] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f10 = llvm.mlir.addressof @qopt_arena_run__cuda : !llvm.ptr
  %v11 = llvm.insertvalue %f10, %v10[0, 10] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  %f11 = llvm.mlir.addressof @qopt_run_run__cuda : !llvm.ptr
  %v12 = llvm.insertvalue %f11, %v11[0, 11] : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
  llvm.return %v12 : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>>
}
llvm.mlir.global internal constant @variants() : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>> {
  %v0 = llvm.mlir.undef : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f0 = llvm.mlir.addressof @name_run : !llvm.ptr
  %v1 = llvm.insertvalue %f0, %v0[0, 0] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f1 = llvm.mlir.constant(0 : i64) : i64
  %v2 = llvm.insertvalue %f1, %v1[0, 1] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f2 = llvm.mlir.constant(1 : i32) : i32
  %v3 = llvm.insertvalue %f2, %v2[0, 2] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f3 = llvm.mlir.constant(0 : i32) : i32
  %v4 = llvm.insertvalue %f3, %v3[0, 3] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f4 = llvm.mlir.addressof @entries : !llvm.ptr
  %v5 = llvm.insertvalue %f4, %v4[0, 4] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f5 = llvm.mlir.constant(0 : i64) : i64
  %v6 = llvm.insertvalue %f5, %v5[0, 5] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  %f6 = llvm.mlir.zero : !llvm.ptr
  %v7 = llvm.insertvalue %f6, %v6[0, 6] : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
  llvm.return %v7 : !llvm.array<1 x struct<(ptr, i64, i32, i32, ptr, i64, ptr)>>
}
llvm.mlir.global external constant @qopt_program() : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>> {
  %v0 = llvm.mlir.undef : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f0 = llvm.mlir.constant(4 : i32) : i32
  %v1 = llvm.insertvalue %f0, %v0[0, 0] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f1 = llvm.mlir.constant(1 : i32) : i32
  %v2 = llvm.insertvalue %f1, %v1[0, 1] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f2 = llvm.mlir.addressof @variants : !llvm.ptr
  %v3 = llvm.insertvalue %f2, %v2[0, 2] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f3 = llvm.mlir.constant(8 : i64) : i64
  %v4 = llvm.insertvalue %f3, %v3[0, 3] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f4 = llvm.mlir.constant(64 : i64) : i64
  %v5 = llvm.insertvalue %f4, %v4[0, 4] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f5 = llvm.mlir.constant(0 : i64) : i64
  %v6 = llvm.insertvalue %f5, %v5[0, 5] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f6 = llvm.mlir.constant(4 : i64) : i64
  %v7 = llvm.insertvalue %f6, %v6[0, 6] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f7 = llvm.mlir.constant(0 : i64) : i64
  %v8 = llvm.insertvalue %f7, %v7[0, 7] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f8 = llvm.mlir.constant(0 : i32) : i32
  %v9 = llvm.insertvalue %f8, %v8[0, 8] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f9 = llvm.mlir.constant(0 : i32) : i32
  %v10 = llvm.insertvalue %f9, %v9[0, 9] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f10 = llvm.mlir.zero : !llvm.ptr
  %v11 = llvm.insertvalue %f10, %v10[0, 10] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f11 = llvm.mlir.constant(64 : i64) : i64
  %v12 = llvm.insertvalue %f11, %v11[0, 11] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f12 = llvm.mlir.constant(8 : i64) : i64
  %v13 = llvm.insertvalue %f12, %v12[0, 12] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  %f13 = llvm.mlir.zero : !llvm.ptr
  %v14 = llvm.insertvalue %f13, %v13[0, 13] : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
  llvm.return %v14 : !llvm.array<1 x struct<(i32, i32, ptr, i64, i64, i64, i64, i64, i32, i32, ptr, i64, i64, ptr)>>
}
}
