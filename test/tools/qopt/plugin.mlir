// A stock mlir-opt with the plugin prints what qopt-opt prints.
// RUN: qopt-opt %S/compare.mlir --pass-pipeline="builtin.module(qopt-outline-weights,qopt-outline-kernels,qopt-place-variables,qopt-plan-memory)" > %t.ours
// RUN: %{mlir-opt} %S/compare.mlir --pass-pipeline="builtin.module(qopt-outline-weights,qopt-outline-kernels,qopt-place-variables,qopt-plan-memory)" > %t.theirs
// RUN: cmp %t.ours %t.theirs && FileCheck %s < %t.theirs
// CHECK: kernel.launch
