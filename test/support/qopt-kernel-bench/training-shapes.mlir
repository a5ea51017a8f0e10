// The products of a training step at the sizes of SmolLM2-135M, GPT-2 and
// TinyLlama-1.1B, for qopt-kernel-bench: the goal is 75 % of the multiply-adds.
//
//   qopt-kernel-bench training-shapes.mlir --time --thread-counts=1,2 --rows=256

#row = #kernel.layout<panel = 0>

kernel.func @forward_1536x576 dims [affine_map<()[s0] -> (s0, 576)>, affine_map<()[s0] -> (1536, 576)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x576xf32>, %w: tensor<1536x576xf32>):
  %y = nn.linear %x, %w : tensor<?x576xf32>, tensor<1536x576xf32> -> tensor<?x1536xf32>
  kernel.return %y : tensor<?x1536xf32>
}

kernel.func @dx_1536x576 dims [affine_map<()[s0] -> (1536, 576)>, affine_map<()[s0] -> (s0, 1536)>]
    layouts [#row, #row] {
^bb0(%w: tensor<1536x576xf32>, %dy: tensor<?x1536xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<1536x576xf32>
  %dx = nn.linear %dy, %wt : tensor<?x1536xf32>, tensor<576x1536xf32> -> tensor<?x576xf32>
  kernel.return %dx : tensor<?x576xf32>
}

kernel.func @dw_1536x576 dims [affine_map<()[s0] -> (s0, 1536)>, affine_map<()[s0] -> (s0, 576)>,
    affine_map<()[s0] -> (1536, 576)>] layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x1536xf32>, %x: tensor<?x576xf32>, %sum: tensor<1536x576xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<?x1536xf32>, tensor<?x576xf32> -> tensor<1536x576xf32>
  %y = nn.add %sum, %dw : tensor<1536x576xf32>, tensor<1536x576xf32>
  kernel.return %y : tensor<1536x576xf32>
}

kernel.func @forward_576x1536 dims [affine_map<()[s0] -> (s0, 1536)>, affine_map<()[s0] -> (576, 1536)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x1536xf32>, %w: tensor<576x1536xf32>):
  %y = nn.linear %x, %w : tensor<?x1536xf32>, tensor<576x1536xf32> -> tensor<?x576xf32>
  kernel.return %y : tensor<?x576xf32>
}

kernel.func @dx_576x1536 dims [affine_map<()[s0] -> (576, 1536)>, affine_map<()[s0] -> (s0, 576)>]
    layouts [#row, #row] {
^bb0(%w: tensor<576x1536xf32>, %dy: tensor<?x576xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<576x1536xf32>
  %dx = nn.linear %dy, %wt : tensor<?x576xf32>, tensor<1536x576xf32> -> tensor<?x1536xf32>
  kernel.return %dx : tensor<?x1536xf32>
}

kernel.func @dw_576x1536 dims [affine_map<()[s0] -> (s0, 576)>, affine_map<()[s0] -> (s0, 1536)>,
    affine_map<()[s0] -> (576, 1536)>] layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x576xf32>, %x: tensor<?x1536xf32>, %sum: tensor<576x1536xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<?x576xf32>, tensor<?x1536xf32> -> tensor<576x1536xf32>
  %y = nn.add %sum, %dw : tensor<576x1536xf32>, tensor<576x1536xf32>
  kernel.return %y : tensor<576x1536xf32>
}

kernel.func @forward_3072x768 dims [affine_map<()[s0] -> (s0, 768)>, affine_map<()[s0] -> (3072, 768)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x768xf32>, %w: tensor<3072x768xf32>):
  %y = nn.linear %x, %w : tensor<?x768xf32>, tensor<3072x768xf32> -> tensor<?x3072xf32>
  kernel.return %y : tensor<?x3072xf32>
}

kernel.func @dx_3072x768 dims [affine_map<()[s0] -> (3072, 768)>, affine_map<()[s0] -> (s0, 3072)>]
    layouts [#row, #row] {
^bb0(%w: tensor<3072x768xf32>, %dy: tensor<?x3072xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<3072x768xf32>
  %dx = nn.linear %dy, %wt : tensor<?x3072xf32>, tensor<768x3072xf32> -> tensor<?x768xf32>
  kernel.return %dx : tensor<?x768xf32>
}

kernel.func @dw_3072x768 dims [affine_map<()[s0] -> (s0, 3072)>, affine_map<()[s0] -> (s0, 768)>,
    affine_map<()[s0] -> (3072, 768)>] layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x3072xf32>, %x: tensor<?x768xf32>, %sum: tensor<3072x768xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<?x3072xf32>, tensor<?x768xf32> -> tensor<3072x768xf32>
  %y = nn.add %sum, %dw : tensor<3072x768xf32>, tensor<3072x768xf32>
  kernel.return %y : tensor<3072x768xf32>
}

kernel.func @forward_5632x2048 dims [affine_map<()[s0] -> (s0, 2048)>, affine_map<()[s0] -> (5632, 2048)>]
    layouts [#row, #row] {
^bb0(%x: tensor<?x2048xf32>, %w: tensor<5632x2048xf32>):
  %y = nn.linear %x, %w : tensor<?x2048xf32>, tensor<5632x2048xf32> -> tensor<?x5632xf32>
  kernel.return %y : tensor<?x5632xf32>
}

kernel.func @dx_5632x2048 dims [affine_map<()[s0] -> (5632, 2048)>, affine_map<()[s0] -> (s0, 5632)>]
    layouts [#row, #row] {
^bb0(%w: tensor<5632x2048xf32>, %dy: tensor<?x5632xf32>):
  %wt = nn.transpose %w [1, 0] : tensor<5632x2048xf32>
  %dx = nn.linear %dy, %wt : tensor<?x5632xf32>, tensor<2048x5632xf32> -> tensor<?x2048xf32>
  kernel.return %dx : tensor<?x2048xf32>
}

kernel.func @dw_5632x2048 dims [affine_map<()[s0] -> (s0, 5632)>, affine_map<()[s0] -> (s0, 2048)>,
    affine_map<()[s0] -> (5632, 2048)>] layouts [#row, #row, #row] {
^bb0(%dy: tensor<?x5632xf32>, %x: tensor<?x2048xf32>, %sum: tensor<5632x2048xf32>):
  %dw = train.linear_weight_grad %dy, %x : tensor<?x5632xf32>, tensor<?x2048xf32> -> tensor<5632x2048xf32>
  %y = nn.add %sum, %dw : tensor<5632x2048xf32>, tensor<5632x2048xf32>
  kernel.return %y : tensor<5632x2048xf32>
}
