// What is asked for by name and cannot be is an error; nothing is changed.

// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym4-g48" 2>&1 | FileCheck %s --check-prefix=GROUP
// GROUP: error: group 48 does not divide the 64 channels of 'q.weight': use one that does, gauto, or an override
// GROUP-NOT: lowbit.linear
// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym4-g2" 2>&1 | FileCheck %s --check-prefix=FINE
// FINE: error: group 2 of 'q.weight' is too fine: codes of 4 bits are multiplied 4 at a time; use a multiple of 4, gauto, or an override
// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym3-g4" 2>&1 | FileCheck %s --check-prefix=FINE3
// FINE3: error: group 4 of 'q.weight' is too fine: codes of 3 bits are multiplied 8 at a time; use a multiple of 8, gauto, or an override
// RUN: not qopt-opt %S/Inputs/fine.mlir --qopt-quantize-weights="matrix=i4" 2>&1 | FileCheck %s --check-prefix=STORED
// STORED: error: group 2 of 'q.weight' is too fine: codes of 4 bits are multiplied 4 at a time
// RUN: not qopt-opt %s --qopt-quantize-weights="overrides=k_proj=i8" 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: override 'k_proj' matches no layer
// RUN: not qopt-opt %s --qopt-quantize-weights="overrides=q(=i8" 2>&1 | FileCheck %s --check-prefix=REGEX
// REGEX: error: override 'q(=i8': expects a regular expression, got 'q(': parentheses not balanced
// RUN: not qopt-opt %s --qopt-quantize-weights="overrides=q=i5" 2>&1 | FileCheck %s --check-prefix=METHOD
// METHOD: error: scheme 'i5': expects ternary, sym, asym, gptq_sym or gptq_asym with a number of bits, i8, i4, i3, i2 or float
// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym4-row" 2>&1 | FileCheck %s --check-prefix=PART
// PART: error: scheme 'sym4-row': expects tensor, channel, token, gN, gauto, clipN, mse, weighted or half, got 'row'
// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym9" 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: error: scheme 'sym9': expects 2 to 8 bits, 2 for ternary, got 9
// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym99999999999999999999" 2>&1 | FileCheck %s --check-prefix=NUMBER
// NUMBER: error: scheme 'sym99999999999999999999': expects a number of bits
// RUN: not qopt-opt %s --qopt-quantize-weights="matrix=sym8-token" 2>&1 | FileCheck %s --check-prefix=TOKEN
// TOKEN: error: scheme 'sym8-token': expects a weight's scales per tensor, channel or group
// RUN: qopt-opt %s --qopt-quantize-weights="matrix=ternary" 2>&1 | FileCheck %s --check-prefix=WARNING
// WARNING: warning: ternary weights give poor text unless the model was trained for them
// WARNING: lowbit.linear

ml_program.global private @q.weight(#ml_program.extern<tensor<6x64xf32>>) : tensor<6x64xf32>

func.func @layer(%x: tensor<?x64xf32>) -> tensor<?x6xf32> {
  %w = ml_program.global_load @q.weight : tensor<6x64xf32>
  %y = nn.linear %x, %w : tensor<?x64xf32>, tensor<6x64xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
