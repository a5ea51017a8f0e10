// From rounded numbers to codes, as far as lambda allows.
//
// Differentiation needs numbers: layers whose operands are rounded in part. As
// a program runs, a layer is one of three. At lambda 0 nothing is rounded; at 1
// it is the deployed layer, with the same kernels on the same codes; only in
// between the rounded numbers themselves are multiplied. The gradient of its
// input follows, that of its weight reads the numbers that the forward pass
// multiplied.

#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"

using namespace mlir;
using namespace qopt::lowbit;

namespace qopt {

#define GEN_PASS_DEF_LOWERFAKEQUANTIZE
#include "qopt/passes/Passes.h.inc"

namespace {

/// An element of an input: the lambda of a layer.
struct Selector {
  Value lambda;
  int64_t layer = 0;
};

/// Rounded numbers as a layer reads its weight, [N, C].
struct Weight {
  FakeQuantizeOp rounded;
  bool isTurned = false; ///< transposed behind the rounding
};

/// What quantizing gives, [N, C] for a weight.
struct Codes {
  Value codes, scales, zeros;
};

/// The layers of one function.
class Lowering {
public:
  explicit Lowering(func::FuncOp function) : function(function) {}

  void run();

private:
  void turnBehind(FakeQuantizeOp op);
  void roundRows(nn::EmbeddingOp embedding);
  void lower(nn::LinearOp linear);
  void lowerForward(nn::LinearOp linear, Weight weight);
  void lowerBackward(nn::LinearOp linear, Weight weight);
  void lowerLoss(train::ClassifierLossOp loss);
  void chooseNumbers(FakeQuantizeOp op);

  Codes codesOf(FakeQuantizeOp op, bool isTurned = false);
  Value multiply(OpBuilder &builder, Location loc, Type type, Value input,
                 Value weight, Value bias, DenseI64ArrayAttr splits);
  void choose(nn::LinearOp some, FakeQuantizeOp rounded, Value none,
              Value whole);

  func::FuncOp function;
  /// Whether the forward pass reads a weight transposed; absent: it is read by
  /// no layer that has codes.
  DenseMap<Operation *, bool> forward;
  DenseMap<std::pair<Operation *, unsigned>, Codes> quantized; ///< if turned
};

} // namespace

static void keep(Operation *op, StringRef reason) {
  remark::missed(op->getLoc(), remark::RemarkOpts::name("kept").category(
                                   "qopt-lower-fake-quantize"))
      << reason;
}

/// Null for none: the numbers are rounded in full.
static std::optional<Selector> selectorOf(FakeQuantizeOp op) {
  auto reshape = op.getLambda().getDefiningOp<nn::ReshapeOp>();
  auto slice =
      reshape ? reshape.getInput().getDefiningOp<nn::SliceOp>() : nn::SliceOp();
  IntegerAttr layer;
  if (!slice || !matchPattern(slice.getStart(), m_Constant(&layer)) ||
      !isa<BlockArgument>(slice.getInput()) ||
      cast<RankedTensorType>(slice.getInput().getType()).getRank() != 1)
    return std::nullopt;
  return Selector{slice.getInput(), layer.getInt()};
}

static bool isTurn(nn::TransposeOp op) {
  return op && op.getPermutation() == ArrayRef<int64_t>{1, 0};
}

/// The transpose of a matrix, without one of a transpose.
static Value turned(OpBuilder &builder, Value matrix) {
  if (auto turn = matrix.getDefiningOp<nn::TransposeOp>(); isTurn(turn))
    return turn.getInput();
  return nn::TransposeOp::create(builder, matrix.getLoc(), matrix,
                                 ArrayRef<int64_t>{1, 0});
}

/// The rounded numbers that a layer reads as its weight; null if it does not.
static Weight weightOf(Value value) {
  Weight weight;
  auto turn = value.getDefiningOp<nn::TransposeOp>();
  for (; isTurn(turn); turn = value.getDefiningOp<nn::TransposeOp>()) {
    value = turn.getInput();
    weight.isTurned = !weight.isTurned;
  }
  auto rounded = value.getDefiningOp<FakeQuantizeOp>();
  if (rounded && rounded.getType().hasStaticShape() &&
      rounded.getType().getRank() == 2)
    weight.rounded = rounded;
  return weight;
}

/// Whether it is there for lambdas in between only: this pass was here.
static bool isAlternative(Operation *op) {
  return !op->use_empty() &&
         llvm::all_of(op->getUsers(), llvm::IsaPred<train::ChooseOp>);
}

/// Whether only such layers read the rounded numbers through `reader`.
static bool isInAlternative(Operation *reader) {
  if (isa<nn::TransposeOp>(reader))
    return llvm::all_of(reader->getUsers(), isInAlternative);
  return isa<train::ChooseOp>(reader) ||
         (isa<nn::LinearOp>(reader) && isAlternative(reader));
}

/// What is rounded where lambda is 1: of a norm that comes gradually, all.
static Value wholeInput(FakeQuantizeOp op) {
  auto select = op.getInput().getDefiningOp<nn::SelectOp>();
  auto compare = select ? select.getCondition().getDefiningOp<nn::CompareOp>()
                        : nn::CompareOp();
  DenseElementsAttr one;
  bool isGradual = compare && compare.getPredicate() == nn::Predicate::ge &&
                   compare.getLhs() == op.getLambda() &&
                   matchPattern(compare.getRhs(), m_Constant(&one)) &&
                   one.isSplat() && one.getElementType().isF32() &&
                   one.getSplatValue<APFloat>().isExactlyValue(1.0);
  return isGradual && select.getOnTrue().getType() == op.getType()
             ? Value(select.getOnTrue())
             : Value(op.getInput());
}

/// One scale does not ask where an element stands: a product reads what is
/// transposed behind the rounding where it lies.
void Lowering::turnBehind(FakeQuantizeOp op) {
  auto turn = op.getInput().getDefiningOp<nn::TransposeOp>();
  if (!isTurn(turn) || op.getScheme().getPer() != Granularity::tensor)
    return;
  OpBuilder builder(op);
  Value rounded =
      FakeQuantizeOp::create(builder, op.getLoc(), turn.getInput().getType(),
                             turn.getInput(), op.getLambda(), op.getScheme());
  op.replaceAllUsesWith(turned(builder, rounded));
  op.erase();
}

/// Rows that are looked up are rounded, not the table.
void Lowering::roundRows(nn::EmbeddingOp embedding) {
  auto table = embedding.getTable().getDefiningOp<FakeQuantizeOp>();
  if (!table || table.getScheme().getPer() == Granularity::tensor)
    return;
  SchemeAttr scheme = table.getScheme();
  if (scheme.getPer() == Granularity::channel)
    scheme = SchemeAttr::get(
        scheme.getContext(), scheme.getMethod(), scheme.getBits(),
        Granularity::token, scheme.getGroup(), scheme.getClip(),
        scheme.getMse(), scheme.getHalf(), scheme.getWeighted());
  OpBuilder builder(embedding);
  Value rows =
      nn::EmbeddingOp::create(builder, embedding.getLoc(), embedding.getType(),
                              embedding.getIds(), table.getInput());
  embedding.replaceAllUsesWith(FakeQuantizeOp::create(builder, table.getLoc(),
                                                      embedding.getType(), rows,
                                                      table.getLambda(), scheme)
                                   .getResult());
  embedding.erase();
}

/// Made beside the rounding, once for all readers.
Codes Lowering::codesOf(FakeQuantizeOp op, bool isTurned) {
  Codes &codes = quantized[{op, unsigned(isTurned)}];
  if (codes.codes)
    return codes;
  OpBuilder builder(op);
  Value input = wholeInput(op);
  if (isTurned)
    input = turned(builder, input);
  auto quantize =
      QuantizeOp::create(builder, op.getLoc(), input, op.getScheme());
  return codes = {quantize.getCodes(), quantize.getScales(),
                  quantize.getZeros()};
}

/// Why a layer on these numbers would not be the deployed one; empty: it would.
static StringRef reasonToKeep(FakeQuantizeOp input, Value numbers,
                              Weight weight, Type result) {
  SchemeAttr scheme = weight.rounded.getScheme();
  Type element = getElementTypeOrSelf(result);
  if (getElementTypeOrSelf(numbers) != element ||
      weight.rounded.getType().getElementType() != element || element.isF64())
    return "its operands are not floats of one type";
  if (scheme.getMse())
    return "its scales are searched for";
  if (weight.isTurned && scheme.getPer() != Granularity::tensor)
    return "its scales belong to inputs, not to outputs";
  if (!input)
    return "";
  if (input.getScheme().getPer() != Granularity::token ||
      input.getScheme().hasZeros() || input.getScheme().getMse())
    return "its input has not one scale a token";
  if (input.getLambda() != weight.rounded.getLambda())
    return "its operands have two lambdas";
  return "";
}

/// A product of codes; of `input` itself where that is not rounded.
Value Lowering::multiply(OpBuilder &builder, Location loc, Type type,
                         Value input, Value weight, Value bias,
                         DenseI64ArrayAttr splits) {
  Weight read = weightOf(weight);
  Codes w = codesOf(read.rounded, read.isTurned);
  Value x = input, scales;
  if (auto rounded = input.getDefiningOp<FakeQuantizeOp>()) {
    Codes codes = codesOf(rounded);
    x = codes.codes, scales = codes.scales;
  }
  return lowbit::LinearOp::create(builder, loc, type, x, scales, w.codes,
                                  w.scales, w.zeros, bias,
                                  read.rounded.getScheme(), splits);
}

void Lowering::choose(nn::LinearOp some, FakeQuantizeOp rounded, Value none,
                      Value whole) {
  OpBuilder builder(some->getContext());
  builder.setInsertionPointAfterValue(whole);
  Selector selector = *selectorOf(rounded);
  auto choice = train::ChooseOp::create(
      builder, some.getLoc(), some.getType(), selector.lambda,
      builder.getI64IntegerAttr(selector.layer), none, some, whole);
  some.getResult().replaceAllUsesExcept(choice, choice);
}

void Lowering::lowerForward(nn::LinearOp linear, Weight weight) {
  auto input = linear.getInput().getDefiningOp<FakeQuantizeOp>();
  OpBuilder builder(linear->getContext());
  builder.setInsertionPointAfter(linear);
  Location loc = linear.getLoc();
  Value whole =
      multiply(builder, loc, linear.getType(), linear.getInput(),
               linear.getWeight(), linear.getBias(), linear.getSplitsAttr());
  if (!weight.rounded.getLambda()) {
    linear.replaceAllUsesWith(whole);
    linear.erase();
    return;
  }
  Value numbers = weight.rounded.getInput();
  builder.setInsertionPoint(linear);
  Value none = nn::LinearOp::create(
      builder, loc, linear.getType(),
      input ? Value(input.getInput()) : Value(linear.getInput()),
      weight.isTurned ? turned(builder, numbers) : numbers, linear.getBias(),
      linear.getSplitsAttr());
  choose(linear, weight.rounded, none, whole);
}

/// dx = dy w reads the codes that the forward pass multiplied.
void Lowering::lowerBackward(nn::LinearOp linear, Weight weight) {
  FakeQuantizeOp rounded = weight.rounded;
  Codes codes = codesOf(rounded, !weight.isTurned);
  OpBuilder builder(linear->getContext());
  builder.setInsertionPointAfter(linear);
  Value whole = train::PackedLinearGradOp::create(
      builder, linear.getLoc(), linear.getType(), linear.getInput(),
      codes.codes, codes.scales, codes.zeros, rounded.getScheme());
  builder.setInsertionPoint(linear);
  Value numbers = rounded.getInput();
  Value none = nn::LinearOp::create(
      builder, linear.getLoc(), linear.getType(), linear.getInput(),
      weight.isTurned ? turned(builder, numbers) : numbers, Value(),
      DenseI64ArrayAttr());
  choose(linear, rounded, none, whole);
}

void Lowering::lower(nn::LinearOp linear) {
  Weight weight = weightOf(linear.getWeight());
  if (!weight.rounded || isAlternative(linear))
    return;
  if (weight.rounded.getLambda() && !selectorOf(weight.rounded))
    return keep(linear, "its lambda is not an element of an input");
  // The first layer in the program that reads a weight is forward.
  auto [found, isFirst] = forward.try_emplace(weight.rounded, weight.isTurned);
  bool isForward = found->second == weight.isTurned;
  auto input = linear.getInput().getDefiningOp<FakeQuantizeOp>();
  Weight read{weight.rounded, isForward ? weight.isTurned : !weight.isTurned};
  StringRef reason = reasonToKeep(isForward ? input : FakeQuantizeOp(),
                                  linear.getInput(), read, linear.getType());
  if (!reason.empty())
    return keep(linear, reason);
  if (isForward)
    lowerForward(linear, weight);
  else if (weight.rounded.getLambda() && !linear.getBias())
    lowerBackward(linear, weight);
}

/// Rounded in full, the head is the deployed one; its logits are stored.
void Lowering::lowerLoss(train::ClassifierLossOp loss) {
  Weight weight = weightOf(loss.getWeight());
  auto input = loss.getInput().getDefiningOp<FakeQuantizeOp>();
  if (!weight.rounded || weight.rounded.getLambda() || loss.getTeacherInput())
    return;
  StringRef reason =
      reasonToKeep(input, loss.getInput(), weight, loss.getResult().getType());
  if (!reason.empty())
    return keep(loss, reason);
  OpBuilder builder(loss);
  auto type = cast<RankedTensorType>(loss.getInput().getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() =
      cast<RankedTensorType>(loss.getWeight().getType()).getDimSize(0);
  Value logits =
      multiply(builder, loss.getLoc(), type.clone(shape), loss.getInput(),
               loss.getWeight(), Value(), DenseI64ArrayAttr());
  loss.getResult().replaceAllUsesWith(
      nn::CrossEntropyOp::create(builder, loss.getLoc(),
                                 loss.getResult().getType(), logits,
                                 loss.getTargets())
          .getResult());
  loss.erase();
}

/// Who reads the numbers themselves gets those that the layer multiplied.
void Lowering::chooseNumbers(FakeQuantizeOp op) {
  if (op.use_empty() && isPure(op))
    return op.erase();
  std::optional<Selector> selector;
  if (op.getLambda())
    selector = selectorOf(op);
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : op->getUses())
    if (!isInAlternative(use.getOwner()))
      uses.push_back(&use);
  if (!selector || uses.empty())
    return;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  Value whole = op;
  if (op.getScheme().getPer() == Granularity::token &&
      !op.getScheme().getMse()) {
    Codes codes = codesOf(op);
    whole =
        DequantizeOp::create(builder, op.getLoc(), op.getType(), codes.codes,
                             codes.scales, codes.zeros, op.getScheme());
  }
  Value choice = train::ChooseOp::create(
      builder, op.getLoc(), op.getType(), selector->lambda,
      builder.getI64IntegerAttr(selector->layer), op.getInput(), op, whole);
  for (OpOperand *use : uses)
    use->set(choice);
}

void Lowering::run() {
  auto collect = [&](auto tag) {
    using Op = decltype(tag);
    return llvm::to_vector(function.getOps<Op>());
  };
  for (FakeQuantizeOp op : collect(FakeQuantizeOp()))
    turnBehind(op);
  for (nn::EmbeddingOp op : collect(nn::EmbeddingOp()))
    roundRows(op);
  for (nn::LinearOp op : collect(nn::LinearOp()))
    lower(op);
  for (train::ClassifierLossOp op : collect(train::ClassifierLossOp()))
    lowerLoss(op);
  for (FakeQuantizeOp op : collect(FakeQuantizeOp()))
    chooseNumbers(op);
}

namespace {

struct LowerFakeQuantize final
    : impl::LowerFakeQuantizeBase<LowerFakeQuantize> {
  using LowerFakeQuantizeBase::LowerFakeQuantizeBase;

  void runOnOperation() override { Lowering(getOperation()).run(); }
};

} // namespace
} // namespace qopt
