// A head that shares the table of the embedding, behind a norm with a gain.

!t = tensor<32x8xf32>
!x = tensor<?x?x8xf32>

ml_program.global private @table(#ml_program.extern<!t>) : !t {nn.role = #nn.role<embedding>}
ml_program.global private @gain(#ml_program.extern<tensor<8xf32>>) : tensor<8xf32> {nn.role = #nn.role<norm>}

func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1] -> (s0, s1)>, nn.name = "ids"}) -> (tensor<?x?x32xf32> {nn.name = "y"})
    attributes {nn.symbols = ["batch", "seq"]} {
  %t = ml_program.global_load @table : !t
  %g = ml_program.global_load @gain : tensor<8xf32>
  %x = nn.embedding %ids, %t : tensor<?x?xi64>, !t
  %n = nn.rms_norm %x, %g eps 1.0e-6 : !x, tensor<8xf32>
  %y = nn.linear %n, %t : !x, !t -> tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}
