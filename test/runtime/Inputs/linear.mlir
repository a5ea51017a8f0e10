// y = x W^T + b, z = sum of two tensors of equal size, and a joined one.
ml_program.global private @w(dense<[[1.0, 2.0, 8.0], [9.0, 3.0, 10.0]]> : tensor<2x3xf32>) : tensor<2x3xf32>
ml_program.global private @b(dense<[0.5, -1.0]> : tensor<2xf32>) : tensor<2xf32>
func.func @run(
    %x: tensor<?x3xf32> {nn.name = "x", nn.dims = affine_map<()[s0, s1, s2] -> (s0, 3)>},
    %p: tensor<?x?xf32> {nn.name = "p", nn.dims = affine_map<()[s0, s1, s2] -> (s0, s1)>},
    %q: tensor<?x?xf32> {nn.name = "q", nn.dims = affine_map<()[s0, s1, s2] -> (s0, s2)>},
    %r: tensor<?x?xf32> {nn.name = "r", nn.dims = affine_map<()[s0, s1, s2] -> (s0, s1 + s2)>})
    -> (tensor<?x2xf32> {nn.name = "y"}, tensor<?x?xf32> {nn.name = "pq"})
    attributes {nn.symbols = ["batch", "left", "right"]} {
  %w = ml_program.global_load @w : tensor<2x3xf32>
  %b = ml_program.global_load @b : tensor<2xf32>
  %m = nn.linear %x, %w : tensor<?x3xf32>, tensor<2x3xf32> -> tensor<?x2xf32>
  %y = nn.add %m, %b : tensor<?x2xf32>, tensor<2xf32>
  %j = nn.concat %p, %q axis 1 : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
  %pq = nn.add %j, %r : tensor<?x?xf32>, tensor<?x?xf32>
  return %y, %pq : tensor<?x2xf32>, tensor<?x?xf32>
}
