// train.attention_grad on the GPU.
//
//   for every query i of every b, h:               a block
//     limit, s, p as in Attention.cpp, twice:
//     log[i]   = ln(sum_j e^s[j])                  to the workspace
//     delta[i] = sum_j p[j] * dp[j]                dp[j] = dy[i] . v[j]
//     dq[i]    = scale * sum_j ds[j] k[j]          ds[j] = p[j] (dp[j] - delta)
//   for every key j of every b, key head:          a block
//     for every tile of queries of its heads:      a thread a query
//       p[i] = e^(s[i] - log[i]), ds[i]            to shared memory
//       dk[j] += scale * ds[i] q[i]                a thread some d
//       dv[j] += p[i] dy[i]
//
// Scores are computed again from queries and keys; their matrix is never
// stored. Every sum has the order of its index.

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/tile/Element.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cuda {

/// Keys or queries of a tile, one a thread.
static constexpr int64_t tileSize = 128;

static train::AttentionGradOp find(kernel::FuncOp kernel) {
  auto found = kernel.getBlock().getOps<train::AttentionGradOp>();
  return llvm::hasSingleElement(found) ? *found.begin() : nullptr;
}

static bool accepts(kernel::FuncOp kernel) {
  train::AttentionGradOp op = find(kernel);
  if (!op || getElementTypeOrSelf(op.getQuery()).isF64() ||
      kernel.getResultValues() != ValueRange(op->getResults()))
    return false;
  return llvm::all_of(
      kernel.getBlock().without_terminator(),
      [&](Operation &other) { return &other == op || isElementOp(&other); });
}

namespace {

/// A query and a key that may see each other.
struct Pair {
  Value batch, head, keyHead, query, key;
};

class GradWriter {
public:
  explicit GradWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(find(e.kernel)),
        heads(typeOf(op.getQuery()).getDimSize(1)),
        keyHeads(typeOf(op.getKey()).getDimSize(1)),
        depth(typeOf(op.getQuery()).getShape().back()),
        width(typeOf(op.getValue()).getShape().back()),
        queries(e.size(op.getQuery(), 2)), keys(e.size(op.getKey(), 2)) {}

  void writeQuery();
  void writeKey();

private:
  static RankedTensorType typeOf(Value tensor) {
    return cast<RankedTensorType>(tensor.getType());
  }
  Value at(Value tensor, ArrayRef<Value> indices) {
    return Elements(e).at(tensor, indices);
  }
  Value number(double value) { return e.constant(value, e.f32()); }
  Value scale() { return number(op.getScale().convertToDouble()); }
  Value dot(int64_t size, function_ref<Value(Value)> a,
            function_ref<Value(Value)> b);
  /// The score and whether the key is visible.
  std::pair<Value, Value> score(const Pair &pair);
  /// dy[i] . v[j]
  Value share(const Pair &pair);
  Value limitOf(Value query);
  /// The numbers of a query in the workspace: log and delta.
  Value logs(Value row) { return e.load(e.f32(), e.workspace, row); }
  Value deltas(Value row) {
    return e.load(e.f32(), e.workspace, e.add(row, rowCount()));
  }
  Value rowCount() {
    ArrayRef<AffineExpr> sizes = e.dims.of(op.getQuery());
    return e.size(sizes[0] * sizes[1] * sizes[2]);
  }
  /// body(i): two numbers, for all i of a tile that are below `count`; zeros
  /// for others, and where it says so.
  std::pair<Value, Value> ofThread(Value isThere,
                                   function_ref<std::pair<Value, Value>()>);

  Emitter &e;
  Math m;
  train::AttentionGradOp op;
  int64_t heads, keyHeads, depth, width;
  Value queries, keys;
};

} // namespace

Value GradWriter::dot(int64_t size, function_ref<Value(Value)> a,
                      function_ref<Value(Value)> b) {
  return e.loop(e.constant(0), e.constant(size), 1, number(0),
                [&](Value d, ValueRange sum) {
                  return SmallVector<Value>{m.fma(a(d), b(d), sum[0])};
                })[0];
}

std::pair<Value, Value> GradWriter::score(const Pair &pair) {
  Value sum = dot(
      depth,
      [&](Value d) {
        return at(op.getQuery(), {pair.batch, pair.head, pair.query, d});
      },
      [&](Value d) {
        return at(op.getKey(), {pair.batch, pair.keyHead, pair.key, d});
      });
  sum = m.mul(sum, scale());
  Value visible = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  auto also = [&](Value condition) {
    visible = arith::AndIOp::create(e.b, e.loc, visible, condition);
  };
  if (op.getKeyMask())
    also(at(op.getKeyMask(), {pair.batch, pair.key}));
  if (Value mask = op.getMask()) {
    int64_t rank = typeOf(mask).getRank();
    Value all[] = {pair.batch, pair.head, pair.query, pair.key};
    SmallVector<Value> own(ArrayRef<Value>(all).take_back(rank));
    for (int64_t axis = 0; axis < rank; ++axis)
      own[axis] =
          e.smaller(own[axis], e.sub(e.size(mask, axis), e.constant(1)));
    Value x = at(mask, own);
    if (x.getType().isInteger(1)) {
      also(x);
    } else {
      sum = m.add(sum, x);
      also(m.compare(arith::CmpFPredicate::UNE, x, -HUGE_VAL));
    }
  }
  return {sum, visible};
}

Value GradWriter::share(const Pair &pair) {
  return dot(
      width,
      [&](Value d) {
        return at(op.getDy(), {pair.batch, pair.head, pair.query, d});
      },
      [&](Value d) {
        return at(op.getValue(), {pair.batch, pair.keyHead, pair.key, d});
      });
}

Value GradWriter::limitOf(Value query) {
  if (!op.getCausal())
    return keys;
  return e.smaller(keys,
                   e.add(e.add(query, e.constant(1)), e.sub(keys, queries)));
}

std::pair<Value, Value>
GradWriter::ofThread(Value isThere,
                     function_ref<std::pair<Value, Value>()> body) {
  auto branch = scf::IfOp::create(e.b, e.loc, TypeRange{e.f32(), e.f32()},
                                  isThere, /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToEnd(branch.thenBlock());
  auto [first, second] = body();
  scf::YieldOp::create(e.b, e.loc, ValueRange{first, second});
  e.b.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(e.b, e.loc, ValueRange{number(0), number(0)});
  return {branch.getResult(0), branch.getResult(1)};
}

/// log and delta of a query, and its dq.
void GradWriter::writeQuery() {
  Value query = arith::RemUIOp::create(e.b, e.loc, e.block, queries);
  Value which = arith::DivUIOp::create(e.b, e.loc, e.block, queries);
  Value head = e.rem(which, heads), batch = e.div(which, heads);
  Value keyHead = e.div(head, heads / keyHeads), limit = limitOf(query);
  auto pairOf = [&](Value key) {
    return Pair{batch, head, keyHead, query, key};
  };
  auto add = [&](Value a, Value b) { return m.add(a, b); };
  auto hidden = number(-HUGE_VAL);
  auto scoreOf = [&](Value key) {
    auto [own, visible] = score(pairOf(key));
    return m.select(visible, own, hidden);
  };
  // Every thread some keys, turn by turn.
  auto over = [&](Value neutral, Emitter::Join join,
                  function_ref<Value(Value)> of) {
    Value sum = e.loop(e.thread, limit, e.threads, neutral,
                       [&](Value key, ValueRange sum) {
                         return SmallVector<Value>{join(sum[0], of(key))};
                       })[0];
    return e.joinBlock(sum, join);
  };
  Value most = over(
      hidden, [&](Value a, Value b) { return m.larger(a, b); }, scoreOf);
  Value none = m.compare(arith::CmpFPredicate::OEQ, most, -HUGE_VAL);
  most = m.select(none, number(0), most);
  Value sum = over(number(0), add, [&](Value key) {
    return emitExp(e.b, e.loc, m.sub(scoreOf(key), most));
  });
  Value log =
      m.add(most, emitTranscendental(e.b, e.loc, Transcendental::Log, sum));
  // A query that sees nothing gives nothing: e^-inf.
  log = m.select(none, number(HUGE_VAL), log);
  auto weight = [&](Value key) {
    return emitExp(e.b, e.loc, m.sub(scoreOf(key), log));
  };
  Value delta = over(number(0), add, [&](Value key) {
    Value p = weight(key);
    Value isHidden = m.compare(arith::CmpFPredicate::OEQ, p, 0.0);
    return m.select(isHidden, number(0), m.mul(p, share(pairOf(key))));
  });
  e.branch(e.equal(e.thread, e.constant(0)), [&] {
    e.store(log, e.workspace, e.block);
    e.store(delta, e.workspace, e.add(e.block, rowCount()));
  });
  // dq: the weights of a tile of keys, then a thread some d.
  Value weights = e.shared(4 * tileSize);
  int64_t parts = llvm::divideCeil(depth, tileSize);
  SmallVector<Value> sums(parts, number(0));
  sums = e.loop(
      e.constant(0), limit, tileSize, sums, [&](Value first, ValueRange sums) {
        Value key = e.add(first, e.thread);
        auto [ds, unused] = ofThread(e.less(key, limit), [&] {
          Value p = weight(key);
          Value own = m.mul(p, m.sub(share(pairOf(key)), delta));
          Value isHidden = m.compare(arith::CmpFPredicate::OEQ, p, 0.0);
          return std::pair(m.select(isHidden, number(0), own), p);
        });
        (void)unused;
        e.barrier();
        e.store(ds, weights, e.thread);
        e.barrier();
        Value count = e.smaller(e.sub(limit, first), e.constant(tileSize));
        SmallVector<Value> next;
        for (int64_t part = 0; part < parts; ++part) {
          Value d = e.add(e.thread, e.constant(part * tileSize));
          next.push_back(e.choose(
              e.less(d, e.constant(depth)), e.f32(),
              [&] {
                return e.loop(
                    e.constant(0), count, 1, sums[part],
                    [&](Value j, ValueRange sum) {
                      Value own = e.load(e.f32(), weights, j);
                      Value k =
                          at(op.getKey(), {batch, keyHead, e.add(first, j), d});
                      return SmallVector<Value>{m.fma(own, k, sum[0])};
                    })[0];
              },
              [&] { return Value(sums[part]); }));
        }
        return next;
      });
  for (int64_t part = 0; part < parts; ++part) {
    Value d = e.add(e.thread, e.constant(part * tileSize));
    e.branch(e.less(d, e.constant(depth)), [&] {
      storeElement(e, op.getDquery(), m.mul(sums[part], scale()),
                   {batch, head, query, d});
    });
  }
}

/// dk and dv of a key.
void GradWriter::writeKey() {
  Value key = arith::RemUIOp::create(e.b, e.loc, e.block, keys);
  Value which = arith::DivUIOp::create(e.b, e.loc, e.block, keys);
  Value keyHead = e.rem(which, keyHeads), batch = e.div(which, keyHeads);
  int64_t group = heads / keyHeads;
  Value shares = e.shared(4 * tileSize), weights = e.shared(4 * tileSize);
  int64_t partsK = llvm::divideCeil(depth, tileSize);
  int64_t partsV = llvm::divideCeil(width, tileSize);
  SmallVector<Value> sums(partsK + partsV, number(0));
  for (int64_t member = 0; member < group; ++member) {
    Value head = e.add(e.mul(keyHead, group), e.constant(member));
    Value firstRow = e.mul(e.add(e.mul(batch, heads), head), queries);
    sums = e.loop(
        e.constant(0), queries, tileSize, sums,
        [&](Value first, ValueRange sums) {
          Value query = e.add(first, e.thread);
          Value isThere = arith::AndIOp::create(
              e.b, e.loc, e.less(query, queries), e.less(key, limitOf(query)));
          auto [p, ds] = ofThread(isThere, [&] {
            Pair pair{batch, head, keyHead, query, key};
            auto [own, visible] = score(pair);
            Value row = e.add(firstRow, query);
            Value p = emitExp(e.b, e.loc, m.sub(own, logs(row)));
            Value ds = m.mul(p, m.sub(share(pair), deltas(row)));
            return std::pair(m.select(visible, p, number(0)),
                             m.select(visible, ds, number(0)));
          });
          e.barrier();
          e.store(p, shares, e.thread);
          e.store(ds, weights, e.thread);
          e.barrier();
          Value count = e.smaller(e.sub(queries, first), e.constant(tileSize));
          SmallVector<Value> next;
          auto mix = [&](Value memory, Value tensor, int64_t size, int64_t part,
                         Value before) {
            Value d = e.add(e.thread, e.constant(part * tileSize));
            next.push_back(e.choose(
                e.less(d, e.constant(size)), e.f32(),
                [&] {
                  return e.loop(
                      e.constant(0), count, 1, before,
                      [&](Value i, ValueRange sum) {
                        Value own = e.load(e.f32(), memory, i);
                        Value x = at(tensor, {batch, head, e.add(first, i), d});
                        Value none =
                            m.compare(arith::CmpFPredicate::OEQ, own, 0.0);
                        return SmallVector<Value>{
                            m.select(none, sum[0], m.fma(own, x, sum[0]))};
                      })[0];
                },
                [&] { return before; }));
          };
          for (int64_t part = 0; part < partsK; ++part)
            mix(weights, op.getQuery(), depth, part, sums[part]);
          for (int64_t part = 0; part < partsV; ++part)
            mix(shares, op.getDy(), width, part, sums[partsK + part]);
          return next;
        });
  }
  auto put = [&](Value tensor, int64_t size, int64_t part, Value sum) {
    Value d = e.add(e.thread, e.constant(part * tileSize));
    e.branch(e.less(d, e.constant(size)), [&] {
      storeElement(e, tensor, sum, {batch, keyHead, key, d});
    });
  };
  for (int64_t part = 0; part < partsK; ++part)
    put(op.getDkey(), depth, part, m.mul(sums[part], scale()));
  for (int64_t part = 0; part < partsV; ++part)
    put(op.getDvalue(), width, part, sums[partsK + part]);
}

static LogicalResult emitQuery(Emitter &e) {
  GradWriter(e).writeQuery();
  return success();
}

static LogicalResult emitKey(Emitter &e) {
  GradWriter(e).writeKey();
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  train::AttentionGradOp op = find(kernel);
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  auto rows = [&](Value tensor) {
    ArrayRef<AffineExpr> sizes = dims.of(tensor);
    return sizes[0] * sizes[1] * sizes[2];
  };
  AffineExpr all = rows(op.getQuery());
  return {{{all, tileSize, emitQuery}, {rows(op.getKey()), tileSize, emitKey}},
          {},
          all * 8};
}

const KernelFamily attentionGradFamily = {"attention_grad", accepts, phases};

} // namespace qopt::cuda
