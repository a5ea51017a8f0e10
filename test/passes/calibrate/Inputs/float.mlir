// The float program of gptq.mlir.

!x = tensor<?x?x8xf32>
!w = tensor<8x8xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>

ml_program.global private @table(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @w1(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @w2(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @head(#ml_program.extern<tensor<16x8xf32>>) : tensor<16x8xf32> {nn.role = #nn.role<head>}

func.func @run(%input_ids: tensor<?x?xi64> {nn.dims = #ids, nn.name = "input_ids"})
    -> (tensor<?x?x16xf32> {nn.name = "logits"}) attributes {nn.symbols = ["batch", "seq"]} {
  %table = ml_program.global_load @table : tensor<16x8xf32>
  %w1 = ml_program.global_load @w1 : !w
  %w2 = ml_program.global_load @w2 : !w
  %head = ml_program.global_load @head : tensor<16x8xf32>
  %x = nn.embedding %input_ids, %table : tensor<?x?xi64>, tensor<16x8xf32>
  %a = nn.linear %x, %w1 : !x, !w -> !x
  %b = nn.silu %a : !x
  %c = nn.add %b, %x : !x, !x
  %d = nn.linear %c, %w2 : !x, !w -> !x
  %y = nn.linear %d, %head : !x, tensor<16x8xf32> -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}
