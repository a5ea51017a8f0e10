// train.classifier_loss and train.classifier_loss_grad on the CPU.
//
//   for every block of R rows:                    a task of the loss
//     for every tile of the vocabulary:           reads W once for R rows
//       z[R, tile] = x W^T                        in the scratch
//     y = log(sum(e^z)) - z[target]
//
//   for every block of R rows, in order:          one task for the gradient
//     z as above
//     dz = dy * (e^z / sum - (v = t ? 1 : 0))     in place
//     dx[R, C] = dz W
//     dW += dz^T x                                reads and writes dW
//
// Bound by the multiply units, if R is large: it is what the scratch has room
// for. A tile of W is transposed into the scratch, so that its words are lanes.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Elementwise.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Product.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/cpu/Tasks.h"
#include "qopt/codegen/cpu/Transcendental.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// The most rows that are worth it.
static constexpr int64_t mostRows = 48;

/// The operands and sizes of either op.
struct Classifier {
  Value input, weight, targets, dy, result, dinput, dweight;
  int64_t channels, words;

  explicit Classifier(kernel::FuncOp kernel) {
    if (auto op = onlyOp<train::ClassifierLossOp>(kernel)) {
      input = op.getInput(), weight = op.getWeight();
      targets = op.getTargets(), result = op.getResult();
    } else if (auto op = onlyOp<train::ClassifierLossGradOp>(kernel)) {
      input = op.getInput(), weight = op.getWeight();
      targets = op.getTargets(), dy = op.getDy();
      dinput = op.getDinput(), dweight = op.getDweight();
    } else {
      return;
    }
    auto shape = cast<RankedTensorType>(weight.getType()).getShape();
    words = shape[0], channels = shape[1];
  }

  /// Words of a row of logits in the scratch.
  int64_t stride() const { return llvm::alignTo(words, 64); }
  /// Rows that the scratch has room for, beside a tile of W.
  int64_t rows() const {
    int64_t room = QOPT_SCRATCH_BYTES / 4 - channels * 64;
    return std::min<int64_t>(mostRows, room / stride());
  }
};

static bool accepts(kernel::FuncOp kernel, const Target &) {
  Classifier op(kernel);
  auto isF32 = [](Value value) {
    return !value || getElementTypeOrSelf(value).isF32();
  };
  return op.input && isF32(op.input) && isF32(op.weight) && isF32(op.dy) &&
         isF32(op.result) && op.rows() > 0;
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  Classifier op(kernel);
  return op.dy ? getAffineConstantExpr(1, kernel.getContext())
               : rowsOf(kernel, op.input).ceilDiv(op.rows());
}

namespace {

class ClassifierWriter {
public:
  explicit ClassifierWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(e.kernel), product(e),
        logits(e.constant(op.channels * 64)),
        rows(e.size(rowsOf(e.kernel, op.input))) {}

  void writeLoss();
  void writeGradient();

private:
  /// Rows of a tensor of f32 [.., C] from `row` on.
  Strided matrix(Value tensor, Value row) {
    Value stride = e.constant(op.channels);
    return rowMajor(e, e.pointer(tensor), e.mul(row, op.channels), stride);
  }
  Strided scores() {
    return rowMajor(e, e.scratch, logits, e.constant(op.stride()));
  }
  /// Logits of rows [first, first + count), to the scratch.
  void writeLogits(Value first, Value count);
  /// ln of the sum of e^z of row r of the scratch.
  Value logSum(Value r);
  /// Its target, an i64.
  Value target(Value row);
  void writeShares(Value r, Value row);
  Value at(Value r, Value word) {
    return e.add(e.add(logits, e.mul(r, op.stride())), word);
  }
  void blocks(Value from, Value to, function_ref<void(Value, Value)> body) {
    e.loop(from, to, op.rows(), [&](Value first) {
      body(first, least(e, e.constant(op.rows()), minus(e, to, first)));
    });
  }

  Emitter &e;
  Math m;
  Classifier op;
  Product product;
  Value logits; ///< where they begin in the scratch
  Value rows;
};

} // namespace

void ClassifierWriter::writeLogits(Value first, Value count) {
  int64_t width = product.width();
  Value stride = e.constant(width);
  e.loop(e.constant(0), e.constant(op.words), width, [&](Value word) {
    Value words = least(e, stride, minus(e, e.constant(op.words), word));
    product.transpose(matrix(op.weight, word), words, op.channels, e.scratch,
                      e.constant(0), stride);
    product.write(matrix(op.input, first),
                  rowMajor(e, e.scratch, e.constant(0), stride),
                  scores().fromColumn(e, word), count, stride,
                  e.constant(op.channels), false);
  });
}

Value ClassifierWriter::logSum(Value r) {
  Span words(e, at(r, e.constant(0)), at(r, e.constant(op.words)));
  auto load = [&](Value i, int64_t lanes) {
    return e.load(lanesOf(e.f32(), lanes), e.scratch, i);
  };
  Value most = words.largest(load);
  Value sum = words.sums(e.f32(), 1, [&](Value i, int64_t lanes) {
    Value z = m.sub(load(i, lanes), splat(e, most, lanes));
    return SmallVector<Value>{emitExp(e.b, e.loc, z)};
  })[0];
  return m.add(most, emitTranscendental(e.b, e.loc, Transcendental::Log, sum));
}

Value ClassifierWriter::target(Value row) {
  Type type = getElementTypeOrSelf(op.targets);
  Value target = e.load(type, e.pointer(op.targets), row);
  return type.isInteger(64) ? target
                            : Value(arith::ExtSIOp::create(
                                  e.b, e.loc, e.b.getI64Type(), target));
}

void ClassifierWriter::writeLoss() {
  Value from = e.mul(e.begin, op.rows());
  Value to = least(e, e.mul(e.end, op.rows()), rows);
  blocks(from, to, [&](Value first, Value count) {
    writeLogits(first, count);
    e.loop(e.constant(0), count, 1, [&](Value r) {
      Value row = e.add(first, r);
      Value z = e.load(e.f32(), e.scratch, at(r, target(row)));
      e.store(m.sub(logSum(r), z), e.pointer(op.result), row);
    });
  });
}

/// Turns a row of logits into dz; where dy is 0 it is 0, whatever they are.
void ClassifierWriter::writeShares(Value r, Value row) {
  Value log = logSum(r);
  Value dy = e.load(e.f32(), e.pointer(op.dy), row);
  Value counts = m.compare(arith::CmpFPredicate::UNE, dy, 0.0);
  Span(e, at(r, e.constant(0)), at(r, e.constant(op.words)))
      .each([&](Value i, int64_t lanes) {
        Type type = lanesOf(e.f32(), lanes);
        Value z = m.sub(e.load(type, e.scratch, i), splat(e, log, lanes));
        Value dz = m.mul(splat(e, dy, lanes), emitExp(e.b, e.loc, z));
        e.store(m.select(splat(e, counts, lanes), dz, m.real(0, type)),
                e.scratch, i);
      });
  Value place = at(r, target(row));
  e.store(m.sub(e.load(e.f32(), e.scratch, place), dy), e.scratch, place);
}

void ClassifierWriter::writeGradient() {
  Value none = e.constant(0), words = e.constant(op.words);
  Span(e, none, e.constant(op.words * op.channels))
      .each([&](Value i, int64_t lanes) {
        e.store(m.real(0, lanesOf(e.f32(), lanes)), e.pointer(op.dweight), i);
      });
  blocks(none, rows, [&](Value first, Value count) {
    writeLogits(first, count);
    e.loop(none, count, 1, [&](Value r) { writeShares(r, e.add(first, r)); });
    product.write(scores(), matrix(op.weight, none), matrix(op.dinput, first),
                  count, op.channels, words, false);
    product.write(scores().transposed(), matrix(op.input, first),
                  matrix(op.dweight, none), words, op.channels, count, true);
  });
}

static LogicalResult emit(Emitter &e) {
  ClassifierWriter writer(e);
  if (Classifier(e.kernel).dy)
    e.loop(e.begin, e.end, 1, [&](Value) { writer.writeGradient(); });
  else
    writer.writeLoss();
  return success();
}

const KernelFamily classifierFamily = {"classifier", accepts, tasks, emit};

} // namespace qopt::cpu
