// Two layers and their table, for the tests of recipes.

!w = tensor<64x64xf32>
!x = tensor<?x?x64xf32>

ml_program.global private @table(#ml_program.extern<tensor<32x64xf32>>) : tensor<32x64xf32> {nn.role = #nn.role<embedding>}
ml_program.global private @q_proj.weight(dense<0.0123> : !w) : !w {nn.role = #nn.role<matrix>}
ml_program.global private @k_proj.weight(#ml_program.extern<!w>) : !w {nn.role = #nn.role<matrix>}

func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1] -> (s0, s1)>, nn.name = "ids"}) -> (!x {nn.name = "y"})
    attributes {nn.symbols = ["batch", "seq"]} {
  %t = ml_program.global_load @table : tensor<32x64xf32>
  %q = ml_program.global_load @q_proj.weight : !w
  %k = ml_program.global_load @k_proj.weight : !w
  %x = nn.embedding %ids, %t : tensor<?x?xi64>, tensor<32x64xf32>
  %a = nn.linear %x, %q : !x, !w -> !x
  %s = nn.silu %a : !x
  %y = nn.linear %s, %k : !x, !w -> !x
  return %y : !x
}
