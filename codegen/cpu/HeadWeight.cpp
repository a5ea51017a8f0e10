// The weight of a head, see HeadWeight.h.
//
// Lines of codes hold words in their lanes, as panels do: they become numbers
// and are stored. Rows of them are turned, as those of numbers are for panels.
// A table that lies turned is copied word by word of a channel.

#include "qopt/codegen/cpu/HeadWeight.h"

#include "qopt/codegen/cpu/Span.h"

using namespace mlir;

namespace qopt::cpu {

static CodeMatrix codesOf(lowbit::DequantizeOp op) {
  return {op.getCodes(), op.getScales(), op.getZeros(), op.getScheme()};
}

bool HeadWeight::isRead(kernel::FuncOp kernel, Value weight, bool byRows) {
  HeadSource source(weight);
  if (source.codes) {
    CodeMatrix matrix = codesOf(source.codes);
    return matrix.liesInPanels(kernel) &&
           tileWords % matrix.packing(kernel).panelRows() == 0;
  }
  return source.stored && !(source.isTurned && byRows) &&
         getElementTypeOrSelf(source.stored).isF32() &&
         kernel.getLayout(cast<BlockArgument>(source.stored)).getPanel() == 0;
}

HeadWeight::HeadWeight(Emitter &e, Product &product, Value weight)
    : e(e), product(product), source(weight) {
  auto shape = cast<RankedTensorType>(weight.getType()).getShape();
  words = shape[0], channels = shape[1];
}

Strided HeadWeight::matrix(Value word) {
  return rowMajor(e, e.pointer(source.stored), e.mul(word, channels),
                  e.constant(channels));
}

Value HeadWeight::inPanels(Value row) {
  Value width = e.constant(product.width());
  Value panel = arith::DivUIOp::create(e.b, e.loc, row, width);
  Value inPanel = arith::RemUIOp::create(e.b, e.loc, row, width);
  return e.add(e.mul(panel, channels * product.width()), inPanel);
}

void HeadWeight::eachPiece(Value word, Value count,
                           function_ref<void(CodeReader &, Value)> body) {
  CodeMatrix matrix = codesOf(source.codes);
  kernel::Packing packing = matrix.packing(e.kernel);
  int64_t rows = packing.panelRows();
  int64_t lanes = std::min(e.lanes(), packing.lanes);
  Places places{e};
  e.loop(places.div(word, e.constant(rows)),
         places.ceilDiv(e.add(word, count), rows), 1, [&](Value panel) {
           Value first = minus(e, e.mul(panel, rows), word);
           e.loop(e.constant(0), e.constant(packing.lanes / lanes), 1,
                  [&](Value piece) {
                    CodeReader reader(e, matrix, panel, piece);
                    body(reader, e.add(first, e.mul(piece, lanes)));
                  });
         });
}

void HeadWeight::codePanels(Value word, Value count) {
  eachPiece(word, count, [&](CodeReader &reader, Value row) {
    auto step = [&](Value column, int64_t columns) {
      for (auto [which, numbers] : llvm::enumerate(reader.read(column))) {
        int64_t field = int64_t(which) * reader.packing.lanes;
        Value at = inPanels(e.add(row, e.constant(field)));
        at = e.add(at, e.mul(column, product.width()));
        for (int64_t i = 0; i < columns; ++i)
          e.store(numbers[i], e.scratch,
                  e.add(at, e.constant(i * product.width())));
      }
    };
    int64_t left = channels % reader.width();
    e.loop(e.constant(0), e.constant(channels - left), reader.width(),
           [&](Value column) { step(column, reader.width()); });
    if (left)
      step(e.constant(channels - left), left);
  });
}

void HeadWeight::turnedPanels(Value word, Value count) {
  Value base = e.pointer(source.stored);
  auto copy = [&](Value channel, Value j, Type type) {
    Value from = e.add(e.add(e.mul(channel, words), word), j);
    Value to = e.add(inPanels(j), e.mul(channel, product.width()));
    e.store(e.load(type, base, from), e.scratch, to);
  };
  Value whole = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                      count, e.constant(tileWords));
  e.loop(e.constant(0), e.constant(channels), 1, [&](Value channel) {
    e.branch(
        whole,
        [&] {
          for (int64_t j = 0; j < tileWords; j += e.lanes())
            copy(channel, e.constant(j), e.vector(e.lanes()));
        },
        [&] {
          e.loop(e.constant(0), count, 1,
                 [&](Value j) { copy(channel, j, e.f32()); });
        });
  });
}

void HeadWeight::panels(Value word, Value count) {
  if (source.codes)
    codePanels(word, count);
  else if (source.isTurned)
    turnedPanels(word, count);
  else
    product.transpose(matrix(word), count, channels, e.scratch, e.constant(0));
}

Strided HeadWeight::rows(Value word, Value count, Value column, int64_t width) {
  if (!source.codes)
    return matrix(word).fromColumn(e, column);
  int64_t stride = product.width();
  eachPiece(word, count, [&](CodeReader &reader, Value row) {
    e.loop(e.constant(0), e.constant(width), reader.width(), [&](Value part) {
      auto fields = reader.read(e.add(column, part));
      for (auto [which, numbers] : llvm::enumerate(fields)) {
        int64_t field = int64_t(which) * reader.packing.lanes;
        Value at = e.add(e.mul(e.add(row, e.constant(field)), stride), part);
        for (int64_t from = 0; from < reader.width(); from += reader.lanes) {
          auto some = ArrayRef<Value>(numbers).slice(from, reader.lanes);
          for (auto [j, turnedRow] : llvm::enumerate(turned(e, some)))
            e.store(turnedRow, e.scratch,
                    e.add(at, e.constant(int64_t(j) * stride + from)));
        }
      }
    });
  });
  return rowMajor(e, e.scratch, e.constant(0), e.constant(stride));
}

} // namespace qopt::cpu
