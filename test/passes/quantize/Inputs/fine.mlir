// Codes that came with the model, in groups of two.

#fine = #lowbit.scheme<asym, bits = 4, per = group, group = 2>

ml_program.global private @q.weight(#ml_program.extern<tensor<6x64xi8>>) : tensor<6x64xi8>
ml_program.global private @q.scales(#ml_program.extern<tensor<6x32xf32>>) : tensor<6x32xf32>
ml_program.global private @q.zeros(#ml_program.extern<tensor<6x32xi8>>) : tensor<6x32xi8>

func.func @layer(%x: tensor<?x64xf32>) -> tensor<?x6xf32> {
  %k = ml_program.global_load @q.weight : tensor<6x64xi8>
  %s = ml_program.global_load @q.scales : tensor<6x32xf32>
  %z = ml_program.global_load @q.zeros : tensor<6x32xi8>
  %w = lowbit.dequantize %k, %s zeros %z scheme #fine : tensor<6x64xi8>, tensor<6x32xf32>, tensor<6x32xi8> -> tensor<6x64xf32>
  %y = nn.linear %x, %w : tensor<?x64xf32>, tensor<6x64xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
