// train.classifier_loss and train.classifier_loss_grad on the CPU.
//
//   for every R rows, a round:
//     for every tile of the vocabulary:           a task; reads its W once
//       z[R, tile] = x W^T                        to the workspace; of the
//       largest z, sum(e^(z - largest))           loss, these alone
//     for every row:                              a task
//       log = ln(sum(e^z)) of the tiles' sums, in order
//       y   = log - z[target]
//     of the gradient, for every tile:            a task
//       dz = dy * (e^(z - log) - (v = t ? 1 : 0)) in place
//       dW[tile, C] (+)= dz^T x                   writes dW, after the first
//     and for every block of channels:            round reads it, too
//       dx[R, block] = dz W                       a task
//
// Bound by the multiply units: two products of rows, words and channels for the
// loss and six for the gradient, 1/R of them loads of W. A tile of W is
// transposed into the scratch, so that its words are lanes. The order of every
// sum is that of the formula's index, cut where tiles are.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Product.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/ClassifierOperands.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// Words of a tile: those of the widest tile of a product.
static constexpr int64_t tileWords = 64;
/// Bytes of the logits of a round, and the rows that are enough.
static constexpr int64_t roundBytes = 64 << 20;
static constexpr int64_t mostRows = 384, rowStep = 24;
/// Words of dz that a block of channels is summed over before the next row.
static constexpr int64_t wordsOfBlock = 256;

namespace {

/// Either op.
struct Classifier : tile::ClassifierOperands {
  using ClassifierOperands::ClassifierOperands;

  int64_t tiles() const { return llvm::divideCeil(words, tileWords); }
  /// Of a row of logits.
  int64_t stride() const { return tiles() * tileWords; }
  /// Rows of a round.
  int64_t rows() const {
    int64_t fit = roundBytes / (stride() * 4) / rowStep * rowStep;
    return std::min(mostRows, std::max(rowStep, fit));
  }

  // The workspace, in floats: for each row its logits, for each tile and row
  // the largest and the sum, for each row the logit of its target and the
  // logarithm.
  int64_t mostAt() const { return dy ? rows() * stride() : 0; }
  int64_t sumAt() const { return mostAt() + rows() * tiles(); }
  int64_t targetAt() const { return sumAt() + rows() * tiles(); }
  int64_t logAt() const { return targetAt() + rows(); }
  int64_t floats() const { return logAt() + rows(); }
};

} // namespace

static bool accepts(kernel::FuncOp kernel, const Target &) {
  Classifier op(kernel);
  auto isF32 = [](Value value) {
    return !value || getElementTypeOrSelf(value).isF32();
  };
  auto weight = dyn_cast_or_null<BlockArgument>(op.weight);
  return op.input && isF32(op.input) && isF32(op.weight) && isF32(op.dy) &&
         isF32(op.result) && weight &&
         kernel.getLayout(weight).getPanel() == 0 &&
         (op.channels + op.rows()) * tileWords * 4 <= QOPT_SCRATCH_BYTES;
}

namespace {

class ClassifierWriter {
public:
  explicit ClassifierWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(e.kernel), product(e),
        first(e.mul(e.round(), op.rows())),
        rows(least(e, e.constant(op.rows()),
                   minus(e, e.size(rowsOf(e.kernel, op.input)), first))) {}

  void writeTile(Value tile);
  void writeRow(Value r);
  void writeWeightGrad(Value tile);
  void writeInputGrad(Value block);

  Emitter &e;
  Math m;
  Classifier op;
  Product product;
  Value first, rows; ///< of the round

private:
  /// Rows of a tensor [.., C] from `row` on.
  Strided matrix(Value tensor, Value row) {
    Value stride = e.constant(op.channels);
    return rowMajor(e, e.pointer(tensor), e.mul(row, op.channels), stride);
  }
  /// The logits of a tile: of the loss, they are needed no longer than that.
  Strided scores(Value tile) {
    if (op.dy)
      return rowMajor(e, e.workspace(), e.mul(tile, tileWords),
                      e.constant(op.stride()));
    return rowMajor(e, e.scratch, e.constant(op.channels * tileWords),
                    e.constant(tileWords));
  }
  /// The words of a tile that are there.
  Value wordsOf(Value tile) {
    Value from = e.mul(tile, tileWords);
    return least(e, e.constant(tileWords),
                 minus(e, e.constant(op.words), from));
  }
  Value target(Value r);
  /// If word `target` is in the tile, its place there.
  void inTile(Value tile, Value target, function_ref<void(Value)> body) {
    Value place = minus(e, target, e.mul(tile, tileWords));
    Value own = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ult,
                                      place, e.constant(tileWords));
    e.branch(own, [&] { body(place); });
  }
  Value load(int64_t at, Value index) {
    return e.load(e.f32(), e.workspace(), e.add(e.constant(at), index));
  }
  void store(Value value, int64_t at, Value index) {
    e.store(value, e.workspace(), e.add(e.constant(at), index));
  }
  /// Of tile and row.
  Value partial(Value tile, Value r) {
    return e.add(e.mul(tile, op.rows()), r);
  }
  Value exp(Value z, Value shift, int64_t lanes) {
    return emitExp(e.b, e.loc, m.sub(z, splat(e, shift, lanes)));
  }
};

} // namespace

Value ClassifierWriter::target(Value r) {
  Type type = getElementTypeOrSelf(op.targets);
  Value target = e.load(type, e.pointer(op.targets), e.add(first, r));
  return type.isInteger(64) ? target
                            : Value(arith::ExtSIOp::create(
                                  e.b, e.loc, e.b.getI64Type(), target));
}

/// Logits, and what is kept of them.
void ClassifierWriter::writeTile(Value tile) {
  Value words = wordsOf(tile), none = e.constant(0);
  Strided z = scores(tile);
  product.transpose(matrix(op.weight, e.mul(tile, tileWords)), words,
                    op.channels, e.scratch, none);
  product.writePanels(matrix(op.input, first), e.scratch, none, z, rows, words,
                      op.channels);
  e.loop(e.constant(0), rows, 1, [&](Value r) {
    Value start = z.fromRow(e, r).start;
    Span span(e, start, e.add(start, words));
    auto logit = [&](Value i, int64_t lanes) {
      return e.load(lanesOf(e.f32(), lanes), z.base, i);
    };
    Value most = span.largest(logit);
    Value sum = span.sums(e.f32(), 1, [&](Value i, int64_t lanes) {
      return SmallVector<Value>{exp(logit(i, lanes), most, lanes)};
    })[0];
    store(most, op.mostAt(), partial(tile, r));
    store(sum, op.sumAt(), partial(tile, r));
    inTile(tile, target(r), [&](Value place) {
      store(logit(e.add(start, place), 1), op.targetAt(), r);
    });
  });
}

/// ln(sum(e^z)) of a row, and its loss.
void ClassifierWriter::writeRow(Value r) {
  Value tiles = e.constant(op.tiles()), none = e.constant(0);
  Value most = e.loop(none, tiles, 1, m.real(-HUGE_VAL, e.f32()),
                      [&](Value tile, ValueRange most) {
                        Value own = load(op.mostAt(), partial(tile, r));
                        return SmallVector<Value>{m.larger(own, most[0])};
                      })[0];
  Value sum = e.loop(none, tiles, 1, m.real(0, e.f32()),
                     [&](Value tile, ValueRange sum) {
                       Value own = load(op.mostAt(), partial(tile, r));
                       Value share = load(op.sumAt(), partial(tile, r));
                       share = m.mul(share, exp(own, most, 1));
                       return SmallVector<Value>{m.add(sum[0], share)};
                     })[0];
  Value log = emitTranscendental(e.b, e.loc, Transcendental::Log, sum);
  log = m.add(log, most);
  store(log, op.logAt(), r);
  if (op.result)
    e.store(m.sub(log, load(op.targetAt(), r)), e.pointer(op.result),
            e.add(first, r));
}

/// Turns logits of a tile into dz, 0 where dy is, whatever they are.
void ClassifierWriter::writeWeightGrad(Value tile) {
  Value words = wordsOf(tile);
  Strided dz = scores(tile);
  e.loop(e.constant(0), rows, 1, [&](Value r) {
    Value dy = e.load(e.f32(), e.pointer(op.dy), e.add(first, r));
    Value counts = m.compare(arith::CmpFPredicate::UNE, dy, 0.0);
    Value log = load(op.logAt(), r), start = dz.fromRow(e, r).start;
    Span(e, start, e.add(start, words)).each([&](Value i, int64_t lanes) {
      Type type = lanesOf(e.f32(), lanes);
      Value p = exp(e.load(type, dz.base, i), log, lanes);
      Value own = m.mul(splat(e, dy, lanes), p);
      own = m.select(splat(e, counts, lanes), own, m.real(0, type));
      e.store(own, dz.base, i);
    });
    inTile(tile, target(r), [&](Value place) {
      Value i = e.add(start, place);
      e.store(m.sub(e.load(e.f32(), dz.base, i), dy), dz.base, i);
    });
  });
  auto add = [&](bool adds) {
    product.write(dz.transposed(), matrix(op.input, first),
                  matrix(op.dweight, e.mul(tile, tileWords)), words,
                  op.channels, rows, adds);
  };
  Value fresh = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                      e.round(), e.constant(0));
  e.branch(
      fresh, [&] { add(false); }, [&] { add(true); });
}

/// A block of words at a time, which stays in a cache for all rows. The last
/// block of channels is what is left.
void ClassifierWriter::writeInputGrad(Value block) {
  Value words = e.constant(op.words);
  auto columns = [&](Value from, int64_t width) {
    auto sum = [&](Value word, bool adds) {
      Value count = least(e, e.constant(wordsOfBlock), minus(e, words, word));
      product.write(scores(e.constant(0)).fromColumn(e, word),
                    matrix(op.weight, word).fromColumn(e, from),
                    matrix(op.dinput, first).fromColumn(e, from), rows, width,
                    count, adds);
    };
    sum(e.constant(0), false);
    e.loop(e.constant(wordsOfBlock), words, wordsOfBlock,
           [&](Value word) { sum(word, true); });
  };
  int64_t width = product.width(), whole = op.channels / width;
  Value full = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt,
                                     block, e.constant(whole));
  e.branch(
      full, [&] { columns(e.mul(block, width), width); },
      [&] {
        if (int64_t left = op.channels - whole * width)
          columns(e.constant(whole * width), left);
      });
}

template <void (ClassifierWriter::*write)(Value)>
static LogicalResult emit(Emitter &e) {
  ClassifierWriter writer(e);
  e.loop(e.begin, e.end, 1, [&](Value task) { (writer.*write)(task); });
  return success();
}

/// The last round may have fewer rows than tasks.
static LogicalResult emitRows(Emitter &e) {
  ClassifierWriter writer(e);
  e.loop(e.begin, least(e, e.end, writer.rows), 1,
         [&](Value r) { writer.writeRow(r); });
  return success();
}

static Phases phases(kernel::FuncOp kernel, const Target &target) {
  Classifier op(kernel);
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  int64_t width = Product::widthOn(target);
  AffineExpr tiles = number(op.tiles());
  Phases plan{{{tiles, emit<&ClassifierWriter::writeTile>},
               {number(op.rows()), emitRows}},
              rowsOf(kernel, op.input).ceilDiv(op.rows()),
              number(op.floats() * 4)};
  if (op.dy) {
    plan.phases.push_back({tiles, emit<&ClassifierWriter::writeWeightGrad>});
    plan.phases.push_back({number(llvm::divideCeil(op.channels, width)),
                           emit<&ClassifierWriter::writeInputGrad>});
  }
  return plan;
}

const KernelFamily classifierFamily = {"classifier", accepts, nullptr, nullptr,
                                       phases};

} // namespace qopt::cpu
