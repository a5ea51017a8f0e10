// nn.attention of many queries, by matrix instructions.
//
//   for every batch b, query head h, tile of queries:   a block
//     q[queries][D] to shared memory
//     for every tile of keys that one of them sees:
//       k[keys][D], v[keys][E] to shared memory         each number once
//       s = q k^T                                       a warp 16 queries
//       p = e^(s - most), y = y * e^(before - most) + p v
//     y /= sum of p
//
// The online softmax of FlashAttention: scores stay in registers, those of a
// query in the four lanes of its row. A lane's fragment of s has the places of
// one of the left factor of the second product, with two neighbours of n8
// beside each other as 16 terms; of tf32, terms t and t + 4 are keys 2 t and 2
// t + 1. Values arrive while scores are made, the next keys while values are
// summed.
//
// Keys and values are read once for a tile of queries: bound by the matrix
// units. Of f32 the products are those of Mma.h; of bf16 p has two terms, so
// that only what comes in is short. Codes become f32 on their way to shared
// memory.
//
// What no query may see is not multiplied by 0 but by nothing: where a result
// of the tile is not finite, its queries are made again, each by itself.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Attention.h"
#include "qopt/codegen/cuda/Mma.h"
#include "qopt/codegen/tile/Element.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/codegen/tile/Transcendental.h"

using namespace mlir;

namespace qopt::cuda {

/// Queries of a warp.
static constexpr int64_t warpQueries = 16;
/// Results of a query in the registers of its lanes, at most.
static constexpr int64_t mostWidth = 128;
/// Static shared memory of a block, and what a query by itself takes of it.
static constexpr int64_t mostShared = 48 << 10, ofQuery = 4 << 10;

namespace {

/// Sizes of a tile.
struct TileFacts {
  /// The largest that fits; without warps if none does.
  static TileFacts of(nn::AttentionOp op);

  FloatType element;
  int64_t depth, width; ///< with zeros up to whole fragments
  int64_t warps = 0, keys = 0;

  int64_t queries() const { return warps * warpQueries; }
  int64_t depthStride() const {
    return SharedFactor::strideOf(element, true, depth);
  }
  /// Values of f32 are read in pairs of keys: rows of 4 banks more.
  int64_t widthStride() const { return width + (element.isF32() ? 4 : 8); }
  int64_t resultStride() const { return width + 8; }
  int64_t bytes() {
    int64_t size = element.getWidth() / 8;
    int64_t inputs =
        ((queries() + keys) * depthStride() + keys * widthStride()) * size;
    return std::max(inputs, queries() * resultStride() * 4);
  }
};

class TileWriter {
public:
  TileWriter(Emitter &e, nn::AttentionOp op, TileFacts facts)
      : e(e), m{e.b, e.loc}, op(op), facts(facts), element(facts.element) {}

  void write();

private:
  using Values = SmallVector<Value>;
  /// Sums of p, largest scores, then [width / 8][4] results.
  enum State { sum, most = 2, results = 4 };

  Value number(double value) { return e.constant(value, e.f32()); }
  /// Rows [first, first + count) of a tensor to shared memory; zeros for those
  /// from `limit` on.
  void fill(Value tensor, Value head, const SharedFactor &factor, Value first,
            int64_t count, int64_t columns, Value limit);
  std::function<Value(Value, Value)> addressOf(Value tensor, Value head);
  Values scores();
  Values mix(Value first, ValueRange state);
  Terms weightsOf(ArrayRef<Value> p, int64_t step);
  Terms valuesOf(Value memoryKey, Value column);
  void store(ArrayRef<Value> state);
  /// Number of the query of sum i in the block.
  Value rowOf(int64_t half) {
    return e.add(e.mul(e.warp, warpQueries),
                 e.add(e.div(e.lane, 4), e.constant(8 * half)));
  }

  Emitter &e;
  Math m;
  nn::AttentionOp op;
  TileFacts facts;
  FloatType element;
  QueryPlace place; ///< its query is the first of the tile
  SharedFactor q, k, v;
  Value limits[2];   ///< keys that a query may see
  QueryPlace own[2]; ///< those of this lane
};

} // namespace

static FloatType factorOf(nn::AttentionOp op) {
  Type type = op.getQuery().getType().getElementType();
  bool isShort = (type.isF16() || type.isBF16()) &&
                 op.getKey().getType().getElementType() == type &&
                 op.getValue().getType().getElementType() == type;
  return isShort ? cast<FloatType>(type) : Float32Type::get(op.getContext());
}

TileFacts TileFacts::of(nn::AttentionOp op) {
  TileFacts facts;
  facts.element = factorOf(op);
  int64_t terms = facts.element.isF32() ? 8 : 16;
  facts.depth = llvm::alignTo(op.getQuery().getType().getShape().back(), terms);
  facts.width = llvm::alignTo(op.getValue().getType().getShape().back(), 8);
  if (facts.width > mostWidth)
    return facts;
  int64_t most = facts.element.isF32() ? 32 : 64;
  for (int64_t warps : {4, 2, 1})
    for (int64_t keys = most; keys >= 16; keys /= 2) {
      facts.warps = warps, facts.keys = keys;
      if (facts.bytes() + ofQuery <= mostShared)
        return facts;
    }
  facts.warps = 0;
  return facts;
}

std::function<Value(Value, Value)> TileWriter::addressOf(Value tensor,
                                                         Value head) {
  auto argument = dyn_cast<BlockArgument>(tensor);
  auto type = cast<RankedTensorType>(tensor.getType());
  kernel::LayoutAttr layout = argument ? e.kernel.getLayout(argument) : nullptr;
  if (!layout || layout.getBits() || layout.getPanel() ||
      type.getElementType() != element ||
      type.getShape().back() % (128 / element.getWidth()))
    return nullptr;
  Value base = e.pointer(tensor);
  int64_t heads = type.getDimSize(1), width = type.getShape().back();
  Value start =
      e.mul(e.add(e.mul(place.batch, heads), head), e.headStride(tensor));
  return [=](Value row, Value column) {
    return e.offset(base, e.add(start, e.add(e.mul(row, width), column)),
                    element);
  };
}

void TileWriter::fill(Value tensor, Value head, const SharedFactor &factor,
                      Value first, int64_t count, int64_t columns,
                      Value limit) {
  int64_t length = cast<RankedTensorType>(tensor.getType()).getShape().back();
  auto address = addressOf(tensor, head);
  int64_t width = address ? 128 / element.getWidth() : 1;
  Value all = e.constant(count * columns / width);
  e.loop(e.thread, all, e.threads, [&](Value piece) {
    Value row = e.div(piece, columns / width);
    Value column = e.mul(e.rem(piece, columns / width), width);
    Value index = e.add(e.mul(row, factor.stride), column);
    Value source = e.add(first, row);
    Value isInside = arith::AndIOp::create(e.b, e.loc, e.less(source, limit),
                                           e.less(column, e.constant(length)));
    if (address) {
      e.copyAsync(e.offset(factor.memory, index, element),
                  address(source, column),
                  m.select(isInside, e.i32(16), e.i32(0)));
      return;
    }
    Value x = e.choose(
        isInside, e.f32(),
        [&] {
          return Elements(e).at(tensor, {place.batch, head, source, column});
        },
        [&] { return number(0); });
    if (!element.isF32())
      x = arith::TruncFOp::create(e.b, e.loc, element, x);
    e.store(x, factor.memory, index);
  });
}

/// Products of this warp's queries and the keys of the tile: [keys / 8][4].
TileWriter::Values TileWriter::scores() {
  Values s(facts.keys / 2, number(0));
  Value row = e.mul(e.warp, warpQueries);
  for (int64_t d = 0; d < facts.depth; d += q.terms()) {
    Terms left = q.fragmentA(e, row, e.constant(d));
    for (int64_t j = 0; j < facts.keys / 8; ++j)
      multiplyTerms(e, element, left,
                    k.fragmentB(e, e.constant(8 * j), e.constant(d)),
                    MutableArrayRef<Value>(s).slice(4 * j, 4));
  }
  return s;
}

/// The weights of a step as a left factor.
Terms TileWriter::weightsOf(ArrayRef<Value> p, int64_t step) {
  Terms result;
  if (element.isF32()) {
    result.resize(2);
    ArrayRef<Value> four = p.slice(4 * step, 4);
    for (int64_t r = 0; r < 4; ++r) {
      Values parts = splitInTwo(e, four[2 * (r % 2) + r / 2]);
      for (int64_t t = 0; t < 2; ++t)
        result[t].push_back(m.bits(parts[t], e.b.getI32Type()));
    }
    return result;
  }
  Values rest(p.slice(8 * step, 8));
  for (int64_t term = 0; term < (element.isBF16() ? 2 : 1); ++term) {
    Values pairs;
    for (int64_t r = 0; r < 4; ++r) {
      Value pair[2];
      for (int64_t i = 0; i < 2; ++i) {
        Value &x = rest[4 * (r / 2) + 2 * (r % 2) + i];
        pair[i] = arith::TruncFOp::create(e.b, e.loc, element, x);
        x = m.sub(x, arith::ExtFOp::create(e.b, e.loc, e.f32(), pair[i]));
      }
      pairs.push_back(pairOperand(e, pair[0], pair[1]));
    }
    result.push_back(pairs);
  }
  return result;
}

/// Values of keys from `key` on, and of 8 columns, as a right factor.
Terms TileWriter::valuesOf(Value key, Value column) {
  if (!element.isF32())
    return v.fragmentB(e, column, key);
  Terms result(2);
  Value row = e.add(column, e.div(e.lane, 4));
  for (int64_t r = 0; r < 2; ++r) {
    Value term = e.add(key, e.add(e.mul(e.rem(e.lane, 4), 2), e.constant(r)));
    Value x = e.load(e.f32(), v.memory, v.index(e, row, term));
    Values parts = splitInTwo(e, x);
    for (int64_t t = 0; t < 2; ++t)
      result[t].push_back(m.bits(parts[t], e.b.getI32Type()));
  }
  return result;
}

/// One tile of keys: scores are there when values arrive.
TileWriter::Values TileWriter::mix(Value first, ValueRange before) {
  Value keys = e.size(op.getKey(), 2);
  Value hidden = number(-HUGE_VAL);
  // Keys have come, and values before them are not read any more.
  e.waitForCopies();
  e.barrier();
  fill(op.getValue(), place.keyHead, v, first, facts.keys, facts.width, keys);
  e.commitCopies();
  Values p = scores(), next(before);
  Value column = e.mul(e.rem(e.lane, 4), 2);
  for (size_t i = 0; i < p.size(); ++i) {
    int64_t half = i % 4 / 2;
    Value key = e.add(e.add(first, column), e.constant(8 * (i / 4) + i % 2));
    Value isThere = e.less(key, limits[half]);
    // Masks are read inside of their sizes.
    Value known = e.smaller(key, e.sub(keys, e.constant(1)));
    auto [score, visible] = maskedScore(e, op, own[half], known, p[i]);
    visible = arith::AndIOp::create(e.b, e.loc, visible, isThere);
    p[i] = m.select(visible, score, hidden);
  }
  auto larger = [&](Value a, Value b) { return m.larger(a, b); };
  Value from[2], factor[2];
  for (int64_t half = 0; half < 2; ++half) {
    Value top = next[most + half];
    Value own = hidden;
    for (size_t i = 0; i < p.size(); ++i)
      if (int64_t(i) % 4 / 2 == half)
        own = larger(own, p[i]);
    top = larger(top, e.joinLanes(own, larger, 1, 4));
    // As long as nothing is visible nothing is scaled.
    from[half] = m.select(m.compare(arith::CmpFPredicate::OEQ, top, -HUGE_VAL),
                          number(0), top);
    factor[half] = emitExp(e.b, e.loc, m.sub(next[most + half], from[half]));
    next[most + half] = top;
    next[sum + half] = m.mul(next[sum + half], factor[half]);
  }
  for (size_t i = 0; i < p.size(); ++i) {
    int64_t half = i % 4 / 2;
    p[i] = emitExp(e.b, e.loc, m.sub(p[i], from[half]));
    next[sum + half] = m.add(next[sum + half], p[i]);
  }
  for (size_t i = results; i < next.size(); ++i)
    next[i] = m.mul(next[i], factor[(i - results) % 4 / 2]);
  // Values have come, and keys are not read any more.
  e.waitForCopies();
  e.barrier();
  Value following = e.add(first, e.constant(facts.keys));
  fill(op.getKey(), place.keyHead, k, following, facts.keys, facts.depth, keys);
  e.commitCopies();
  for (int64_t step = 0; step < facts.keys / v.terms(); ++step) {
    Terms left = weightsOf(p, step);
    for (int64_t j = 0; j < facts.width / 8; ++j) {
      Terms right = valuesOf(e.constant(step * v.terms()), e.constant(8 * j));
      auto sums = MutableArrayRef<Value>(next).slice(results + 4 * j, 4);
      if (element.isF32()) {
        multiplyTerms(e, element, left, right, sums);
        continue;
      }
      for (const Values &term : llvm::reverse(left))
        multiplyTerms(e, element, {term}, right, sums);
    }
  }
  return next;
}

void TileWriter::store(ArrayRef<Value> state) {
  auto add = [&](Value a, Value b) { return m.add(a, b); };
  Value total[2], isFinite = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  for (int64_t half = 0; half < 2; ++half)
    total[half] = e.joinLanes(state[sum + half], add, 1, 4);
  e.waitForCopies();
  e.barrier();
  Value column = e.mul(e.rem(e.lane, 4), 2);
  for (int64_t j = 0; j < facts.width / 8; ++j)
    for (int64_t half = 0; half < 2; ++half) {
      Value pair[2];
      for (int64_t i = 0; i < 2; ++i) {
        Value x = state[results + 4 * j + 2 * half + i];
        Value none = m.compare(arith::CmpFPredicate::OEQ, total[half], 0.0);
        pair[i] = m.select(none, number(0), m.div(x, total[half]));
        Value own = m.compare(arith::CmpFPredicate::OLT, m.abs(x), HUGE_VAL);
        isFinite = arith::AndIOp::create(e.b, e.loc, isFinite, own);
      }
      Value at = e.add(e.mul(rowOf(half), facts.resultStride()),
                       e.add(column, e.constant(8 * j)));
      e.storeWide(e.vectorOf({pair[0], pair[1]}),
                  e.offset(q.memory, at, e.f32()), e.constant(0));
    }
  Value bad = m.select(isFinite, e.i32(0), e.i32(1));
  bad = e.joinBlock(bad, [&](Value a, Value b) -> Value {
    return arith::OrIOp::create(e.b, e.loc, a, b);
  });
  e.barrier();
  Value queries = e.size(op.getQuery(), 2);
  int64_t width = op.getValue().getType().getShape().back();
  Value rows =
      e.smaller(e.sub(queries, place.query), e.constant(facts.queries()));
  Value isGood = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                       bad, e.i32(0));
  e.branch(
      isGood,
      [&] {
        e.loop(e.thread, e.mul(rows, width), e.threads, [&](Value i) {
          Value row = e.div(i, width), column = e.rem(i, width);
          Value x = e.load(e.f32(), q.memory,
                           e.add(e.mul(row, facts.resultStride()), column));
          storeElement(
              e, op.getResult(), x,
              {place.batch, place.head, e.add(place.query, row), column});
        });
      },
      [&] {
        e.loop(e.constant(0), rows, 1, [&](Value row) {
          QueryPlace one = place;
          one.query = e.add(place.query, row);
          attendQuery(e, op, one);
          e.barrier();
        });
      });
}

void TileWriter::write() {
  Value queries = e.size(op.getQuery(), 2), keys = e.size(op.getKey(), 2);
  Value tiles = e.size(e.dims.of(op.getQuery())[2].ceilDiv(facts.queries()));
  Value tile = arith::RemUIOp::create(e.b, e.loc, e.block, tiles);
  Value head = arith::DivUIOp::create(e.b, e.loc, e.block, tiles);
  place = queryPlace(e, op, head, e.mul(tile, facts.queries()));
  Value last = e.sub(queries, e.constant(1));
  for (int64_t half = 0; half < 2; ++half) {
    // Queries behind the last are the last, and not stored.
    Value query = e.smaller(e.add(place.query, rowOf(half)), last);
    own[half] = place;
    own[half].query = query;
    limits[half] = visibleKeys(e, op, query);
  }
  int64_t size = element.getWidth() / 8;
  Value memory = e.shared(facts.bytes());
  auto at = [&](int64_t elements) {
    return e.offset(memory, e.constant(size * elements), e.b.getI8Type());
  };
  int64_t ofQueries = facts.queries() * facts.depthStride();
  int64_t ofKeys = facts.keys * facts.depthStride();
  q = {memory, element, true, facts.depthStride()};
  k = {at(ofQueries), element, true, facts.depthStride()};
  v = {at(ofQueries + ofKeys), element, false, facts.widthStride()};
  fill(op.getQuery(), place.head, q, place.query, facts.queries(), facts.depth,
       queries);
  fill(op.getKey(), place.keyHead, k, e.constant(0), facts.keys, facts.depth,
       keys);
  e.commitCopies();
  Value end = visibleKeys(
      e, op,
      e.smaller(e.add(place.query, e.constant(facts.queries() - 1)), last));
  Values state(results + facts.width / 2, number(0));
  state[most] = state[most + 1] = number(-HUGE_VAL);
  state =
      e.loop(e.constant(0), end, facts.keys, state,
             [&](Value first, ValueRange state) { return mix(first, state); });
  store(state);
}

std::optional<Phase> attentionTiles(nn::AttentionOp op, AffineExpr heads,
                                    AffineExpr queries) {
  TileFacts facts = TileFacts::of(op);
  if (!facts.warps)
    return std::nullopt;
  return Phase{heads * queries.ceilDiv(facts.queries()), facts.warps * warpSize,
               [op, facts](Emitter &e) {
                 // 32 results and 16 scores of a lane leave room for three
                 // blocks; more of either for two.
                 bool isSmall = facts.width <= 64 && facts.keys <= 32;
                 e.allowRegisters(isSmall ? 160 : 255);
                 TileWriter(e, op, facts).write();
                 return success();
               }};
}

} // namespace qopt::cuda
