// Rows of a table, and the sum of some columns of them.
module {
  ml_program.global private @table(dense<0.5> : tensor<11x8xf32>) : tensor<11x8xf32>
  func.func @run(%ids: tensor<?x?xi64> {nn.dims = affine_map<()[s0, s1] -> (s0, s1)>, nn.name = "input_ids"})
      -> (tensor<?x?x8xf32> {nn.name = "rows"}, tensor<?x?xf32> {nn.name = "sums"})
      attributes {nn.symbols = ["batch", "sequence"]} {
    %table = ml_program.global_load @table : tensor<11x8xf32>
    %rows = nn.embedding %ids, %table : tensor<?x?xi64>, tensor<11x8xf32>
    %two = arith.constant 2 : index
    %part = nn.slice %rows axis 2 from %two : tensor<?x?x8xf32> -> tensor<?x?x3xf32>
    %sums = nn.reduce sum, %part axes [2] : tensor<?x?x3xf32>
    return %rows, %sums : tensor<?x?x8xf32>, tensor<?x?xf32>
  }
}
