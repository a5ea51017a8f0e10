// train.attention_grad on the CPU.
//
//   for every batch b and key head:               a task
//     dk, dv = 0
//     for every query head that reads it, for every R queries, in order:
//       for every block of keys that they see:    transposed into the scratch,
//         s[R, block]  = q k^T                    once if there is one block
//         dp[R, block] = dy v^T                   products, see Product.h
//       p  = softmax(scale * s + mask)            in place
//       ds = scale * p * (dp - sum(dp p))         in place
//       dq[R, D]  = ds k
//       dk[S, D] += ds^T q
//       dv[S, E] += p^T dy
//
// Bound by the multiply units: five products of T S D / 2, where causal. Scores
// of R queries lie in the thread's scratch, of no other. A key head is one
// task, so its sums have one order, that of query heads and queries. A hidden
// key that is not finite spoils the gradient: the step is skipped then.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Product.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// Floats of keys and values that are transposed together: half of a second
/// cache.
static constexpr int64_t blockFloats = 128 << 10;
/// Queries, in tiles of a product, as far as the scratch has room. More of them
/// see more keys in vain.
static constexpr int64_t tilesOfQueries = 5;
static constexpr int64_t scratchFloats = QOPT_SCRATCH_BYTES / 4;

static int64_t lastSize(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getShape().back();
}

/// Keys of a block, whole panels of the widest product.
static int64_t keysOfBlock(train::AttentionGradOp op) {
  int64_t each = lastSize(op.getKey()) + lastSize(op.getValue());
  return std::min<int64_t>(1024, blockFloats / each / 64 * 64);
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  auto op = onlyOp<train::AttentionGradOp>(kernel);
  return op && op.getQuery().getType().getElementType().isF32() &&
         keysOfBlock(op) > 0;
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  auto key = onlyOp<train::AttentionGradOp>(kernel).getKey();
  return productOf(kernel.getContext(), sizesOf(kernel, key).take_front(2));
}

namespace {

class AttentionGradWriter {
public:
  explicit AttentionGradWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(onlyOp<train::AttentionGradOp>(e.kernel)),
        product(e), headSize(lastSize(op.getKey())),
        valueSize(lastSize(op.getValue())), block(keysOfBlock(op)),
        queries(e.size(op.getQuery(), 2)), keys(e.size(op.getKey(), 2)) {}

  void write(Value task);

private:
  /// [T or S, size] of one head.
  Strided headOf(Value tensor, Value head) {
    Value index = e.add(e.mul(batch, e.size(tensor, 1)), head);
    Value width = e.size(tensor, 3);
    Value start = e.mul(e.mul(index, e.size(tensor, 2)), width);
    return rowMajor(e, e.pointer(tensor), start, width);
  }
  Strided scratch(Value start, Value row) {
    return rowMajor(e, e.scratch, start, row);
  }
  void clear(Value tensor);
  void plan();
  void writeQueries(Value head, Value first);
  void turnKeys(Value key, Value count);
  void writeScores(Value head, Value first, Value count, Value limit);
  void writeShares(Value head, Value query, Value r, Value limit);
  Value masked(Value score, Value head, Value query, Value key, int64_t lanes);
  Value maskAt(Value head, Value query, Value key, int64_t lanes);

  Emitter &e;
  Math m;
  train::AttentionGradOp op;
  Product product;
  int64_t headSize, valueSize;
  int64_t block; ///< keys of one
  Value queries, keys;
  Value batch, keyHead;
  Value rows;    ///< queries of a tile
  Strided s, dp; ///< [rows, keys], in the scratch
};

} // namespace

/// How the scratch is divided. The distance of rows of scores is odd in cache
/// lines: columns of them are read, too.
void AttentionGradWriter::plan() {
  Value up = e.add(keys, e.constant(63));
  Value stride = e.add(arith::AndIOp::create(e.b, e.loc, up, e.constant(-64)),
                       e.constant(16));
  Value room = e.constant(scratchFloats - blockFloats);
  Value fits = arith::DivUIOp::create(e.b, e.loc, room, e.mul(stride, 2));
  rows = least(e, fits, e.constant(product.height() * tilesOfQueries));
  rows = arith::MaxSIOp::create(e.b, e.loc, rows, e.constant(1));
  Value start = e.constant(blockFloats);
  s = scratch(start, stride);
  dp = scratch(e.add(start, e.mul(rows, stride)), stride);
}

void AttentionGradWriter::clear(Value tensor) {
  Strided all = headOf(tensor, keyHead);
  Span(e, all.start, e.add(all.start, e.mul(keys, all.row)))
      .each([&](Value i, int64_t lanes) {
        e.store(m.real(0, lanesOf(e.f32(), lanes)), all.base, i);
      });
}

/// Transposes keys [key, key + count) and their values.
void AttentionGradWriter::turnKeys(Value key, Value count) {
  product.transpose(headOf(op.getKey(), keyHead).fromRow(e, key), count,
                    headSize, e.scratch, e.constant(0));
  product.transpose(headOf(op.getValue(), keyHead).fromRow(e, key), count,
                    valueSize, e.scratch, e.constant(block * headSize));
}

void AttentionGradWriter::writeScores(Value head, Value first, Value count,
                                      Value limit) {
  Strided q = headOf(op.getQuery(), head).fromRow(e, first);
  Strided dy = headOf(op.getDy(), head).fromRow(e, first);
  Value several = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sgt,
                                        keys, e.constant(block));
  e.loop(e.constant(0), limit, block, [&](Value key) {
    Value some = least(e, minus(e, limit, key), e.constant(block));
    e.branch(several, [&] { turnKeys(key, some); });
    product.writePanels(q, e.scratch, e.constant(0), s.fromColumn(e, key),
                        count, some, headSize);
    product.writePanels(dy, e.scratch, e.constant(block * headSize),
                        dp.fromColumn(e, key), count, some, valueSize);
  });
}

/// What the mask holds at [batch, head, query, key...].
Value AttentionGradWriter::maskAt(Value head, Value query, Value key,
                                  int64_t lanes) {
  Value mask = op.getMask();
  auto type = cast<RankedTensorType>(mask.getType());
  Value where[] = {batch, head, query, key};
  Value index = e.constant(0);
  bool oneKey = true;
  for (int64_t axis = 0, skipped = 4 - type.getRank(); axis < type.getRank();
       ++axis) {
    oneKey = type.getDimSize(axis) == 1;
    index = e.mul(index, e.size(mask, axis));
    if (!oneKey)
      index = e.add(index, where[skipped + axis]);
  }
  Type element = type.getElementType();
  Value x =
      e.load(lanesOf(element, oneKey ? 1 : lanes), e.pointer(mask), index);
  return oneKey ? splat(e, x, lanes) : x;
}

Value AttentionGradWriter::masked(Value score, Value head, Value query,
                                  Value key, int64_t lanes) {
  Value never = m.real(-HUGE_VAL, score.getType());
  if (op.getMask()) {
    Value x = maskAt(head, query, key, lanes);
    Type element = getElementTypeOrSelf(x.getType());
    if (element.isInteger(1))
      score = m.select(x, score, never);
    else if (element.isF64())
      score = m.add(score, m.narrow(x));
    else if (element != e.f32())
      score =
          m.add(score, arith::ExtFOp::create(e.b, e.loc, score.getType(), x));
    else
      score = m.add(score, x);
  }
  if (Value mask = op.getKeyMask()) {
    Value index = e.add(e.mul(batch, e.size(mask, 1)), key);
    Value seen =
        e.load(lanesOf(e.b.getI1Type(), lanes), e.pointer(mask), index);
    score = m.select(seen, score, never);
  }
  return score;
}

/// Row r of s becomes p, that of dp becomes ds, for `limit` keys. Rows have
/// room for whole vectors: what a query does not see has a score of -inf, and
/// what lies behind the keys is never read.
void AttentionGradWriter::writeShares(Value head, Value query, Value r,
                                      Value limit) {
  Value seen = limit;
  if (op.getCausal())
    seen = least(e, limit,
                 e.add(query, e.add(minus(e, keys, queries), e.constant(1))));
  Value sRow = s.fromRow(e, r).start, dpRow = dp.fromRow(e, r).start;
  auto load = [&](Value row, Value key, int64_t lanes) {
    return e.load(lanesOf(e.f32(), lanes), e.scratch, e.add(row, key));
  };
  auto store = [&](Value x, Value row, Value key) {
    e.store(x, e.scratch, e.add(row, key));
  };
  double scale = op.getScale().convertToDouble();
  bool hasMask = op.getMask() || op.getKeyMask();
  if (hasMask)
    Span(e, e.constant(0), limit).each([&](Value key, int64_t lanes) {
      Value score = m.mul(load(sRow, key, lanes), scale);
      store(masked(score, head, query, key, lanes), sRow, key);
    });
  int64_t width = e.lanes();
  SmallVector<int32_t> steps = llvm::to_vector(llvm::seq<int32_t>(0, width));
  Value count = arith::ConstantOp::create(
      e.b, e.loc,
      DenseElementsAttr::get(e.vector(width, e.b.getI32Type()),
                             ArrayRef<int32_t>(steps)));
  Value up = e.add(limit, e.constant(width - 1));
  Span whole(e, e.constant(0),
             arith::AndIOp::create(e.b, e.loc, up, e.constant(-width)));
  auto visible = [&](Value key, int64_t lanes) -> Value {
    Value left = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(),
                                         minus(e, seen, key));
    Value places = lanes == 1 ? m.integer(0, e.b.getI32Type()) : count;
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, places,
                                 splat(e, left, lanes));
  };
  Value most = whole.largest([&](Value key, int64_t lanes) {
    Value score = load(sRow, key, lanes);
    if (!hasMask)
      score = m.mul(score, scale);
    Value never = m.real(-HUGE_VAL, score.getType());
    score = m.select(visible(key, lanes), score, never);
    store(score, sRow, key);
    return score;
  });
  // A query that sees nothing has no largest score.
  Value none = m.compare(arith::CmpFPredicate::OEQ, most, -HUGE_VAL);
  most = m.select(none, m.real(0, e.f32()), most);
  auto sums = whole.sums(e.f32(), 2, [&](Value key, int64_t lanes) {
    Value p = emitExp(e.b, e.loc,
                      m.sub(load(sRow, key, lanes), splat(e, most, lanes)));
    store(p, sRow, key);
    Value term = m.mul(p, load(dpRow, key, lanes));
    Value zero = m.real(0, term.getType());
    return SmallVector<Value>{p, m.select(visible(key, lanes), term, zero)};
  });
  Value empty = m.compare(arith::CmpFPredicate::OEQ, sums[0], 0.0);
  Value inverse =
      m.select(empty, m.real(0, e.f32()), m.div(m.real(1, e.f32()), sums[0]));
  Value mean = m.mul(sums[1], inverse);
  whole.each([&](Value key, int64_t lanes) {
    Value p = m.mul(load(sRow, key, lanes), splat(e, inverse, lanes));
    Value ds = m.sub(load(dpRow, key, lanes), splat(e, mean, lanes));
    ds = m.mul(m.mul(p, ds), scale);
    store(p, sRow, key);
    store(m.select(visible(key, lanes), ds, m.real(0, ds.getType())), dpRow,
          key);
  });
}

void AttentionGradWriter::writeQueries(Value head, Value first) {
  Value count = least(e, rows, minus(e, queries, first)), limit = keys;
  if (op.getCausal()) {
    Value past = minus(e, keys, queries);
    limit = least(e, keys, e.add(e.add(first, count), past));
    limit = arith::MaxSIOp::create(e.b, e.loc, limit, e.constant(0));
  }
  writeScores(head, first, count, limit);
  e.loop(e.constant(0), count, 1,
         [&](Value r) { writeShares(head, e.add(first, r), r, limit); });
  Strided q = headOf(op.getQuery(), head).fromRow(e, first);
  Strided dy = headOf(op.getDy(), head).fromRow(e, first);
  product.write(dp, headOf(op.getKey(), keyHead),
                headOf(op.getDquery(), head).fromRow(e, first), count, headSize,
                limit, false);
  product.write(dp.transposed(), q, headOf(op.getDkey(), keyHead), limit,
                headSize, count, true);
  product.write(s.transposed(), dy, headOf(op.getDvalue(), keyHead), limit,
                valueSize, count, true);
}

void AttentionGradWriter::write(Value task) {
  Value heads = e.size(op.getKey(), 1);
  batch = arith::DivUIOp::create(e.b, e.loc, task, heads);
  keyHead = arith::RemUIOp::create(e.b, e.loc, task, heads);
  Value group =
      arith::DivUIOp::create(e.b, e.loc, e.size(op.getQuery(), 1), heads);
  plan();
  clear(op.getDkey());
  clear(op.getDvalue());
  Value single = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sle,
                                       keys, e.constant(block));
  e.branch(single, [&] { turnKeys(e.constant(0), keys); });
  Value head = e.mul(keyHead, group);
  Value tiles = arith::CeilDivUIOp::create(e.b, e.loc, queries, rows);
  e.loop(head, e.add(head, group), 1, [&](Value head) {
    e.loop(e.constant(0), tiles, 1,
           [&](Value tile) { writeQueries(head, e.mul(tile, rows)); });
  });
}

static LogicalResult emit(Emitter &e) {
  AttentionGradWriter writer(e);
  e.loop(e.begin, e.end, 1, [&](Value task) { writer.write(task); });
  return success();
}

const KernelFamily attentionGradFamily = {"attention_grad", accepts, tasks,
                                          emit};

} // namespace qopt::cpu
