// What calibration has found so far, in a safetensors file.
//
// All sizes are known before the first layer is solved, so the file has its
// final size at once; a layer's tensors are written and synced before its mark
// in the tensor `finished`. Whatever stops the program, the layers that are
// marked are whole.

#ifndef QOPT_PASSES_CALIBRATE_SPILL_H
#define QOPT_PASSES_CALIBRATE_SPILL_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringMap.h"

namespace qopt::calibrate {

class Spill {
public:
  /// One tensor of the file.
  struct Tensor {
    std::string key;
    mlir::RankedTensorType type;
  };

  /// `fingerprint` stands for all that the content depends on. With `resume`
  /// the file is opened if it is there, and refused if its fingerprint or its
  /// tensors are others; else it is made anew. Without a path all stays in
  /// memory.
  Spill(llvm::StringRef path, llvm::StringRef fingerprint, int64_t layers)
      : path(path), fingerprint(fingerprint), layers(layers) {}
  Spill(const Spill &) = delete;
  ~Spill();
  llvm::LogicalResult open(llvm::ArrayRef<Tensor> tensors, bool resume,
                           mlir::Location loc);

  bool isFinished(int64_t layer) const { return finished[layer]; }
  /// Bytes of the whole tensor.
  void write(llvm::StringRef key, llvm::ArrayRef<char> bytes) {
    write(key, 0, bytes);
  }
  /// Numbers that tell how a layer came out, and the same read again.
  static constexpr int64_t numbers = 5;
  void writeNumbers(int64_t layer, llvm::ArrayRef<double> values);
  std::vector<double> readNumbers(int64_t layer) const;
  /// All tensors of the layer are written. Fails with an error at `loc`.
  llvm::LogicalResult finish(int64_t layer, mlir::Location loc);
  /// What was written, as the value of a global: it names the file.
  mlir::TypedAttr valueOf(llvm::StringRef key,
                          mlir::RankedTensorType type) const;

private:
  llvm::LogicalResult create(llvm::StringRef header, mlir::Location loc);
  void write(llvm::StringRef key, uint64_t offset, llvm::ArrayRef<char> bytes);

  std::string path, fingerprint;
  int64_t layers;
  int file = -1;
  bool broken = false; ///< a write failed
  uint64_t begin = 0;  ///< of the data
  llvm::StringMap<uint64_t> places;
  llvm::StringMap<std::vector<char>> memory; ///< without a file
  std::vector<char> finished;
};

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_SPILL_H
