// From a function of the LLVM dialect to instructions of the simulator.

#ifndef QOPT_CODEGEN_SIMT_DECODER_H
#define QOPT_CODEGEN_SIMT_DECODER_H

#include <functional>

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "qopt/codegen/simt/Code.h"
#include "qopt/codegen/simt/Warp.h"
#include "llvm/ADT/DenseMap.h"

namespace qopt::simt {

using Registers = llvm::SmallVector<uint32_t, 4>;

/// A scalar type.
struct Scalar {
  enum Kind : uint8_t { integer, f16, bf16, f32, f64, pointer } kind;
  unsigned bits;

  bool isWide() const { return bits > 32; }
  bool isFloat() const { return kind >= f16 && kind <= f64; }
  unsigned bytes() const { return (bits + 7) / 8; }
};

class Decoder {
public:
  Decoder(Simulator &simulator, mlir::LLVM::LLVMFuncOp function, Code &code);
  llvm::LogicalResult run();

  /// The scalars that a value of the type consists of; failure if there are
  /// others among them.
  mlir::FailureOr<llvm::SmallVector<Scalar, 4>> scalarsOf(mlir::Type type);
  /// The scalar type of a scalar or of the elements of a vector.
  mlir::FailureOr<Scalar> scalarOf(mlir::Type type);

  const Registers &of(mlir::Value value) { return registers[value]; }
  uint32_t fresh(uint32_t count = 1);
  /// Registers for the result of an op, one after the other.
  Registers define(mlir::Value value);
  void alias(mlir::Value value, Registers same) {
    registers[value] = std::move(same);
  }
  uint32_t constant(uint64_t bits, bool wide);
  std::optional<uint64_t> constantOf(mlir::Value value);

  Instr &emit(Step step, uint32_t to = 0, uint32_t a = 0, uint32_t b = 0,
              uint32_t c = 0, int64_t number = 0);
  void list(Instr &instr, llvm::ArrayRef<uint32_t> registers);
  /// Goes on at a block with these arguments.
  void goTo(mlir::Block *block, mlir::ValueRange arguments);
  /// The same behind a condition. Without `otherwise`, the lanes where it does
  /// not hold go on with the next instruction.
  void branch(uint32_t condition, mlir::Block *block,
              mlir::ValueRange arguments, mlir::Block *otherwise,
              mlir::ValueRange otherArguments);
  uint32_t position() const { return code.instrs.size(); }

  /// Says that there is no such op here.
  mlir::InFlightDiagnostic unknown(llvm::StringRef why = {});

  Simulator &simulator;
  mlir::LLVM::LLVMFuncOp function;
  Code &code;
  mlir::DataLayout layout;
  bool isKernel;
  mlir::Operation *op = nullptr; ///< that is decoded now

private:
  mlir::LogicalResult decode(mlir::Operation &operation);
  mlir::LogicalResult collect(mlir::Type type,
                              llvm::SmallVector<Scalar, 4> &into);
  void copy(mlir::Block *block, mlir::ValueRange arguments);

  llvm::DenseMap<mlir::Value, Registers> registers;
  llvm::DenseMap<std::pair<uint64_t, unsigned>, uint32_t> constants;
  llvm::DenseMap<mlir::Block *, uint32_t> starts;
  /// Instructions whose `number` is where a block starts.
  std::vector<std::pair<uint32_t, mlir::Block *>> jumps;
};

/// How each op is decoded.
class Writers {
public:
  template <class Op> void add(llvm::LogicalResult (*write)(Decoder &, Op)) {
    writers[mlir::TypeID::get<Op>()] = [write](Decoder &d,
                                               mlir::Operation *op) {
      return write(d, mlir::cast<Op>(op));
    };
  }
  const std::function<llvm::LogicalResult(Decoder &, mlir::Operation *)> *
  find(mlir::Operation *op) const {
    auto found = writers.find(op->getName().getTypeID());
    return found == writers.end() ? nullptr : &found->second;
  }

private:
  llvm::DenseMap<mlir::TypeID, std::function<llvm::LogicalResult(
                                   Decoder &, mlir::Operation *)>>
      writers;
};

void addConstants(Writers &writers);
void addAggregates(Writers &writers);
void addControl(Writers &writers);
void addIntegers(Writers &writers);
void addFloats(Writers &writers);
void addConversions(Writers &writers);
void addMemory(Writers &writers);
void addCollectives(Writers &writers);
void addCopies(Writers &writers);
void addMatrices(Writers &writers);

/// Says nothing: ops that change nothing here.
template <class Op> llvm::LogicalResult writeNothing(Decoder &, Op) {
  return llvm::success();
}

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_DECODER_H
