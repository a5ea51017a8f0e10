// Layers on codes get codes; those that read the same rows share them.

// RUN: qopt-opt %s --qopt-quantize-activations="bits=4 clip=90 leave=down" -o %t.plain
// RUN: qopt-opt %t.plain --cse -o %t
// RUN: FileCheck %s --input-file=%t
// The same in numbers: what the codes mean (which is f32), multiplied.
// RUN: sed -e "s/%%x, %%k/%%f, %%k/" -e "s|// ; fake|%%f = lowbit.fake_quantize %%x scheme <sym, bits = 4, per = token, clip = 90> : !x|" %s > %t.meant
// RUN: qopt-interpret %t.meant --compare=%t --tolerance=1e-6

!x = tensor<?x?x8xf32>
!y = tensor<?x?x6xf32>

ml_program.global private @up(dense<3> : tensor<6x8xi8>) : tensor<6x8xi8>
ml_program.global private @down(dense<-2> : tensor<6x8xi8>) : tensor<6x8xi8>
ml_program.global private @scales(dense<[0.5, 1.0, 2.0, 0.25, 3.0, 1.5]> : tensor<6xf32>) : tensor<6xf32>

// CHECK-LABEL: func @shared(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x8xf32>)
func.func @shared(%x: !x) -> (!y, !y, !y) {
  %s = ml_program.global_load @scales : tensor<6xf32>
  %k = ml_program.global_load @up : tensor<6x8xi8>
  // CHECK:     %[[KX:.*]], %[[SX:.*]] = lowbit.quantize %[[X]] scheme <sym, bits = 4, per = token, clip = 90> : tensor<?x?x8xf32> -> tensor<?x?x8xi8>, tensor<?x?xf32>
  // CHECK-NOT: lowbit.quantize
  // CHECK:     lowbit.linear %[[KX]] scales %[[SX]], %
  // CHECK:     lowbit.linear %[[KX]] scales %[[SX]], %
  // CHECK:     lowbit.linear %[[X]], %
  // ; fake
  %q = lowbit.linear %x, %k scales %s scheme <sym, bits = 4, per = channel> : !x, tensor<6x8xi8>, tensor<6xf32> -> !y
  %v = lowbit.linear %x, %k scales %s scheme <sym, bits = 3, per = channel> : !x, tensor<6x8xi8>, tensor<6xf32> -> !y
  %d = ml_program.global_load @down : tensor<6x8xi8>
  %y = lowbit.linear %x, %d scales %s scheme <sym, bits = 4, per = channel> : !x, tensor<6x8xi8>, tensor<6xf32> -> !y
  return %q, %v, %y : !y, !y, !y
}
