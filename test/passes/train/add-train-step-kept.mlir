// What has no step.
// RUN: qopt-opt %s --split-input-file --verify-diagnostics --qopt-add-train-step

// expected-error @below {{expects a function 'nll' that returns the losses of targets}}
module {
  func.func @nll(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

// expected-error @below {{has nothing to train: no parameter has a role that train=full trains and a name that matches}}
module {
  ml_program.global private @codes(dense<1> : tensor<4x5xi8>) : tensor<4x5xi8> {nn.role = #nn.role<matrix>}
  func.func @nll(%x: tensor<4x5xf32>, %t: tensor<4xi64>) -> tensor<4xf32> {
    %y = nn.cross_entropy %x, %t : tensor<4x5xf32>, tensor<4xi64>
    return %y : tensor<4xf32>
  }
}

// -----

// expected-error @below {{expects trained parameters of f32 or bf16, got 'half'}}
module {
  ml_program.global private @half(dense<1.0> : tensor<4x5xf16>) : tensor<4x5xf16> {nn.role = #nn.role<matrix>}
  func.func @nll(%t: tensor<4xi64>) -> tensor<4xf16> {
    %x = ml_program.global_load @half : tensor<4x5xf16>
    %y = nn.cross_entropy %x, %t : tensor<4x5xf16>, tensor<4xi64>
    return %y : tensor<4xf16>
  }
}

// -----

// A step that is there stays.
module {
  func.func @train_step() {
    return
  }
}
