// train.classifier_loss and train.classifier_loss_grad on the CPU.
//
//   for every R rows, a round:
//     for every tile of the vocabulary:           a task; reads its W once
//       z[R, tile] = x W^T                        to the workspace; of the
//       largest z, sum(e^(z - largest))           loss, these alone
//       the same for a teacher's q; sum(e^(q - largest) * (q - z))
//     for every row:                              a task
//       log = ln(sum(e^z)) of the tiles' sums, in order
//       y   = log - z[target]
//       y   = ce * y + kl * (sum(p * (q - z)) - log of q + log)
//     of the gradient, for every tile:            a task
//       dz = dy * (e^(z - log) - (v = t ? 1 : 0)) in place; with a teacher
//            dy * ((ce + kl) * e^(z - log) - kl * p - (v = t ? ce : 0))
//       dW[tile, C] (+)= dz^T x                   writes dW, after the first
//     and for every block of channels:            round reads it, too
//       dx[R, block] = dz W                       a task
//
// Bound by the multiply units: two products of rows, words and channels for
// each head, two for dx and two for dW, if that is asked for, 1/R of them loads
// of W. A tile of W is brought into the scratch so that its words are lanes, be
// it rows, columns or codes (HeadWeight.h). The order of every sum is that of
// the formula's index, cut where tiles are. Where student and teacher agree,
// the divergence is 0 and so is its gradient, to the last bit.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/HeadWeight.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// Bytes of the logits of a round, and the rows that are enough.
static constexpr int64_t roundBytes = 64 << 20;
static constexpr int64_t mostRows = 384, rowStep = 24;

namespace {

/// Either op. Heads: the student's, then the teacher's, if there is one.
struct Classifier : tile::ClassifierOperands {
  using ClassifierOperands::ClassifierOperands;

  int64_t heads() const { return teacherInput ? 2 : 1; }
  int64_t tiles() const { return llvm::divideCeil(words, tileWords); }
  /// Of a row of logits.
  int64_t stride() const { return tiles() * tileWords; }
  /// Rows of a round.
  int64_t rows() const {
    int64_t fit = roundBytes / (heads() * stride() * 4) / rowStep * rowStep;
    return std::min(mostRows, std::max(rowStep, fit));
  }

  // The workspace, in floats: for each head and row its logits, if they are
  // read again; for each tile and row, then for each row, what stands here.
  enum Partial { most, sum, teacherMost, teacherSum, gap };
  enum PerRow { ofTarget, log, teacherLog };
  int64_t logitsAt(int64_t head) const {
    return dy ? head * rows() * stride() : 0;
  }
  int64_t at(Partial which) const {
    return logitsAt(heads()) + which * rows() * tiles();
  }
  int64_t at(PerRow which) const {
    return at(Partial(teacherInput ? gap + 1 : sum + 1)) + which * rows();
  }
  int64_t floats() const { return at(PerRow(teacherLog + 1)); }

  // The scratch, in floats: a tile of a weight, then the logits of a tile, if
  // they are read there only; or a block of rows of codes.
  int64_t scoresAt(int64_t head) const {
    int64_t most = std::max(channels, teacherChannels);
    return (most + head * rows()) * tileWords;
  }
  int64_t scratchFloats() const {
    return std::max(scoresAt(dy ? 0 : heads()), wordsOfBlock * tileWords);
  }
};

} // namespace

static bool accepts(kernel::FuncOp kernel, const Target &) {
  Classifier op(kernel);
  auto isF32 = [](Value value) {
    return !value || getElementTypeOrSelf(value).isF32();
  };
  return op.op && isF32(op.input) && isF32(op.weight) && isF32(op.dy) &&
         isF32(op.result) && isF32(op.teacherInput) &&
         HeadWeight::isRead(kernel, op.weight, /*byRows=*/true) &&
         (!op.teacherWeight ||
          HeadWeight::isRead(kernel, op.teacherWeight, /*byRows=*/false)) &&
         op.scratchFloats() * 4 <= QOPT_SCRATCH_BYTES;
}

namespace {

class ClassifierWriter {
public:
  explicit ClassifierWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(e.kernel), product(e),
        weight(e, product, op.weight), first(e.mul(e.round(), op.rows())),
        rows(least(e, e.constant(op.rows()),
                   minus(e, e.size(rowsOf(e.kernel, op.input)), first))) {}

  void writeTile(Value tile);
  void writeRow(Value r);
  void writeLogitGrad(Value tile);
  void writeInputGrad(Value block);

  Emitter &e;
  Math m;
  Classifier op;
  Product product;
  HeadWeight weight;
  Value first, rows; ///< of the round

private:
  using Partial = Classifier::Partial;
  using PerRow = Classifier::PerRow;

  /// Rows of a tensor [.., C] from `row` on.
  Strided matrix(Value tensor, Value row, int64_t channels) {
    return rowMajor(e, e.pointer(tensor), e.mul(row, channels),
                    e.constant(channels));
  }
  /// The logits of a tile: of the loss, they are needed no longer than that.
  Strided scores(Value tile, int64_t head = 0) {
    if (op.dy)
      return rowMajor(
          e, e.workspace(),
          e.add(e.constant(op.logitsAt(head)), e.mul(tile, tileWords)),
          e.constant(op.stride()));
    return rowMajor(e, e.scratch, e.constant(op.scoresAt(head)),
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
  template <typename Kind> Value load(Kind kind, Value index) {
    return e.load(e.f32(), e.workspace(),
                  e.add(e.constant(op.at(kind)), index));
  }
  template <typename Kind> void store(Value value, Kind kind, Value index) {
    e.store(value, e.workspace(), e.add(e.constant(op.at(kind)), index));
  }
  /// Of tile and row.
  Value partial(Value tile, Value r) {
    return e.add(e.mul(tile, op.rows()), r);
  }
  Value exp(Value z, Value shift, int64_t lanes) {
    return emitExp(e.b, e.loc, m.sub(z, splat(e, shift, lanes)));
  }
  /// Of the tiles of a row: the largest of all, and what the sums that belong
  /// to a tile's largest are to that one.
  std::pair<Value, SmallVector<Value>> joined(Value r, Partial mostOf,
                                              ArrayRef<Partial> sumsOf);
  void writeProduct(Value tile, int64_t head);
  void compareTile(Value tile, Value r, Span span, Value start);
};

} // namespace

Value ClassifierWriter::target(Value r) {
  Type type = getElementTypeOrSelf(op.targets);
  Value target = e.load(type, e.pointer(op.targets), e.add(first, r));
  return type.isInteger(64) ? target
                            : Value(arith::ExtSIOp::create(
                                  e.b, e.loc, e.b.getI64Type(), target));
}

void ClassifierWriter::writeProduct(Value tile, int64_t head) {
  Value words = wordsOf(tile), word = e.mul(tile, tileWords);
  int64_t channels = head ? op.teacherChannels : op.channels;
  if (head)
    HeadWeight(e, product, op.teacherWeight).panels(word, words);
  else
    weight.panels(word, words);
  product.writePanels(
      matrix(head ? op.teacherInput : op.input, first, channels), e.scratch,
      e.constant(0), scores(tile, head), rows, words, channels);
}

/// How far the teacher's logits of a tile are from those of `span`, which
/// begins at `start`.
void ClassifierWriter::compareTile(Value tile, Value r, Span span,
                                   Value start) {
  Strided z = scores(tile), q = scores(tile, 1);
  Value apart = minus(e, q.fromRow(e, r).start, start);
  auto own = [&](Value i, int64_t lanes) {
    return e.load(lanesOf(e.f32(), lanes), z.base, i);
  };
  auto wanted = [&](Value i, int64_t lanes) {
    return own(e.add(i, apart), lanes);
  };
  Value most = span.largest(wanted);
  SmallVector<Value> sums = span.sums(e.f32(), 2, [&](Value i, int64_t lanes) {
    Value share = exp(wanted(i, lanes), most, lanes);
    Value gap = m.mul(share, m.sub(wanted(i, lanes), own(i, lanes)));
    Value none = m.compare(arith::CmpFPredicate::OEQ, share, 0.0);
    return SmallVector<Value>{share, m.select(none, share, gap)};
  });
  store(most, Partial::teacherMost, partial(tile, r));
  store(sums[0], Partial::teacherSum, partial(tile, r));
  store(sums[1], Partial::gap, partial(tile, r));
}

/// Logits, and what is kept of them.
void ClassifierWriter::writeTile(Value tile) {
  Value words = wordsOf(tile);
  Strided z = scores(tile);
  for (int64_t head = 0; head < op.heads(); ++head)
    writeProduct(tile, head);
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
    store(most, Partial::most, partial(tile, r));
    store(sum, Partial::sum, partial(tile, r));
    if (op.teacherInput)
      compareTile(tile, r, span, start);
    inTile(tile, target(r), [&](Value place) {
      store(logit(e.add(start, place), 1), PerRow::ofTarget, r);
    });
  });
}

std::pair<Value, SmallVector<Value>>
ClassifierWriter::joined(Value r, Partial mostOf, ArrayRef<Partial> sumsOf) {
  Value tiles = e.constant(op.tiles()), none = e.constant(0);
  Value most = e.loop(none, tiles, 1, m.real(-HUGE_VAL, e.f32()),
                      [&](Value tile, ValueRange most) {
                        Value own = load(mostOf, partial(tile, r));
                        return SmallVector<Value>{m.larger(own, most[0])};
                      })[0];
  SmallVector<Value> zeros(sumsOf.size(), m.real(0, e.f32()));
  auto sums =
      e.loop(none, tiles, 1, zeros, [&](Value tile, ValueRange carried) {
        Value share = exp(load(mostOf, partial(tile, r)), most, 1);
        SmallVector<Value> next;
        for (auto [of, sum] : llvm::zip_equal(sumsOf, carried))
          next.push_back(m.add(sum, m.mul(load(of, partial(tile, r)), share)));
        return next;
      });
  return {most, SmallVector<Value>(sums)};
}

/// ln(sum(e^z)) of a row, and its loss.
void ClassifierWriter::writeRow(Value r) {
  auto logOf = [&](Value most, Value sum) {
    return m.add(emitTranscendental(e.b, e.loc, Transcendental::Log, sum),
                 most);
  };
  auto [most, sums] = joined(r, Partial::most, Partial::sum);
  Value log = logOf(most, sums[0]);
  store(log, PerRow::log, r);
  Value loss = m.sub(log, load(PerRow::ofTarget, r));
  if (op.teacherInput) {
    auto [most, sums] =
        joined(r, Partial::teacherMost, {Partial::teacherSum, Partial::gap});
    Value other = logOf(most, sums[0]);
    store(other, PerRow::teacherLog, r);
    Value gap = m.div(sums[1], sums[0]);
    Value divergence = m.add(gap, m.sub(log, other));
    loss = m.add(m.mul(loss, op.ce), m.mul(divergence, op.kl));
  }
  e.store(loss, e.pointer(op.result), e.add(first, r));
}

/// Turns logits of a tile into dz, 0 where dy is, whatever they are.
void ClassifierWriter::writeLogitGrad(Value tile) {
  Value words = wordsOf(tile);
  Strided dz = scores(tile), q = scores(tile, 1);
  e.loop(e.constant(0), rows, 1, [&](Value r) {
    Value dy = e.load(e.f32(), e.pointer(op.dy), e.add(first, r));
    Value counts = m.compare(arith::CmpFPredicate::UNE, dy, 0.0);
    Value log = load(PerRow::log, r), start = dz.fromRow(e, r).start, other;
    if (op.teacherInput)
      other = load(PerRow::teacherLog, r);
    Span(e, start, e.add(start, words)).each([&](Value i, int64_t lanes) {
      Type type = lanesOf(e.f32(), lanes);
      Value p = exp(e.load(type, dz.base, i), log, lanes);
      if (other) {
        Value at = e.add(i, minus(e, q.fromRow(e, r).start, start));
        Value wanted = exp(e.load(type, q.base, at), other, lanes);
        p = m.sub(m.mul(p, op.ce + op.kl), m.mul(wanted, op.kl));
      }
      Value own = m.mul(splat(e, dy, lanes), p);
      own = m.select(splat(e, counts, lanes), own, m.real(0, type));
      e.store(own, dz.base, i);
    });
    inTile(tile, target(r), [&](Value place) {
      Value i = e.add(start, place);
      Value own = other ? m.mul(dy, op.ce) : dy;
      e.store(m.sub(e.load(e.f32(), dz.base, i), own), dz.base, i);
    });
  });
  if (!op.dweight)
    return;
  auto add = [&](bool adds) {
    product.write(dz.transposed(), matrix(op.input, first, op.channels),
                  matrix(op.dweight, e.mul(tile, tileWords), op.channels),
                  words, op.channels, rows, adds);
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
                    weight.rows(word, count, from, width),
                    matrix(op.dinput, first, op.channels).fromColumn(e, from),
                    rows, width, count, adds);
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
    plan.phases.push_back({tiles, emit<&ClassifierWriter::writeLogitGrad>});
    plan.phases.push_back({number(llvm::divideCeil(op.channels, width)),
                           emit<&ClassifierWriter::writeInputGrad>});
  }
  return plan;
}

const KernelFamily classifierFamily = {"classifier", accepts, nullptr, nullptr,
                                       phases};

} // namespace qopt::cpu
