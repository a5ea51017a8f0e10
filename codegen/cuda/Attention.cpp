// nn.attention on the GPU.
//
//   many queries: tiles of them, by matrix instructions   see AttentionTile.cpp
//   heads that have no room for that:
//   for every batch b, query head h, query i:      a block
//     limit = causal ? i + S - T + 1 : S           keys that i may see
//     for every tile of keys:                      a thread a key
//       s[j]  = scale * q . k[j]  (+ mask)         q in shared memory
//       p[j]  = e^(s[j] - most), to shared memory  most, sum: over the block
//       y[e]  = y[e] * e^(before - most) + sum_j p[j] v[j, e]
//     y /= sum                                     a thread some e
//
// Of one query, which is what decoding has, the keys are cut into chunks, a
// block each, so that a long past keeps the chip busy; a second launch joins
// them:
//   y = sum_c e^(most_c - most) y_c / sum_c e^(most_c - most) sum_c
//
// Reads keys and values once a query: bound by memory for one query. The matrix
// of scores is never stored. Keys and values may be codes, a scale a position:
// an element of them is what tile/Element.h says.

#include "qopt/codegen/cuda/Attention.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/tile/Element.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cuda {

/// Threads of a block for a query, a key each; keys of a chunk where there is
/// one query only.
static constexpr int64_t queryThreads = 128, chunkKeys = 512;

static nn::AttentionOp attentionOf(kernel::FuncOp kernel) {
  auto found = kernel.getBlock().getOps<nn::AttentionOp>();
  return llvm::hasSingleElement(found) ? *found.begin() : nullptr;
}

static bool accepts(kernel::FuncOp kernel) {
  nn::AttentionOp op = attentionOf(kernel);
  if (!op || kernel.getResultValues().size() != 1 ||
      kernel.getResultValues()[0] != op.getResult() ||
      op.getType().getElementType().isF64())
    return false;
  return llvm::all_of(
      kernel.getBlock().without_terminator(),
      [&](Operation &other) { return &other == op || isElementOp(&other); });
}

namespace {

/// Writes the attention of one query.
class QueryWriter {
public:
  QueryWriter(Emitter &e, nn::AttentionOp op)
      : e(e), m{e.b, e.loc}, op(op),
        depth(op.getQuery().getType().getShape().back()),
        width(op.getValue().getType().getShape().back()),
        parts(llvm::divideCeil(width, e.threads)) {}

  /// A query with all its keys; with some; what those have left.
  void write();
  void writeAt(const QueryPlace &query);
  void writeChunk();
  void writeJoined();

private:
  void writeOwn();
  /// Which query row `row` of all is, and the keys that it may see.
  void find(Value row);
  /// Largest score, sum of weights, and results of the keys from `from` on.
  SmallVector<Value> mix(Value from);
  Value partial(Value row, Value chunk);
  /// body(part, column) for the elements of the result that this thread sums.
  void eachColumn(function_ref<void(int64_t, Value)> body);
  void store(Value sum, Value total, Value column);
  Value at(Value tensor, ArrayRef<Value> indices) {
    return Elements(e).at(tensor, indices);
  }
  /// The score of a key, or none: a flag beside it.
  std::pair<Value, Value> score(Value key);
  SmallVector<Value> tile(Value first, ValueRange state);
  Value number(double value) { return e.constant(value, e.f32()); }

  Emitter &e;
  Math m;
  nn::AttentionOp op;
  int64_t depth, width;
  int64_t parts; ///< elements of the result that a thread sums
  QueryPlace place;
  Value limit;                ///< keys that it may see
  Value queryMemory, weights; ///< shared: q, and p of a tile
};

} // namespace

/// Of a mask that broadcasts to [B, H, T, S].
static Value maskAt(Emitter &e, nn::AttentionOp op, const QueryPlace &place,
                    Value key) {
  auto type = cast<RankedTensorType>(op.getMask().getType());
  SmallVector<Value> all{place.batch, place.head, place.query, key};
  SmallVector<Value> own(ArrayRef<Value>(all).take_back(type.getRank()));
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    // A size that turns out to be 1 is repeated.
    Value last = e.sub(e.size(op.getMask(), axis), e.constant(1));
    own[axis] = e.smaller(own[axis], last);
  }
  return Elements(e).at(op.getMask(), own);
}

std::pair<Value, Value> maskedScore(Emitter &e, nn::AttentionOp op,
                                    const QueryPlace &place, Value key,
                                    Value product) {
  Math m{e.b, e.loc};
  auto both = [&](Value a, Value b) {
    return a ? Value(arith::AndIOp::create(e.b, e.loc, a, b)) : b;
  };
  Value score = m.mul(product, op.getScale().convertToDouble());
  Value visible;
  if (op.getKeyMask())
    visible = Elements(e).at(op.getKeyMask(), {place.batch, key});
  if (op.getMask()) {
    Value mask = maskAt(e, op, place, key);
    if (mask.getType().isInteger(1)) {
      visible = both(visible, mask);
    } else {
      score = m.add(score, mask);
      visible =
          both(visible, m.compare(arith::CmpFPredicate::UNE, mask, -HUGE_VAL));
    }
  }
  if (!visible)
    visible = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  return {score, visible};
}

std::pair<Value, Value> QueryWriter::score(Value key) {
  Value sum =
      e.loop(e.constant(0), e.constant(depth), 1, number(0),
             [&](Value d, ValueRange sum) {
               Value q = e.load(e.f32(), queryMemory, d);
               Value k = at(op.getKey(), {place.batch, place.keyHead, key, d});
               return SmallVector<Value>{m.fma(q, k, sum[0])};
             })[0];
  return maskedScore(e, op, place, key, sum);
}

/// What a tile makes of the largest score, the sum of weights, and the results.
SmallVector<Value> QueryWriter::tile(Value first, ValueRange state) {
  Value key = e.add(first, e.thread);
  Type i1 = e.b.getI1Type();
  auto branch = scf::IfOp::create(e.b, e.loc, TypeRange{e.f32(), i1},
                                  e.less(key, limit), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToEnd(branch.thenBlock());
    auto [own, visible] = score(key);
    scf::YieldOp::create(e.b, e.loc, ValueRange{own, visible});
    e.b.setInsertionPointToEnd(branch.elseBlock());
    Value none = arith::ConstantIntOp::create(e.b, e.loc, 0, 1);
    scf::YieldOp::create(e.b, e.loc, ValueRange{number(-HUGE_VAL), none});
  }
  Value own = branch.getResult(0), visible = branch.getResult(1);
  Value hidden = number(-HUGE_VAL);
  Value most = e.joinBlock(m.select(visible, own, hidden),
                           [&](Value a, Value b) { return m.larger(a, b); });
  most = m.larger(state[0], most);
  // As long as nothing is visible nothing is scaled.
  Value from = m.select(m.compare(arith::CmpFPredicate::OEQ, most, -HUGE_VAL),
                        number(0), most);
  Value weight = emitExp(e.b, e.loc, m.sub(own, from));
  Value factor = emitExp(e.b, e.loc, m.sub(state[0], from));
  // What is hidden has no weight: a negative one.
  e.store(m.select(visible, weight, number(-1)), weights, e.thread);
  Value sum = e.joinBlock(m.select(visible, weight, number(0)),
                          [&](Value a, Value b) { return m.add(a, b); });
  SmallVector<Value> next{most, m.fma(state[1], factor, sum)};
  Value count = e.smaller(e.sub(limit, first), e.constant(e.threads));
  for (int64_t part = 0; part < parts; ++part) {
    Value column = e.add(e.thread, e.constant(part * e.threads));
    Value before = m.mul(state[2 + part], factor);
    auto mixed = [&] {
      return e.loop(
          e.constant(0), count, 1, before, [&](Value j, ValueRange sum) {
            Value p = e.load(e.f32(), weights, j);
            Value v = at(op.getValue(),
                         {place.batch, place.keyHead, e.add(first, j), column});
            Value none = m.compare(arith::CmpFPredicate::OLT, p, 0.0);
            return SmallVector<Value>{
                m.select(none, sum[0], m.fma(p, v, sum[0]))};
          })[0];
    };
    next.push_back(e.choose(e.less(column, e.constant(width)), e.f32(), mixed,
                            [&] { return before; }));
  }
  // The weights are read by all before they are written again.
  e.barrier();
  return next;
}

QueryPlace queryPlace(Emitter &e, nn::AttentionOp op, Value head, Value query) {
  int64_t heads = op.getQuery().getType().getDimSize(1);
  int64_t keyHeads = op.getKey().getType().getDimSize(1);
  Value own = e.rem(head, heads);
  return {e.div(head, heads), own, e.div(own, heads / keyHeads), query};
}

Value visibleKeys(Emitter &e, nn::AttentionOp op, Value query) {
  Value queries = e.size(op.getQuery(), 2), keys = e.size(op.getKey(), 2);
  if (!op.getCausal())
    return keys;
  return e.smaller(keys,
                   e.add(e.add(query, e.constant(1)), e.sub(keys, queries)));
}

void QueryWriter::find(Value row) {
  Value queries = e.size(op.getQuery(), 2);
  Value query = arith::RemUIOp::create(e.b, e.loc, row, queries);
  Value head = arith::DivUIOp::create(e.b, e.loc, row, queries);
  place = queryPlace(e, op, head, query);
  limit = visibleKeys(e, op, query);
}

SmallVector<Value> QueryWriter::mix(Value from) {
  queryMemory = e.shared(4 * depth);
  weights = e.shared(4 * e.threads);
  for (int64_t d = 0; d < depth; d += e.threads) {
    Value own = e.add(e.thread, e.constant(d));
    e.branch(e.less(own, e.constant(depth)), [&] {
      e.store(at(op.getQuery(), {place.batch, place.head, place.query, own}),
              queryMemory, own);
    });
  }
  e.barrier();
  SmallVector<Value> state{number(-HUGE_VAL), number(0)};
  state.append(parts, number(0));
  return e.loop(
      from, limit, e.threads, state,
      [&](Value first, ValueRange state) { return tile(first, state); });
}

void QueryWriter::eachColumn(function_ref<void(int64_t, Value)> body) {
  for (int64_t part = 0; part < parts; ++part) {
    Value column = e.add(e.thread, e.constant(part * e.threads));
    e.branch(e.less(column, e.constant(width)), [&] { body(part, column); });
  }
}

void QueryWriter::store(Value sum, Value total, Value column) {
  Value none = m.compare(arith::CmpFPredicate::OEQ, total, 0.0);
  storeElement(e, op.getResult(), m.select(none, number(0), m.div(sum, total)),
               {place.batch, place.head, place.query, column});
}

void QueryWriter::write() {
  find(e.block);
  writeOwn();
}

void QueryWriter::writeAt(const QueryPlace &query) {
  place = query;
  limit = visibleKeys(e, op, query.query);
  writeOwn();
}

void QueryWriter::writeOwn() {
  SmallVector<Value> state = mix(e.constant(0));
  eachColumn([&](int64_t part, Value column) {
    store(state[2 + part], state[1], column);
  });
}

/// What a chunk leaves: the largest score, the sum of weights, and the results.
Value QueryWriter::partial(Value row, Value chunk) {
  Value chunks = e.size(e.dims.of(op.getKey())[2].ceilDiv(chunkKeys));
  return e.mul(e.add(e.mul(row, chunks), chunk), width + 2);
}

void QueryWriter::writeChunk() {
  Value chunks = e.size(e.dims.of(op.getKey())[2].ceilDiv(chunkKeys));
  Value row = arith::DivUIOp::create(e.b, e.loc, e.block, chunks);
  Value chunk = arith::RemUIOp::create(e.b, e.loc, e.block, chunks);
  find(row);
  Value from = e.mul(chunk, chunkKeys);
  limit = e.smaller(limit, e.add(from, e.constant(chunkKeys)));
  SmallVector<Value> state = mix(from);
  Value place = partial(row, chunk);
  e.branch(e.equal(e.thread, e.constant(0)), [&] {
    e.store(state[0], e.workspace, place);
    e.store(state[1], e.workspace, e.add(place, e.constant(1)));
  });
  eachColumn([&](int64_t part, Value column) {
    e.store(state[2 + part], e.workspace,
            e.add(place, e.add(column, e.constant(2))));
  });
}

/// The chunks of a query, in order.
void QueryWriter::writeJoined() {
  find(e.block);
  Value chunks = e.size(e.dims.of(op.getKey())[2].ceilDiv(chunkKeys));
  auto get = [&](Value chunk, Value i) {
    return e.load(e.f32(), e.workspace, e.add(partial(e.block, chunk), i));
  };
  Value most = e.loop(e.constant(0), chunks, 1, number(-HUGE_VAL),
                      [&](Value chunk, ValueRange most) {
                        return SmallVector<Value>{
                            m.larger(most[0], get(chunk, e.constant(0)))};
                      })[0];
  most = m.select(m.compare(arith::CmpFPredicate::OEQ, most, -HUGE_VAL),
                  number(0), most);
  eachColumn([&](int64_t, Value column) {
    SmallVector<Value> sums = e.loop(
        e.constant(0), chunks, 1, SmallVector<Value>{number(0), number(0)},
        [&](Value chunk, ValueRange sums) {
          Value factor =
              emitExp(e.b, e.loc, m.sub(get(chunk, e.constant(0)), most));
          Value own = get(chunk, e.add(column, e.constant(2)));
          return SmallVector<Value>{
              m.fma(get(chunk, e.constant(1)), factor, sums[0]),
              m.fma(own, factor, sums[1])};
        });
    store(sums[1], sums[0], column);
  });
}

void attendQuery(Emitter &e, nn::AttentionOp op, const QueryPlace &place) {
  QueryWriter(e, op).writeAt(place);
}

template <void (QueryWriter::*write)()> static LogicalResult emit(Emitter &e) {
  (QueryWriter(e, attentionOf(e.kernel)).*write)();
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  nn::AttentionOp op = attentionOf(kernel);
  ArrayRef<AffineExpr> query = dims.of(op.getQuery());
  AffineExpr rows = query[0] * query[1] * query[2];
  if (op.getQuery().getType().getDimSize(2) != 1) {
    if (auto tiles = attentionTiles(op, query[0] * query[1], query[2]))
      return {{*tiles}, {}, {}};
    return {{{rows, queryThreads, emit<&QueryWriter::write>}}, {}, {}};
  }
  AffineExpr chunks = dims.of(op.getKey())[2].ceilDiv(chunkKeys);
  int64_t width = op.getValue().getType().getShape().back();
  return {{{rows * chunks, queryThreads, emit<&QueryWriter::writeChunk>},
           {rows, queryThreads, emit<&QueryWriter::writeJoined>}},
          {},
          rows * chunks * (4 * (width + 2))};
}

const KernelFamily attentionFamily = {"attention", accepts, phases};

} // namespace qopt::cuda
