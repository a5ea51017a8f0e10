// Runs a language model over samples, level by level of its linear layers.
//
// Layers whose inputs depend on no other layer's output are of level 1 (q, k
// and v of the first block), those that read what they make of level 2 (o), and
// so on. Between two levels the values that are still needed lie in buffers, of
// all samples; a level is compiled when it is reached, with the weights that
// its layers have got by then. So each layer sees the inputs that layers with
// codes before it make, every layer runs once, and only one level's weights are
// in memory.

#ifndef QOPT_PASSES_CALIBRATE_STREAM_H
#define QOPT_PASSES_CALIBRATE_STREAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/passes/Executor.h"
#include "qopt/passes/calibrate/Product.h"
#include "qopt/passes/calibrate/Samples.h"
#include "llvm/ADT/MapVector.h"

namespace qopt::calibrate {

/// Memory for values between two levels.
class Store {
public:
  /// Beyond `limit` bytes, memory is that of a temporary file.
  explicit Store(uint64_t limit) : limit(limit) {}
  Store(const Store &) = delete;
  ~Store();
  void *allocate(uint64_t bytes);
  void release(void *data);
  /// Lets the pages of a buffer in a file go; they come back when read.
  void rest(void *data);

private:
  struct Piece {
    uint64_t bytes;
    bool isFile;
  };
  uint64_t limit, used = 0;
  llvm::DenseMap<void *, Piece> pieces;
};

class Stream {
public:
  /// Copies `program`, a language model at the stage adapt, and brings the copy
  /// to the form that runs: tokens in, no past. `layers` are `lowbit.linear`s
  /// or `nn.linear`s of its function `run`; the copy computes them with their
  /// float weights. What it computes on codes otherwise it does with their
  /// values.
  static mlir::FailureOr<std::unique_ptr<Stream>>
  create(mlir::ModuleOp program, llvm::ArrayRef<mlir::Operation *> layers,
         const Samples &samples, Executor &executor);

  int64_t numLevels() const { return levels.size(); }
  /// The layers of a level, from 1 on, by their index.
  llvm::ArrayRef<int64_t> layersOf(int64_t level) const {
    return levels[level - 1];
  }
  /// Runs to the inputs of this level. Without `measure` no moments are taken.
  llvm::LogicalResult advance(int64_t level, bool measure);
  /// 2 / samples sum x x^T over the inputs of a layer of this level, with what
  /// is off the diagonal as small as few tokens deserve.
  Matrix momentOf(int64_t layer) const;
  /// The layer in the copy: what stands in its place when the level after it is
  /// reached is what is computed.
  nn::LinearOp layer(int64_t index) const { return layers[index]; }
  /// The layer computes with rounded codes of its weight from here on.
  void quantize(int64_t index, lowbit::SchemeAttr scheme);
  /// `op` reads the inputs of a level whose segment has run: it belongs to the
  /// next, as the layer that it stands beside.
  void addBeside(nn::LinearOp op) { beside.push_back(op); }
  mlir::ModuleOp copy() const { return *module; }
  llvm::StringRef getFolder() const { return folder; }

private:
  /// The second moment of a value.
  struct Moment {
    Matrix sum;              ///< of the batches before
    std::vector<float> part; ///< of this one
  };

  Stream(const Samples &samples, Executor &executor, llvm::StringRef folder)
      : samples(samples), executor(executor), folder(folder) {}

  void plan();
  llvm::SmallVector<mlir::Value> outputsOf(int64_t level);
  llvm::LogicalResult runSegment(int64_t level,
                                 llvm::ArrayRef<mlir::Value> outputs);
  llvm::LogicalResult runBatch(Executable &code, int64_t level, int64_t batch,
                               llvm::ArrayRef<mlir::Value> inputs,
                               llvm::ArrayRef<mlir::Value> outputs);
  void measure(mlir::Value value, const void *rows, int64_t count);
  int64_t elementsOf(mlir::Value value, int64_t sequences) const;

  const Samples &samples;
  Executor &executor;
  std::string folder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::vector<nn::LinearOp> layers, beside;
  std::vector<llvm::SmallVector<int64_t>> levels;
  std::unique_ptr<nn::Dims> dims;
  llvm::DenseMap<mlir::Value, int64_t> level; ///< of what depends on the tokens
  llvm::DenseMap<mlir::Value, int64_t>
      lastUse;          ///< the level that reads it last
  int64_t reached = -1; ///< the level whose segment ran
  llvm::DenseMap<mlir::Value, std::vector<void *>> stored; ///< by batch
  llvm::MapVector<mlir::Value, Moment> moments; ///< of this level's inputs
  Store store{1u << 30};
};

/// The copy that a stream runs: one function, tokens to losses. `layers` are
/// found in it by their index. Fails with an error where the program is no
/// language model.
mlir::FailureOr<mlir::func::FuncOp>
prepareCopy(mlir::ModuleOp copy, llvm::ArrayRef<mlir::Operation *> layers,
            std::vector<nn::LinearOp> &found);

/// A module with one function: what computes `outputs`, of a level, from the
/// tokens and from values of levels before, which `inputs` gets.
mlir::OwningOpRef<mlir::ModuleOp>
cutSegment(mlir::func::FuncOp function, const nn::Dims &dims,
           const llvm::DenseMap<mlir::Value, int64_t> &levels, int64_t level,
           llvm::SmallVector<mlir::Value> &inputs,
           llvm::ArrayRef<mlir::Value> outputs);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_STREAM_H
