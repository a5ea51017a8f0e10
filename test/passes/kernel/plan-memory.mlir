// Results share a slot if they are never alive together; outputs of the entry
// have none; a slot holds the largest of its values, whatever the sizes are.

// RUN: qopt-opt %s --qopt-plan-memory -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: qopt-interpret %s --compare=%t --tolerance=0

#row_major = #kernel.layout<panel = 0>
kernel.func @wide dims [affine_map<()[s0] -> (s0, 8)>] layouts [#row_major] {
^bb0(%x: tensor<?x8xf32>):
  %y = nn.concat %x, %x axis 1 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x16xf32>
  kernel.return %y : tensor<?x16xf32>
}
kernel.func @narrow dims [affine_map<()[s0] -> (s0, 16)>] layouts [#row_major] {
^bb0(%x: tensor<?x16xf32>):
  %y = nn.reduce sum, %x axes [1] : tensor<?x16xf32>
  %z = nn.cast %y : tensor<?xf32> -> tensor<?xf16>
  kernel.return %z : tensor<?xf16>
}
kernel.func @sum dims [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0)>]
    layouts [#row_major, #row_major] {
^bb0(%x: tensor<?xf16>, %y: tensor<?xf16>):
  %z = nn.add %x, %y : tensor<?xf16>, tensor<?xf16>
  kernel.return %z : tensor<?xf16>
}

// The second wide result takes the slot of the first, which is dead by then; the
// two narrow ones are alive together. Bytes: 64 a row and 2 a row.
// CHECK-DAG:   #[[$WIDE:.*]] = affine_map<()[s0] -> (s0 * 64)>
// CHECK-DAG:   #[[$NARROW:.*]] = affine_map<()[s0] -> (s0 * 2)>
// CHECK-LABEL: func.func @run(
// CHECK-SAME:    kernel.slots = {{\[}}[#[[$WIDE]]], [#[[$NARROW]]], [#[[$NARROW]]]]
func.func @run(%x: tensor<?x8xf32> {nn.dims = affine_map<()[s0] -> (s0, 8)>}) -> tensor<?xf16>
    attributes {nn.symbols = ["seq"]} {
  // CHECK: kernel.launch @wide{{.*}} slots [0]
  %a = kernel.launch @wide(%x) symbols affine_map<()[s0] -> (s0)> {nn.dims = [affine_map<()[s0] -> (s0, 16)>]}
      : (tensor<?x8xf32>) -> tensor<?x16xf32>
  // CHECK: kernel.launch @narrow{{.*}} slots [1]
  %b = kernel.launch @narrow(%a) symbols affine_map<()[s0] -> (s0)> {nn.dims = [affine_map<()[s0] -> (s0)>]}
      : (tensor<?x16xf32>) -> tensor<?xf16>
  // CHECK: kernel.launch @wide{{.*}} slots [0]
  %c = kernel.launch @wide(%x) symbols affine_map<()[s0] -> (s0)> {nn.dims = [affine_map<()[s0] -> (s0, 16)>]}
      : (tensor<?x8xf32>) -> tensor<?x16xf32>
  // CHECK: kernel.launch @narrow{{.*}} slots [2]
  %d = kernel.launch @narrow(%c) symbols affine_map<()[s0] -> (s0)> {nn.dims = [affine_map<()[s0] -> (s0)>]}
      : (tensor<?x16xf32>) -> tensor<?xf16>
  // CHECK: kernel.launch @sum{{.*}} slots [-1]
  %e = kernel.launch @sum(%b, %d) symbols affine_map<()[s0] -> (s0)> {nn.dims = [affine_map<()[s0] -> (s0)>]}
      : (tensor<?xf16>, tensor<?xf16>) -> tensor<?xf16>
  return %e : tensor<?xf16>
}
