// Kernels that change parameters, see UpdateKernel.h.

#include "qopt/codegen/tile/UpdateKernel.h"

#include "qopt/codegen/tile/Tasks.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qopt::tile {

namespace {

/// Looks for updates in a kernel.
class Recognizer {
public:
  explicit Recognizer(kernel::FuncOp kernel) : kernel(kernel) {
    given.insert_range(kernel.getResultValues());
  }

  SmallVector<ParameterUpdate> run();

private:
  bool findStep(Operation *step, ParameterUpdate &update);
  bool findForm(Operation *op, ParameterUpdate &update);
  bool read(Value number, StoredNumbers &stored);
  bool write(Value number, StoredNumbers &stored);
  bool areNumbers(ValueRange values) { return llvm::all_of(values, isNumber); }

  kernel::FuncOp kernel;
  llvm::DenseSet<Value> given;
  llvm::SetVector<Operation *> seen;
};

} // namespace

static bool isF32(Value tensor) { return getElementTypeOrSelf(tensor).isF32(); }

bool Recognizer::read(Value number, StoredNumbers &stored) {
  stored.memory = number;
  if (isa<BlockArgument>(number))
    return true;
  Operation *op = number.getDefiningOp();
  if (!llvm::all_of(op->getOperands(), llvm::IsaPred<BlockArgument>) ||
      !seen.insert(op))
    return false;
  if (auto decode = dyn_cast<train::DecodeStateOp>(op))
    stored = {
        decode.getCodes(), decode.getScales(), decode.getIsUnsigned(), {}};
  else if (auto cast = dyn_cast<nn::CastOp>(op))
    stored.memory = cast.getInput();
  else
    return false;
  Type element = stored.element();
  return isF32(number) &&
         (stored.scales || element.isF16() || element.isBF16());
}

bool Recognizer::write(Value number, StoredNumbers &stored) {
  stored.memory = number;
  if (given.contains(number))
    return number.hasOneUse();
  if (!number.hasOneUse() || !isF32(number))
    return false;
  Operation *op = *number.user_begin();
  if (!seen.insert(op))
    return false;
  if (auto encode = dyn_cast<train::EncodeStateOp>(op)) {
    stored = {
        encode.getCodes(), encode.getScales(), encode.getIsUnsigned(), {}};
  } else if (auto round = dyn_cast<train::StochasticRoundOp>(op)) {
    stored = {round.getResult(), {}, false, round};
    if (round.getInput() != number ||
        !areNumbers({round.getSeed(), round.getStep()}))
      return false;
  } else {
    return false;
  }
  return given.contains(stored.memory) &&
         (!stored.scales || given.contains(stored.scales));
}

bool Recognizer::findStep(Operation *step, ParameterUpdate &update) {
  update.step = step;
  seen.insert(step);
  // A gradient, and what becomes a result.
  unsigned tensors = step->getNumResults() + 1;
  for (Value number : step->getOperands().take_front(tensors))
    if (!read(number, update.reads.emplace_back()))
      return false;
  for (Value number : step->getResults())
    if (!write(number, update.writes.emplace_back()))
      return false;
  // Only parameters are rounded by chance.
  for (const StoredNumbers &state : ArrayRef(update.writes).drop_front())
    if (state.rounding)
      return false;
  return areNumbers(step->getOperands().drop_front(tensors));
}

/// A kernel of one op that only changes the form of numbers.
bool Recognizer::findForm(Operation *op, ParameterUpdate &update) {
  StoredNumbers &source = update.reads.emplace_back();
  StoredNumbers &target = update.writes.emplace_back();
  if (auto decode = dyn_cast<train::DecodeStateOp>(op)) {
    source = {
        decode.getCodes(), decode.getScales(), decode.getIsUnsigned(), {}};
    target.memory = decode.getResult();
  } else if (auto encode = dyn_cast<train::EncodeStateOp>(op)) {
    source.memory = encode.getInput();
    target = {
        encode.getCodes(), encode.getScales(), encode.getIsUnsigned(), {}};
  } else if (auto round = dyn_cast<train::StochasticRoundOp>(op)) {
    source.memory = round.getInput();
    target = {round.getResult(), {}, false, round};
    if (!isF32(source.memory))
      return false;
  } else {
    return false;
  }
  seen.insert(op);
  auto isRead = llvm::IsaPred<BlockArgument>;
  return !source.element().isF64() && !target.element().isF64() &&
         isRead(source.memory) && (!source.scales || isRead(source.scales)) &&
         (!target.rounding || areNumbers(op->getOperands().drop_front(1))) &&
         llvm::all_of(op->getResults(),
                      [&](Value result) { return given.contains(result); });
}

SmallVector<ParameterUpdate> Recognizer::run() {
  SmallVector<ParameterUpdate> updates;
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isa<arith::ConstantOp>(op))
      ops.push_back(&op);
  for (Operation *op : ops)
    if (isa<train::SgdOp, train::AdamwOp>(op) &&
        !findStep(op, updates.emplace_back()))
      return {};
  if (updates.empty() &&
      (ops.size() != 1 || !findForm(ops[0], updates.emplace_back())))
    return {};
  bool areLike = llvm::all_of(updates, [&](const ParameterUpdate &update) {
    return update.isLike(updates[0]);
  });
  if (seen.size() != ops.size() || !areLike)
    return {};
  return updates;
}

SmallVector<ParameterUpdate> updatesOf(kernel::FuncOp kernel) {
  return Recognizer(kernel).run();
}

int64_t ParameterUpdate::elements() const {
  return cast<RankedTensorType>(reads[0].memory.getType()).getNumElements();
}

Value ParameterUpdate::decay() const {
  auto adamw = dyn_cast_or_null<train::AdamwOp>(step);
  return adamw ? adamw.getDecay() : Value();
}

train::StochasticRoundOp ParameterUpdate::rounding() const {
  return writes[0].rounding;
}

bool ParameterUpdate::isCoded() const {
  return llvm::any_of(
      writes, [](const StoredNumbers &stored) { return bool(stored.scales); });
}

/// The same argument, or the same constant.
static bool isSameNumber(Value a, Value b) {
  auto one = a.getDefiningOp<arith::ConstantOp>();
  auto other = b.getDefiningOp<arith::ConstantOp>();
  return a == b || (one && other && one.getValue() == other.getValue());
}

bool ParameterUpdate::isLike(const ParameterUpdate &other) const {
  auto areLike = [](ArrayRef<StoredNumbers> a, ArrayRef<StoredNumbers> b) {
    return llvm::equal(
        a, b, [](const StoredNumbers &x, const StoredNumbers &y) {
          return x.element() == y.element() && !x.scales == !y.scales &&
                 x.isUnsigned == y.isUnsigned && !x.rounding == !y.rounding;
        });
  };
  if (!areLike(reads, other.reads) || !areLike(writes, other.writes))
    return false;
  if (train::StochasticRoundOp one = rounding(), two = other.rounding();
      one && (!isSameNumber(one.getSeed(), two.getSeed()) ||
              !isSameNumber(one.getStep(), two.getStep())))
    return false;
  if (!step || !other.step)
    return step == other.step;
  if (step->getName() != other.step->getName())
    return false;
  auto adamw = dyn_cast<train::AdamwOp>(step);
  for (unsigned i = reads.size(); i < step->getNumOperands(); ++i) {
    bool isOwn = adamw && i == adamw.getDecayMutable().getOperandNumber();
    if (!isOwn && !isSameNumber(step->getOperand(i), other.step->getOperand(i)))
      return false;
  }
  return true;
}

SmallVector<Value> decaysOf(ArrayRef<ParameterUpdate> updates) {
  SmallVector<Value> decays;
  for (const ParameterUpdate &update : updates)
    if (Value decay = update.decay())
      if (llvm::none_of(
              decays, [&](Value known) { return isSameNumber(known, decay); }))
        decays.push_back(decay);
  return decays;
}

int64_t decayNumber(const ParameterUpdate &update, ArrayRef<Value> decays) {
  return llvm::find_if(
             decays,
             [&](Value known) { return isSameNumber(known, update.decay()); }) -
         decays.begin();
}

} // namespace qopt::tile
