// What quantize-weights.mlir must compute, in numbers.

!x = tensor<?x?x64xf32>
!y = tensor<?x?x6xf32>
!w = tensor<6x64xf32>
!f = tensor<10x64xf32>

ml_program.global private @q.weight(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @v.weight(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @odd.weight(#ml_program.extern<tensor<6x9xf32>>) : tensor<6x9xf32> {nn.role = #nn.role<matrix>}
ml_program.global private @fused.weight(#ml_program.extern<!f>) : !f {nn.role = #nn.role<matrix>}
ml_program.global private @gain(#ml_program.extern<tensor<64xf32>>) : tensor<64xf32> {nn.role = #nn.role<norm>}
ml_program.global private @table(#ml_program.extern<!w>) : !w {nn.role = #nn.role<embedding>}
ml_program.global private @bias(#ml_program.extern<tensor<6xf32>>) : tensor<6xf32> {nn.role = #nn.role<bias>}

func.func @roles(%ids: tensor<?x?xi64>, %x: !x) -> (!x, !y, !y) {
  %t = ml_program.global_load @table : !w
  %td_k, %td_s = lowbit.quantize %t scheme <sym, bits = 8, per = channel> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<6xf32>
  %td = lowbit.dequantize %td_k, %td_s scheme <sym, bits = 8, per = channel> : tensor<6x64xi8>, tensor<6xf32> -> tensor<6x64xf32>
  %e = nn.embedding %ids, %td : tensor<?x?xi64>, !w
  %w = ml_program.global_load @q.weight : !w
  %b = ml_program.global_load @bias : tensor<6xf32>
  %wd_k, %wd_s = lowbit.quantize %w scheme <sym, bits = 4, per = group, group = 64> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<6x1xf32>
  %wd = lowbit.dequantize %wd_k, %wd_s scheme <sym, bits = 4, per = group, group = 64> : tensor<6x64xi8>, tensor<6x1xf32> -> tensor<6x64xf32>
  %q = nn.linear %x, %wd bias %b : !x, !w, tensor<6xf32> -> !y
  %h = nn.linear %x, %td : !x, !w -> !y
  return %e, %q, %h : !x, !y, !y
}

func.func @odd(%x: tensor<?x9xf32>) -> tensor<?x6xf32> {
  %w = ml_program.global_load @odd.weight : tensor<6x9xf32>
  %wd_k, %wd_s = lowbit.quantize %w scheme <sym, bits = 4, per = channel> : tensor<6x9xf32> -> tensor<6x9xi8>, tensor<6xf32>
  %wd = lowbit.dequantize %wd_k, %wd_s scheme <sym, bits = 4, per = channel> : tensor<6x9xi8>, tensor<6xf32> -> tensor<6x9xf32>
  %y = nn.linear %x, %wd : tensor<?x9xf32>, tensor<6x9xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

func.func @chain(%x: !x) -> !y {
  %w = ml_program.global_load @v.weight : !w
  %g = ml_program.global_load @gain : tensor<64xf32>
  %c = nn.mul %w, %g : !w, tensor<64xf32>
  %cd_k, %cd_s = lowbit.quantize %c scheme <ternary, bits = 2, per = tensor> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<1xf32>
  %cd = lowbit.dequantize %cd_k, %cd_s scheme <ternary, bits = 2, per = tensor> : tensor<6x64xi8>, tensor<1xf32> -> tensor<6x64xf32>
  %y = nn.linear %x, %cd : !x, !w -> !y
  return %y : !y
}

func.func @splits(%x: !x) -> tensor<?x?x10xf32> {
  %w = ml_program.global_load @fused.weight : !f
  %c0 = arith.constant 0 : index
  %c6 = arith.constant 6 : index
  %a = nn.slice %w axis 0 from %c0 : !f -> !w
  %b = nn.slice %w axis 0 from %c6 : !f -> tensor<4x64xf32>
  %ad_k, %ad_s = lowbit.quantize %a scheme <ternary, bits = 2, per = tensor> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<1xf32>
  %ad = lowbit.dequantize %ad_k, %ad_s scheme <ternary, bits = 2, per = tensor> : tensor<6x64xi8>, tensor<1xf32> -> tensor<6x64xf32>
  %bd_k, %bd_s = lowbit.quantize %b scheme <ternary, bits = 2, per = tensor> : tensor<4x64xf32> -> tensor<4x64xi8>, tensor<1xf32>
  %bd = lowbit.dequantize %bd_k, %bd_s scheme <ternary, bits = 2, per = tensor> : tensor<4x64xi8>, tensor<1xf32> -> tensor<4x64xf32>
  %wd = nn.concat %ad, %bd axis 0 : !w, tensor<4x64xf32> -> !f
  %y = nn.linear %x, %wd splits [6, 4] : !x, !f -> tensor<?x?x10xf32>
  return %y : tensor<?x?x10xf32>
}

func.func @node(%x: !x) -> (!y, !y) {
  %w = ml_program.global_load @q.weight : !w
  %ga_k, %ga_s, %ga_z = lowbit.quantize %w scheme <gptq_asym, bits = 3, per = group, group = 8, mse = true, half = true, weighted = true> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<6x8xf16>, tensor<6x8xi8>
  %ga = lowbit.dequantize %ga_k, %ga_s zeros %ga_z scheme <gptq_asym, bits = 3, per = group, group = 8, mse = true, half = true, weighted = true> : tensor<6x64xi8>, tensor<6x8xf16>, tensor<6x8xi8> -> tensor<6x64xf32>
  %a = nn.linear %x, %ga : !x, !w -> !y
  %bd_k, %bd_s = lowbit.quantize %w scheme <sym, bits = 8, per = channel> : tensor<6x64xf32> -> tensor<6x64xi8>, tensor<6xf32>
  %bd = lowbit.dequantize %bd_k, %bd_s scheme <sym, bits = 8, per = channel> : tensor<6x64xi8>, tensor<6xf32> -> tensor<6x64xf32>
  %b = nn.linear %x, %bd : !x, !w -> !y
  return %a, %b : !y, !y
}
