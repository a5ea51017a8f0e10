// A program of packed codes, from its weights to its logits: what the compiled
// code gives is what the interpreter says, on the layout of each kind of CPU.
//
// RUN: qopt %s --bundle=%bundle -q -o %t.so --emit=lib --compare --mcpu=native 2>&1 | FileCheck %s
// RUN: qopt %s --bundle=%bundle -q -o %t.so --emit=lib --compare --mcpu=avx2 2>&1 | FileCheck %s
// RUN: qopt %s --bundle=%bundle -q -o %t.so --emit=lib --compare --mcpu=plain 2>&1 | FileCheck %s
// RUN: qopt %s --bundle=%bundle -q -o %t.so --emit=lib --compare --mcpu=avx2,native 2>&1 | FileCheck %s
// RUN: qopt %s --bundle=%bundle -q -o %t.so --emit=lib --compare --mcpu=avx512vnni --emulate-isa=plain 2>&1 | FileCheck %s
// CHECK: dimension 3, logits: max error {{.*}}, relative {{[0-9.]+}}e-07
// CHECK: dimension 1, logits: max error {{.*}}, relative {{[0-9.]+}}e-0{{[78]}}

// The narrowest of several decides.
// RUN: qopt %s --stop-after=kernels -q -o - --mcpu=avx2,avx512vnni | FileCheck %s --check-prefix=NARROW
// NARROW: @gate.packed layout <panel = 32, bits = 2, lanes = 8, offset = 1>

ml_program.global private @e(#ml_program.extern<tensor<37x24xf32>>) : tensor<37x24xf32>
ml_program.global private @g(#ml_program.extern<tensor<24xf32>>) : tensor<24xf32>
ml_program.global private @gate(#ml_program.extern<tensor<72x24xf32>>) : tensor<72x24xf32>
ml_program.global private @up(#ml_program.extern<tensor<72x24xf32>>) : tensor<72x24xf32>
ml_program.global private @down(#ml_program.extern<tensor<24x72xf32>>) : tensor<24x72xf32>
ml_program.global private @la(#ml_program.extern<tensor<4x24xf32>>) : tensor<4x24xf32>
ml_program.global private @lb(#ml_program.extern<tensor<72x4xf32>>) : tensor<72x4xf32>
func.func @run(%ids: tensor<?x?xi64> {nn.name = "ids", nn.dims = affine_map<()[s0, s1] -> (s0, s1)>})
    -> (tensor<?x?x37xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %e = ml_program.global_load @e : tensor<37x24xf32>
  %g = ml_program.global_load @g : tensor<24xf32>
  %gate = ml_program.global_load @gate : tensor<72x24xf32>
  %up = ml_program.global_load @up : tensor<72x24xf32>
  %down = ml_program.global_load @down : tensor<24x72xf32>
  %la = ml_program.global_load @la : tensor<4x24xf32>
  %lb = ml_program.global_load @lb : tensor<72x4xf32>
  %ek, %es = lowbit.quantize %e scheme <sym, bits = 8, per = channel> : tensor<37x24xf32> -> tensor<37x24xi8>, tensor<37xf32>
  %gk, %gs = lowbit.quantize %gate scheme <ternary, bits = 2, per = tensor> : tensor<72x24xf32> -> tensor<72x24xi8>, tensor<1xf32>
  %ru = lowbit.hadamard %up axis 1 orders [12, 2] : tensor<72x24xf32>
  %uk, %us, %uz = lowbit.quantize %up scheme <asym, bits = 4, per = group, group = 8, half = true> : tensor<72x24xf32> -> tensor<72x24xi8>, tensor<72x3xf16>, tensor<72x3xi8>
  %rd = lowbit.hadamard %down axis 1 orders [36, 2] : tensor<24x72xf32>
  %dk, %ds = lowbit.quantize %rd scheme <sym, bits = 3, per = group, group = 24> : tensor<24x72xf32> -> tensor<24x72xi8>, tensor<24x3xf32>
  %x = lowbit.embedding %ids, %ek, %es scheme <sym, bits = 8, per = channel> : tensor<?x?xi64>, tensor<37x24xi8>, tensor<37xf32> -> tensor<?x?x24xf32>
  %n = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x?x24xf32>, tensor<24xf32>
  %k, %s = lowbit.quantize %n scheme <sym, bits = 8, per = token> : tensor<?x?x24xf32> -> tensor<?x?x24xi8>, tensor<?x?xf32>
  %a0 = lowbit.linear %k scales %s, %gk scales %gs scheme <ternary, bits = 2, per = tensor> : tensor<?x?x24xi8>, tensor<?x?xf32>, tensor<72x24xi8>, tensor<1xf32> -> tensor<?x?x72xf32>
  %a = lowbit.lora_linear %x, %la, %lb scale 0.5 onto %a0 : tensor<?x?x24xf32>, tensor<4x24xf32>, tensor<72x4xf32>, tensor<?x?x72xf32>
  %b = lowbit.linear %k scales %s, %uk scales %us zeros %uz scheme <asym, bits = 4, per = group, group = 8, half = true> : tensor<?x?x24xi8>, tensor<?x?xf32>, tensor<72x24xi8>, tensor<72x3xf16>, tensor<72x3xi8> -> tensor<?x?x72xf32>
  %h = nn.swiglu %a, %b : tensor<?x?x72xf32>
  %hr = lowbit.hadamard %h axis 2 orders [36, 2] : tensor<?x?x72xf32>
  %hk, %hs = lowbit.quantize %hr scheme <sym, bits = 8, per = token> : tensor<?x?x72xf32> -> tensor<?x?x72xi8>, tensor<?x?xf32>
  %o = lowbit.linear %hk scales %hs, %dk scales %ds scheme <sym, bits = 3, per = group, group = 24> : tensor<?x?x72xi8>, tensor<?x?xf32>, tensor<24x72xi8>, tensor<24x3xf32> -> tensor<?x?x24xf32>
  %r = nn.add %o, %x : tensor<?x?x24xf32>, tensor<?x?x24xf32>
  %y = lowbit.linear %r, %ek scales %es scheme <sym, bits = 8, per = channel> : tensor<?x?x24xf32>, tensor<37x24xi8>, tensor<37xf32> -> tensor<?x?x37xf32>
  return %y : tensor<?x?x37xf32>
}
