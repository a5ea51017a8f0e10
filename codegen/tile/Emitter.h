// What tile programs are written with, whatever they run on.
//
// Arguments of a kernel are the pointers of its tensor arguments, results and
// states, then the values of its symbols. All tensors are row-major without
// gaps, unless the kernel gives the argument a layout; a cache is
// [B, H, capacity, D].
//
// Values of the tile program are scalars and vectors of f32, f64, f16, bf16,
// i1, i8..i64 and llvm.ptr; control flow is scf, arithmetic is arith and
// vector, memory is llvm loads and stores. No op that becomes a library call
// (math.exp, ...) may be used: see Elementwise.h.

#ifndef QOPT_CODEGEN_TILE_EMITTER_H
#define QOPT_CODEGEN_TILE_EMITTER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/Dims.h"

namespace qopt::tile {

/// The part of an emitter that every target has.
class Emitter {
public:
  kernel::FuncOp kernel;
  mlir::OpBuilder b;
  mlir::Location loc;
  nn::Dims dims; ///< sizes of every tensor in the kernel's symbols

  /// Address of a tensor argument, or of a result of the kernel (the value that
  /// kernel.return gives), or of the cache that a nn.cache_append updates (its
  /// result).
  mlir::Value pointer(mlir::Value tensor);
  /// Value, an i64, of a size in terms of the kernel's symbols.
  mlir::Value size(mlir::AffineExpr expr);
  /// Size of one dimension, an i64.
  mlir::Value size(mlir::Value tensor, int64_t axis);
  /// Distance of the heads of a cache, an i64 in elements: of an argument whose
  /// layout is a cache, or of the result of a nn.cache_append. For other
  /// tensors [B, H, S, D], S * D.
  mlir::Value headStride(mlir::Value tensor);

  mlir::Value constant(int64_t value);                 ///< i64
  mlir::Value constant(double value, mlir::Type type); ///< scalar or vector
  mlir::Value add(mlir::Value a, mlir::Value b);       ///< i64
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);

  /// Loads `type` (scalar or vector) at base + index elements of the scalar
  /// type in memory, aligned to one element; bool tensors lie as bytes.
  mlir::Value load(mlir::Type type, mlir::Value base, mlir::Value index);
  void store(mlir::Value value, mlir::Value base, mlir::Value index);
  mlir::Value offset(mlir::Value base, mlir::Value index, mlir::Type element);

  /// for (i = from; i < to; i += step) body(i), all i64; `carried` are
  /// values that the body takes and returns.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange carried,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body);
  void loop(mlir::Value from, mlir::Value to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void branch(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);

  mlir::VectorType vector(int64_t lanes, mlir::Type element = {}); ///< of f32
  mlir::Type f32();

protected:
  explicit Emitter(kernel::FuncOp kernel);
  /// Gives every argument of the kernel its value: next(type), in order.
  void bind(llvm::function_ref<mlir::Value(mlir::Type)> next);
  /// Writes what serves all uses, behind the symbols in the first block.
  mlir::Value atTop(llvm::function_ref<mlir::Value()> write);

  mlir::Block *entry = nullptr; ///< the first block of the function

private:
  llvm::DenseMap<mlir::Value, mlir::Value> pointers;
  llvm::DenseMap<mlir::Value, mlir::Value> capacities;
  llvm::SmallVector<mlir::Value> symbols;
  llvm::DenseMap<mlir::AffineExpr, mlir::Value> sizes;
};

/// The arithmetic of a size, as i64, in terms of the symbols' values.
mlir::Value writeExpr(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::AffineExpr expr,
                      llvm::ArrayRef<mlir::Value> symbols);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_EMITTER_H
