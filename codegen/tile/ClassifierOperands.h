// What a classifier's loss and its gradient work on, for every target.

#ifndef QOPT_CODEGEN_TILE_CLASSIFIEROPERANDS_H
#define QOPT_CODEGEN_TILE_CLASSIFIEROPERANDS_H

#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::tile {

/// Where the numbers of a weight [V, C] come from.
struct HeadSource {
  mlir::Value stored;         ///< an argument; null: neither of the following
  bool isTurned = false;      ///< it lies as [C, V]
  lowbit::DequantizeOp codes; ///< they are codes of `stored`

  explicit HeadSource(mlir::Value weight) {
    if (auto turn = weight.getDefiningOp<nn::TransposeOp>()) {
      isTurned = true;
      weight = turn.getInput();
    } else if ((codes = weight.getDefiningOp<lowbit::DequantizeOp>())) {
      weight = codes.getCodes();
    }
    if (mlir::isa<mlir::BlockArgument>(weight))
      stored = weight;
  }
};

/// The operands and sizes of either op.
struct ClassifierOperands {
  mlir::Operation *op = nullptr; ///< null: the kernel is another one
  mlir::Value input, weight, targets, dy, result;
  mlir::Value dinput, dweight;             ///< of the gradient; maybe absent
  mlir::Value teacherInput, teacherWeight; ///< null: there is none
  double kl = 0, ce = 1;
  int64_t channels = 0, words = 0, teacherChannels = 0;

  explicit ClassifierOperands(kernel::FuncOp kernel) {
    for (mlir::Operation &each : kernel.getBlock().without_terminator()) {
      if (auto loss = mlir::dyn_cast<train::ClassifierLossOp>(each)) {
        read(loss);
      } else if (auto grad =
                     mlir::dyn_cast<train::ClassifierLossGradOp>(each)) {
        read(grad);
        dy = grad.getDy(), dinput = grad.getDinput();
        dweight = grad.getDweight();
      }
    }
    auto isRead = [](mlir::Value operand) {
      return !operand || mlir::isa<mlir::BlockArgument>(operand);
    };
    bool isAlone = op && isRead(input) && isRead(targets) && isRead(dy) &&
                   isRead(teacherInput);
    for (mlir::Operation &each : kernel.getBlock().without_terminator())
      isAlone &= &each == op || llvm::all_of(each.getUsers(), [&](auto *user) {
        return user == op;
      });
    if (!isAlone || !HeadSource(weight).stored ||
        (teacherWeight && !HeadSource(teacherWeight).stored))
      op = nullptr;
  }

private:
  template <typename Op> void read(Op from) {
    op = from;
    input = from.getInput(), weight = from.getWeight();
    targets = from.getTargets(), result = from.getResult();
    teacherInput = from.getTeacherInput();
    teacherWeight = from.getTeacherWeight();
    words = from.getWeight().getType().getDimSize(0);
    channels = from.getWeight().getType().getDimSize(1);
    if (!teacherInput)
      return;
    kl = from.getKl()->convertToDouble(), ce = from.getCe()->convertToDouble();
    teacherChannels = from.getTeacherWeight().getType().getDimSize(1);
  }
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_CLASSIFIEROPERANDS_H
