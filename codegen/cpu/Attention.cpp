// nn.attention on the CPU.
//
//   for every batch b, query head h, query i:      a task is a block of queries
//     limit = causal ? i + S - T + 1 : S           keys that i may see
//     s[j]  = scale * q . k[j]  (+ mask)           reads 4 D limit bytes
//     p[j]  = e^(s[j] - max(s)), sum               in scratch, one row
//     y     = sum_j p[j] v[j] / sum                reads 4 E limit bytes
//
// The scores of one query at a time lie in the thread's scratch; the matrix of
// all scores is never stored. Decoding is bound by reading the caches, a prompt
// by multiply units; four keys are in flight, because each dot product ends in
// a sum across the lanes. Keys and values may be codes of 8 bits (D bytes and a
// scale a position): they become numbers as they are loaded.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// Keys whose dot products are in flight together.
static constexpr int64_t keysAtOnce = 4;

static nn::AttentionOp attentionOf(kernel::FuncOp kernel) {
  nn::AttentionOp found;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (found || !isa<nn::AttentionOp, lowbit::DequantizeOp>(op))
      return nullptr;
    found = dyn_cast<nn::AttentionOp>(op);
  }
  return found;
}

static bool isStored(Value value) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  return isa<BlockArgument>(value) && !element.isF64();
}

/// Whether keys or values are codes of which a vector has one scale.
static bool areCodes(Value value) {
  auto op = value.getDefiningOp<lowbit::DequantizeOp>();
  return op && llvm::all_of(op->getOperands(), isStored) &&
         (op.getScheme().getPer() == lowbit::Granularity::token ||
          (op.getScheme().getPer() == lowbit::Granularity::group &&
           op.getScheme().getGroup() % 4 == 0));
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  nn::AttentionOp op = attentionOf(kernel);
  return op && llvm::all_of(op->getOperands(), [&](Value operand) {
           bool read = operand == op.getKey() || operand == op.getValue();
           return isStored(operand) || (read && areCodes(operand));
         });
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  // [B, H, T, D]: a task is one query of one head. Codes of keys may come
  // first.
  auto query = cast<BlockArgument>(attentionOf(kernel).getQuery());
  AffineMap map =
      cast<AffineMapAttr>(kernel.getDims()[query.getArgNumber()]).getValue();
  return map.getResult(0) * map.getResult(1) * map.getResult(2);
}

namespace {

/// Writes the attention of one query.
class QueryWriter {
public:
  QueryWriter(Emitter &e, nn::AttentionOp op)
      : e(e), op(op), m{e.b, e.loc},
        headSize(op.getQuery().getType().getShape().back()),
        valueSize(op.getValue().getType().getShape().back()) {}

  void write(Value task);

private:
  /// Lanes of the vectors that make up a row, and its sets of one scale.
  int64_t lanesFor(Value tensor, int64_t size) {
    if (auto codes = tensor.getDefiningOp<lowbit::DequantizeOp>())
      size = codes.getScheme().getGroupSize(size);
    int64_t lanes = e.lanes();
    while (size % lanes != 0)
      lanes /= 2;
    return lanes;
  }
  /// A vector (or, for one lane, still a vector) as f32.
  Value load(Value tensor, Value index, int64_t lanes) {
    if (auto codes = tensor.getDefiningOp<lowbit::DequantizeOp>())
      return dequantized(codes, index, lanes);
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    Value x = e.load(e.vector(lanes, element), e.pointer(tensor), index);
    return element == e.f32()
               ? x
               : Value(arith::ExtFOp::create(e.b, e.loc, e.vector(lanes), x));
  }
  Value dequantized(lowbit::DequantizeOp op, Value index, int64_t lanes);
  /// What lies in memory for a tensor.
  Value stored(Value tensor) {
    auto codes = tensor.getDefiningOp<lowbit::DequantizeOp>();
    return codes ? codes.getCodes() : tensor;
  }
  Value row(Value tensor, Value head, Value position) {
    tensor = stored(tensor);
    Value heads = e.size(tensor, 1);
    Value begin = e.mul(e.add(e.mul(batch, heads), head), e.headStride(tensor));
    return e.add(begin, e.mul(position, e.size(tensor, 3)));
  }
  SmallVector<Value> loadQuery();
  Value dot(ArrayRef<Value> query, Value keyRow);
  Value masked(Value score, Value key);
  Value scores(ArrayRef<Value> query);
  Value exponentials(Value most);
  void values(Value sum);

  Emitter &e;
  nn::AttentionOp op;
  Math m;
  int64_t headSize, valueSize;
  Value batch, head, keyHead, position, limit;
};

} // namespace

/// Codes that begin at element `index` of the rows of heads; scales lie beside
/// them with as many rows.
Value QueryWriter::dequantized(lowbit::DequantizeOp op, Value index,
                               int64_t lanes) {
  int64_t width = op.getCodes().getType().getShape().back();
  int64_t size = op.getScheme().getGroupSize(width), sets = width / size;
  Type i8 = e.b.getI8Type(), i32 = e.b.getI32Type();
  Value codes = e.load(e.vector(lanes, i8), e.pointer(op.getCodes()), index);
  codes = arith::ExtSIOp::create(e.b, e.loc, e.vector(lanes, i32), codes);
  // A row of codes and one of scales are the same row: of their own capacity.
  auto perSet = [&](Value tensor) {
    Value row = arith::DivUIOp::create(e.b, e.loc, index, e.constant(width));
    Value set = arith::DivUIOp::create(
        e.b, e.loc,
        arith::RemUIOp::create(e.b, e.loc, index, e.constant(width)),
        e.constant(size));
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    return e.load(element, e.pointer(tensor), e.add(e.mul(row, sets), set));
  };
  auto all = [&](Value x) {
    return vector::BroadcastOp::create(e.b, e.loc, e.vector(lanes, x.getType()),
                                       x);
  };
  if (op.getZeros()) {
    Value zero = arith::ExtSIOp::create(e.b, e.loc, i32, perSet(op.getZeros()));
    codes = arith::SubIOp::create(e.b, e.loc, codes, all(zero));
  }
  Value scale = perSet(op.getScales());
  if (scale.getType() != e.f32())
    scale = arith::ExtFOp::create(e.b, e.loc, e.f32(), scale);
  Value numbers = arith::SIToFPOp::create(e.b, e.loc, e.vector(lanes), codes);
  return m.mul(numbers, all(scale));
}

SmallVector<Value> QueryWriter::loadQuery() {
  int64_t lanes = lanesFor(op.getKey(), headSize);
  Value start = row(op.getQuery(), head, position);
  SmallVector<Value> query;
  double scale = op.getScale().convertToDouble();
  for (int64_t d = 0; d < headSize; d += lanes)
    query.push_back(
        m.mul(load(op.getQuery(), e.add(start, e.constant(d)), lanes), scale));
  return query;
}

Value QueryWriter::dot(ArrayRef<Value> query, Value keyRow) {
  int64_t lanes = lanesFor(op.getKey(), headSize);
  Value sum;
  for (auto [i, part] : llvm::enumerate(query)) {
    Value key = load(op.getKey(), e.add(keyRow, e.constant(i * lanes)), lanes);
    sum = sum ? m.fma(part, key, sum) : m.mul(part, key);
  }
  return vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::ADD,
                                     sum, arith::FastMathFlags::reassoc);
}

Value QueryWriter::masked(Value score, Value key) {
  Value never = e.constant(-HUGE_VAL, e.f32());
  if (Value mask = op.getMask()) {
    auto type = cast<RankedTensorType>(mask.getType());
    Value where[] = {batch, head, position, key};
    Value index = e.constant(0);
    for (int64_t axis = 0, skipped = 4 - type.getRank(); axis < type.getRank();
         ++axis) {
      bool one = type.getDimSize(axis) == 1;
      index = e.mul(index, e.size(mask, axis));
      if (!one)
        index = e.add(index, where[skipped + axis]);
    }
    Value value = e.load(type.getElementType(), e.pointer(mask), index);
    if (type.getElementType().isInteger(1)) {
      score = m.select(value, score, never);
    } else {
      if (value.getType() != e.f32())
        value = arith::ExtFOp::create(e.b, e.loc, e.f32(), value);
      score = m.add(score, value);
    }
  }
  if (Value mask = op.getKeyMask()) {
    Value index = e.add(e.mul(batch, e.size(mask, 1)), key);
    Value seen = e.load(e.b.getI1Type(), e.pointer(mask), index);
    score = m.select(seen, score, never);
  }
  return score;
}

/// Stores the scores of the visible keys; the largest one.
Value QueryWriter::scores(ArrayRef<Value> query) {
  Value begin = row(op.getKey(), keyHead, e.constant(0));
  Value stride = e.size(op.getKey(), 3);
  auto score = [&](Value key, Value most) {
    Value s = masked(dot(query, e.add(begin, e.mul(key, stride))), key);
    e.store(s, e.scratch, key);
    return Value(m.larger(s, most));
  };
  Value whole =
      arith::AndIOp::create(e.b, e.loc, limit, e.constant(-keysAtOnce));
  Value most =
      e.loop(e.constant(0), whole, keysAtOnce, e.constant(-HUGE_VAL, e.f32()),
             [&](Value key, ValueRange most) {
               Value largest = most[0];
               for (int64_t i = 0; i < keysAtOnce; ++i)
                 largest = score(e.add(key, e.constant(i)), largest);
               return SmallVector<Value>{largest};
             })[0];
  return e.loop(whole, limit, 1, most, [&](Value key, ValueRange most) {
    return SmallVector<Value>{score(key, most[0])};
  })[0];
}

/// Turns scores into e^(score - most); their sum.
Value QueryWriter::exponentials(Value most) {
  // A query that sees nothing has no largest score.
  Value none = m.compare(arith::CmpFPredicate::OEQ, most, -HUGE_VAL);
  most = m.select(none, e.constant(0.0, e.f32()), most);
  int64_t lanes = e.lanes();
  auto part = [&](Value key, int64_t lanes, Value sum) -> Value {
    Type type = lanes == 1 ? e.f32() : Type(e.vector(lanes));
    Value s = e.load(type, e.scratch, key);
    Value shift =
        lanes == 1 ? most
                   : Value(vector::BroadcastOp::create(e.b, e.loc, type, most));
    Value p = emitExp(e.b, e.loc, m.sub(s, shift));
    e.store(p, e.scratch, key);
    return m.add(sum, p);
  };
  Value whole = arith::AndIOp::create(e.b, e.loc, limit, e.constant(-lanes));
  Value sums =
      e.loop(e.constant(0), whole, lanes, e.constant(0.0, e.vector(lanes)),
             [&](Value key, ValueRange sum) {
               return SmallVector<Value>{part(key, lanes, sum[0])};
             })[0];
  Value sum =
      vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::ADD, sums,
                                  arith::FastMathFlags::reassoc);
  return e.loop(whole, limit, 1, sum, [&](Value key, ValueRange sum) {
    return SmallVector<Value>{part(key, 1, sum[0])};
  })[0];
}

/// Stores the mean of the values, weighted by the exponentials.
void QueryWriter::values(Value sum) {
  int64_t lanes = lanesFor(op.getValue(), valueSize);
  int64_t parts = valueSize / lanes;
  Value begin = row(op.getValue(), keyHead, e.constant(0));
  Value stride = e.size(op.getValue(), 3);
  SmallVector<Value> zeros(parts, e.constant(0.0, e.vector(lanes)));
  SmallVector<Value> sums =
      e.loop(e.constant(0), limit, 1, zeros, [&](Value key, ValueRange sums) {
        Value p = e.load(e.f32(), e.scratch, key);
        Value all = vector::BroadcastOp::create(e.b, e.loc, e.vector(lanes), p);
        Value start = e.add(begin, e.mul(key, stride));
        SmallVector<Value> next;
        for (int64_t i = 0; i < parts; ++i)
          next.push_back(m.fma(
              all,
              load(op.getValue(), e.add(start, e.constant(i * lanes)), lanes),
              sums[i]));
        return next;
      });
  Value zero = e.constant(0.0, e.f32());
  Value none = m.compare(arith::CmpFPredicate::OEQ, sum, 0.0);
  Value inverse = m.select(none, zero, m.div(e.constant(1.0, e.f32()), sum));
  Value all = vector::BroadcastOp::create(e.b, e.loc, e.vector(lanes), inverse);
  Value start = row(op.getResult(), head, position);
  Type element = op.getType().getElementType();
  for (int64_t i = 0; i < parts; ++i) {
    Value y = m.mul(sums[i], all);
    if (element != e.f32())
      y = arith::TruncFOp::create(e.b, e.loc, e.vector(lanes, element), y);
    e.store(y, e.pointer(op.getResult()), e.add(start, e.constant(i * lanes)));
  }
}

void QueryWriter::write(Value task) {
  Value queries = e.size(op.getQuery(), 2), heads = e.size(op.getQuery(), 1);
  position = arith::RemUIOp::create(e.b, e.loc, task, queries);
  Value rest = arith::DivUIOp::create(e.b, e.loc, task, queries);
  head = arith::RemUIOp::create(e.b, e.loc, rest, heads);
  batch = arith::DivUIOp::create(e.b, e.loc, rest, heads);
  Value group =
      arith::DivUIOp::create(e.b, e.loc, heads, e.size(op.getKey(), 1));
  keyHead = arith::DivUIOp::create(e.b, e.loc, head, group);
  limit = e.size(op.getKey(), 2);
  if (op.getCausal()) {
    Value past = arith::SubIOp::create(e.b, e.loc, limit, queries);
    limit = e.add(e.add(position, past), e.constant(1));
  }
  values(exponentials(scores(loadQuery())));
}

static LogicalResult emit(Emitter &e) {
  QueryWriter query(e, attentionOf(e.kernel));
  e.loop(e.begin, e.end, 1, [&](Value task) { query.write(task); });
  return success();
}

const KernelFamily attentionFamily = {"attention", accepts, tasks, emit};

} // namespace qopt::cpu
