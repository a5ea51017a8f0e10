// Reverse mode: what a gradient rule is, and what it is given.

#ifndef QOPT_PASSES_TRAIN_BACKWARD_H
#define QOPT_PASSES_TRAIN_BACKWARD_H

#include <functional>

#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"
#include "llvm/ADT/StringMap.h"

namespace qopt::train {

/// The gradients of one function's values so far, and how ops are added to it.
/// Ops go before the terminator, so rules may read any value of the forward
/// pass.
class Backward {
public:
  Backward(mlir::OpBuilder &builder, llvm::DenseSet<mlir::Value> active)
      : builder(builder), active(std::move(active)) {}

  /// Whether something that is trained lies behind `value`: only then is its
  /// gradient computed.
  bool wants(mlir::Value value) const {
    return active.contains(original(value));
  }
  /// The gradient of `value`, of its type; null if the loss does not read it.
  mlir::Value of(mlir::Value value) const {
    return gradients.lookup(original(value));
  }
  /// Adds `gradient` to that of `value`, if it is wanted. Summed over the axes
  /// along which `value` was repeated to the shape of `gradient`.
  void add(mlir::Value value, mlir::Value gradient);

  /// From now on `copy` stands for `value`, which it computes again.
  void setCopy(mlir::Value value, mlir::Value copy) { originals[copy] = value; }

  //===--- Ops at the current location ------------------------------------===//

  template <typename Op> mlir::Value unary(mlir::Value x) {
    return Op::create(builder, loc, x.getType(), x);
  }
  template <typename Op> mlir::Value binary(mlir::Value a, mlir::Value b) {
    return Op::create(builder, loc, a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return binary<nn::MulOp>(a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return binary<nn::SubOp>(a, b);
  }
  mlir::Value neg(mlir::Value x) { return unary<nn::NegOp>(x); }
  /// Of rank 0 and the element type of `like`.
  mlir::Value number(double value, mlir::Value like);
  /// `factor` times x.
  mlir::Value scaled(mlir::Value x, double factor) {
    return mul(x, number(factor, x));
  }
  /// The axes of a matrix changed.
  mlir::Value transposed(mlir::Value matrix);
  /// x [..., C] times a weight [N, C].
  mlir::Value linear(mlir::Value x, mlir::Value weight);
  /// sum_m dy[m, n] x[m, c]
  mlir::Value weightGrad(mlir::Value dy, mlir::Value x, mlir::Type type);
  mlir::Value sum(mlir::Value x, llvm::ArrayRef<int64_t> axes,
                  bool keepDims = false);
  /// A size of `value` as an index.
  mlir::Value size(mlir::Value value, int64_t axis);
  /// The dynamic ones of its sizes.
  llvm::SmallVector<mlir::Value> dynamicSizes(mlir::Value value);
  /// x in the shape of `like`, repeated or with its elements in order.
  mlir::Value repeated(mlir::Value x, mlir::Value like);
  mlir::Value reshaped(mlir::Value x, mlir::Value like);
  /// A zero for each place of `like`.
  mlir::Value zeros(mlir::Value like) {
    return repeated(number(0, like), like);
  }

  mlir::OpBuilder &builder;
  mlir::Location loc = builder.getUnknownLoc(); ///< of the op differentiated

private:
  mlir::Value summedTo(mlir::Value gradient, mlir::Value like);
  mlir::Value original(mlir::Value value) const {
    auto found = originals.find(value);
    return found == originals.end() ? value : found->second;
  }

  llvm::DenseMap<mlir::Value, mlir::Value> originals; ///< by their copies
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, mlir::Value> gradients;
};

/// Adds the gradients of an op's operands, given those of its results. Fails if
/// one that is wanted has no rule; the caller says so.
using Rule = std::function<llvm::LogicalResult(mlir::Operation *, Backward &)>;

/// The gradient rule of every op that has one, by the op's name.
class Rules {
public:
  template <typename OpT>
  void add(llvm::LogicalResult (*rule)(OpT, Backward &)) {
    rules[OpT::getOperationName()] = [=](mlir::Operation *op, Backward &to) {
      return rule(mlir::cast<OpT>(op), to);
    };
  }
  /// For an op with one result, whose rule cannot fail.
  template <typename OpT>
  void add(void (*rule)(OpT, mlir::Value dy, Backward &)) {
    rules[OpT::getOperationName()] = [=](mlir::Operation *op, Backward &to) {
      rule(mlir::cast<OpT>(op), to.of(op->getResult(0)), to);
      return mlir::success();
    };
  }
  /// Null if there is none.
  const Rule *find(mlir::Operation *op) const {
    auto found = rules.find(op->getName().getStringRef());
    return found == rules.end() ? nullptr : &found->second;
  }

private:
  llvm::StringMap<Rule> rules;
};

void addElementwiseRules(Rules &rules);
void addLayerRules(Rules &rules);
void addLowbitRules(Rules &rules);
void addReductionRules(Rules &rules);
void addViewRules(Rules &rules);

/// The gradients of the sum of `loss` by each of `values`, which are arguments
/// of `function` or results of its ops; `names` are for the error if a gradient
/// is missing. Appended before the terminator of `function`. With `recompute`
/// sums of the residual stream in a segment, what lies in it is computed again
/// (`Segments`); 0 keeps it all.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiate(mlir::func::FuncOp function, mlir::Value loss,
              llvm::ArrayRef<mlir::Value> values,
              llvm::ArrayRef<std::string> names, int64_t recompute = 0);

/// Parts of the forward pass that are computed again where their gradient
/// begins. They lie between sums of the residual stream: places where, of what
/// depends on a trained value, nothing else is alive.
class Segments {
public:
  /// A segment holds `sums` of them; 0: there are no segments.
  Segments(llvm::ArrayRef<mlir::Operation *> forward, const Backward &backward,
           int64_t sums);

  /// Copies the segment that `forward[i]` lies in, if it is not done; called
  /// before the gradient of each op, in reverse.
  void enter(size_t i, Backward &backward);
  /// The copy of an op, or the op.
  mlir::Operation *copyOf(mlir::Operation *op) const {
    mlir::Operation *copy = copies.lookup(op);
    return copy ? copy : op;
  }
  /// Erases the copies that nothing reads.
  void finish();

private:
  llvm::ArrayRef<mlir::Operation *> forward;
  llvm::SmallVector<size_t> kept; ///< ops whose result is kept, in order
  size_t end = 0, entered = 0;    ///< last op of the segment, of the one copied
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> copies;
  llvm::SmallVector<mlir::Operation *> inOrder; ///< the copies
};

/// What a run trains.
struct Trained {
  std::string kinds = "full"; ///< full: all but adapters; lora: adapters
  std::string pattern;        ///< regular expression of names; empty: all
};

/// The parameters of `program` that are trained, in its order. Fails with what
/// is wrong in `message`.
mlir::FailureOr<llvm::SmallVector<mlir::ml_program::GlobalOp>>
trainedParameters(mlir::ModuleOp program, const Trained &trained,
                  std::string &message);

/// Makes one load of `global` at the start of `function` serve all; null if
/// there is none.
mlir::Value loadOnce(mlir::func::FuncOp function,
                     mlir::ml_program::GlobalOp global);

} // namespace qopt::train

#endif // QOPT_PASSES_TRAIN_BACKWARD_H
