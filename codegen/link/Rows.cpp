// Rows of a weight, evaluated a few at a time.

#include "qopt/codegen/link/Rows.h"

#include <cmath>
#include <cstring>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using qopt::interpreter::Tensor;

namespace qopt::link {

/// Elements of a block, as doubles half a megabyte, which stays in a cache; a
/// matrix of a small model still has work for several threads.
static constexpr int64_t blockElements = 1 << 16;

/// IEEE half to single: the exponent moved, subnormals by their value.
static double fromHalf(uint16_t half) {
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double value = exponent == 0    ? std::ldexp(mantissa, -24)
                 : exponent == 31 ? (mantissa ? NAN : HUGE_VAL)
                                  : 0;
  if (exponent != 0 && exponent != 31) {
    uint32_t bits = uint32_t(exponent + 112) << 23 | uint32_t(mantissa) << 13;
    float single;
    std::memcpy(&single, &bits, 4);
    value = single;
  }
  return half >> 15 ? -value : value;
}

template <typename Word, typename Convert>
static void decodeWords(const char *from, int64_t stride, int64_t count,
                        double *to, Convert convert) {
  for (int64_t i = 0; i < count; ++i, from += stride) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    to[i] = convert(word);
  }
}

void decodeRow(const char *from, int64_t stride, int64_t count, Type element,
               double *to) {
  auto same = [](auto x) { return double(x); };
  if (element.isF32())
    return decodeWords<float>(from, stride, count, to, same);
  if (element.isF16())
    return decodeWords<uint16_t>(from, stride, count, to, fromHalf);
  if (element.isInteger(8))
    return decodeWords<int8_t>(from, stride, count, to, same);
  if (element.isBF16())
    return decodeWords<uint16_t>(from, stride, count, to, [](uint16_t word) {
      uint32_t bits = uint32_t(word) << 16;
      float single;
      std::memcpy(&single, &bits, 4);
      return double(single);
    });
  size_t size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  for (int64_t i = 0; i < count; ++i) {
    Tensor one = interpreter::decode({from + i * stride, size}, element, {1});
    to[i] = one.data.empty() ? double(one.integers[0]) : one.data[0];
  }
}

Rows::Rows(Value value, ModuleOp program, nn::WeightFiles &files)
    : value(value), type(cast<RankedTensorType>(value.getType())), files(files),
      mover(program, files) {
  addAll(interpreter);
}

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Ops whose result at an index reads the operands at that index, where these
/// are not repeated.
static bool isElementwise(Operation *op) {
  return isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp, nn::NegOp, nn::SqrtOp,
             nn::RsqrtOp, nn::ReciprocalOp, nn::CastOp>(op);
}

/// Whether the rows of `value` come from the same rows of what its chain
/// starts from. Collects the chain and its leaves.
bool Rows::separates(Value value) {
  for (const Leaf &leaf : leaves)
    if (leaf.value == value)
      return true;
  Operation *op = value.getDefiningOp();
  if (llvm::is_contained(chain, op))
    return true;
  int64_t rows = ranked(value).getDimSize(0);
  auto views = mover.pieces(value);
  if (succeeded(views) && !views->empty()) {
    leaves.push_back({value, std::move(*views), std::nullopt});
    return true;
  }
  auto rotation = dyn_cast<lowbit::HadamardOp>(op);
  auto fake = dyn_cast<lowbit::FakeQuantizeOp>(op);
  auto dequantize = dyn_cast<lowbit::DequantizeOp>(op);
  auto quantize = dyn_cast<lowbit::QuantizeOp>(op);
  auto perRow = [](lowbit::SchemeAttr scheme) {
    return scheme.getPer() != lowbit::Granularity::tensor;
  };
  bool known = isElementwise(op) || (rotation && rotation.getAxis() > 0) ||
               (fake && !fake.getLambda() && perRow(fake.getScheme())) ||
               (dequantize && perRow(dequantize.getScheme())) ||
               (quantize && perRow(quantize.getScheme()));
  if (!known || ranked(op->getResult(0)).getRank() < 2)
    return false;
  for (Value operand : op->getOperands()) {
    auto own = ranked(operand);
    bool aligned = dequantize || own.getRank() == ranked(value).getRank();
    if (aligned && own.getRank() > 0 && own.getDimSize(0) == rows) {
      if (!separates(operand))
        return false;
    } else if (llvm::none_of(leaves, [&](const Leaf &leaf) {
                 return leaf.value == operand;
               })) {
      leaves.push_back({operand, {}, Tensor(ArrayRef<int64_t>())});
    }
  }
  chain.push_back(op);
  return true;
}

/// The ops that a value depends on, operands first.
static void collectChain(Value value, llvm::SetVector<Operation *> &chain) {
  Operation *op = value.getDefiningOp();
  if (chain.contains(op))
    return;
  for (Value operand : op->getOperands())
    collectChain(operand, chain);
  chain.insert(op);
}

/// The value of a chain, by the interpreter.
FailureOr<Tensor> Rows::evaluateAll(Value value, ModuleOp program) {
  OpBuilder b(program.getContext());
  b.setInsertionPointToEnd(program.getBody());
  auto function =
      func::FuncOp::create(b, value.getLoc(), "evaluated.weight",
                           b.getFunctionType({}, {value.getType()}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  IRMapping mapping;
  llvm::SetVector<Operation *> ops;
  collectChain(value, ops);
  for (Operation *op : ops)
    b.clone(*op, mapping);
  func::ReturnOp::create(b, value.getLoc(), mapping.lookup(value));
  interpreter::RunOptions options;
  options.files = &files;
  auto values = interpreter.run(function, {}, options);
  function.erase();
  if (failed(values))
    return failure();
  return std::move(values->front());
}

/// The chain on a block of so many rows; its arguments are the leaves.
func::FuncOp Rows::functionFor(int64_t count) {
  auto resized = [&](Value value, bool isWhole) {
    RankedTensorType own = ranked(value);
    SmallVector<int64_t> shape(own.getShape());
    if (!isWhole && !shape.empty())
      shape[0] = count;
    return RankedTensorType::get(shape, own.getElementType());
  };
  OpBuilder b(module->getContext());
  b.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> arguments;
  for (const Leaf &leaf : leaves)
    arguments.push_back(resized(leaf.value, leaf.whole.has_value()));
  Type result = resized(value, false);
  auto function =
      func::FuncOp::create(b, value.getLoc(), "rows" + std::to_string(count),
                           b.getFunctionType(arguments, {result}));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToEnd(body);
  IRMapping mapping;
  for (auto [leaf, argument] : llvm::zip(leaves, body->getArguments()))
    mapping.map(leaf.value, argument);
  for (Operation *op : chain) {
    Operation *clone = b.clone(*op, mapping);
    for (OpResult own : clone->getResults())
      own.setType(resized(own, false));
  }
  func::ReturnOp::create(b, value.getLoc(), mapping.lookup(value));
  return function;
}

LogicalResult Rows::prepare(ModuleOp program) {
  if (type.getRank() == 0 || !separates(value)) {
    leaves.clear();
    chain.clear();
    FailureOr<Tensor> all = evaluateAll(value, program);
    if (failed(all))
      return failure();
    whole = std::move(*all);
    return success();
  }
  for (Leaf &leaf : leaves) {
    if (!leaf.whole)
      continue;
    FailureOr<Tensor> all = evaluateAll(leaf.value, program);
    if (failed(all))
      return failure();
    leaf.whole = std::move(*all);
  }
  if (chain.empty())
    return success();
  module = ModuleOp::create(value.getLoc());
  int64_t rows = type.getDimSize(0), block = std::min(rows, blockRows());
  prepareBlocks(block);
  prepareBlocks(rows % block);
  return success();
}

void Rows::prepareBlocks(int64_t count) {
  if (module && count > 0 && !functions.count(count))
    functions[count] = functionFor(count);
}

FailureOr<std::unique_ptr<Rows>> Rows::of(Value value, ModuleOp program,
                                          nn::WeightFiles &files) {
  std::unique_ptr<Rows> rows(new Rows(value, program, files));
  if (failed(rows->prepare(program)))
    return failure();
  return rows;
}

int64_t Rows::blockRows() const {
  int64_t rows = std::max<int64_t>(1, type.getDimSize(0));
  int64_t columns = std::max<int64_t>(1, type.getNumElements() / rows);
  // Whole panels of every width.
  return llvm::alignTo(std::max<int64_t>(1, blockElements / columns), 64);
}

void Rows::forget() const {
  for (const Leaf &leaf : leaves)
    for (const View &view : leaf.views)
      nn::WeightFiles::forget(view.source);
}

/// Rows of what lies in pieces.
static Tensor readRows(ArrayRef<View> views, int64_t from, int64_t count,
                       RankedTensorType type) {
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = count;
  Tensor tensor(shape);
  int64_t last = shape.size() > 1 ? shape.back() : 1;
  int64_t width = count ? int64_t(tensor.data.size()) / count : 0;
  double *to = tensor.data.data();
  for (const View &view : views) {
    for (; from < view.shape[0] && count > 0; ++from, --count)
      for (int64_t at = 0; at < width; at += last, to += last) {
        // The index of the axes between, counted from the last.
        const char *source = view.data + from * view.strides[0];
        int64_t rest = at / last;
        for (int64_t axis = int64_t(shape.size()) - 2; axis > 0; --axis) {
          source += rest % view.shape[axis] * view.strides[axis];
          rest /= view.shape[axis];
        }
        decodeRow(source, view.strides.back(), last, type.getElementType(), to);
      }
    from = std::max<int64_t>(0, from - view.shape[0]);
  }
  if (!isa<FloatType>(type.getElementType())) {
    tensor.integers.assign(tensor.data.begin(), tensor.data.end());
    tensor.data.clear();
  }
  return tensor;
}

static Tensor slice(const Tensor &whole, int64_t from, int64_t count) {
  SmallVector<int64_t> shape(whole.shape);
  int64_t width =
      ShapedType::getNumElements(shape) / std::max<int64_t>(1, shape[0]);
  shape[0] = count;
  Tensor tensor((ArrayRef<int64_t>()));
  tensor.shape = shape;
  auto copy = [&](const auto &all, auto &some) {
    some.clear();
    if (!all.empty())
      some.assign(all.begin() + from * width,
                  all.begin() + (from + count) * width);
  };
  copy(whole.data, tensor.data);
  copy(whole.integers, tensor.integers);
  return tensor;
}

FailureOr<Tensor> Rows::get(int64_t from, int64_t count) const {
  if (whole)
    return slice(*whole, from, count);
  if (chain.empty())
    return readRows(leaves[0].views, from, count, type);
  std::vector<Tensor> arguments;
  for (const Leaf &leaf : leaves)
    arguments.push_back(
        leaf.whole ? *leaf.whole
                   : readRows(leaf.views, from, count, ranked(leaf.value)));
  interpreter::RunOptions options;
  options.files = &files;
  auto values = interpreter.run(functions.at(count), arguments, options);
  if (failed(values))
    return failure();
  return std::move(values->front());
}

} // namespace qopt::link
