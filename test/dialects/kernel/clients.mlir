// Three kernels that are unlike those of today's families, for which the dialect
// was made wide enough; dialects/kernel/README.md says what each lacks.

// RUN: qopt-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: kernel.func @norm_quantize
// CHECK:         kernel.return %{{.*}}, %{{.*}} : tensor<?x64xi8>, tensor<?xf32>
kernel.func @norm_quantize dims [affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> (64)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x64xf32>, %g: tensor<64xf32>):
  %n = nn.rms_norm %x, %g eps 1.0e-6 : tensor<?x64xf32>, tensor<64xf32>
  %k, %s = lowbit.quantize %n scheme <sym, bits = 8, per = token> : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?xf32>
  kernel.return %k, %s : tensor<?x64xi8>, tensor<?xf32>
}

// CHECK-LABEL: kernel.func @add_dweight
// CHECK:         nn.matmul %{{.*}} transposed, %{{.*}} : tensor<?x48xf32>, tensor<?x64xf32>
kernel.func @add_dweight dims [affine_map<()[s0] -> (s0, 48)>, affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> (48, 64)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 0>, #kernel.layout<panel = 16>] {
^bb0(%dy: tensor<?x48xf32>, %x: tensor<?x64xf32>, %sum: tensor<48x64xf32>):
  %p = nn.matmul %dy transposed, %x : tensor<?x48xf32>, tensor<?x64xf32>
  %dw = nn.add %sum, %p : tensor<48x64xf32>, tensor<48x64xf32>
  kernel.return %dw : tensor<48x64xf32>
}

// CHECK-LABEL: kernel.func @gemv_2bit
// CHECK:         lowbit.unpack
// CHECK-NEXT:    lowbit.linear
kernel.func @gemv_2bit dims [affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (48, 16)>, affine_map<()[s0] -> (1)>]
    layouts [#kernel.layout<panel = 0>, #kernel.layout<panel = 0>, #kernel.layout<panel = 16>, #kernel.layout<panel = 0>] {
^bb0(%x: tensor<?x64xi8>, %sx: tensor<?xf32>, %w: tensor<48x16xi8>, %sw: tensor<1xf32>):
  %k = lowbit.unpack %w bits 2 offset 1 : tensor<48x16xi8> -> tensor<48x64xi8>
  %y = lowbit.linear %x scales %sx, %k scales %sw scheme <ternary, bits = 2, per = tensor>
       : tensor<?x64xi8>, tensor<?xf32>, tensor<48x64xi8>, tensor<1xf32> -> tensor<?x48xf32>
  kernel.return %y : tensor<?x48xf32>
}
