// lowbit.quantize of rows, with what comes before it, on the CPU; also a
// lowbit.hadamard alone.
//
//   for every row:                             a task
//     x = the row, silu(g) * u                 reads 4 C (8 C) bytes
//     x = x * gain / sqrt(mean(x^2) + eps)     if there is a norm
//     x = x Q                                  if there is a rotation
//     for every token or group of it:
//       amax, or the range of x
//       k = clamp(rint(x * inv) + zero)        writes C bytes, and the scale
//
// Bound by memory; between the passes the row stays in the scratch, in the
// first cache. Codes are those of the interpreter for equal x: each operation
// is one of f32, the division included, and none is fused.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Rotation.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Grid.h"
#include "qopt/codegen/tile/RowChain.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

static lowbit::QuantizeOp quantizeOf(kernel::FuncOp kernel) {
  auto ops = kernel.getBlock().without_terminator();
  return ops.empty() ? nullptr
                     : dyn_cast<lowbit::QuantizeOp>(*std::prev(ops.end()));
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  std::optional<RowChain> chain = RowChain::of(kernel);
  if (!chain || chain->channels * 4 + 64 > QOPT_SCRATCH_BYTES)
    return false;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (auto rotation = dyn_cast<lowbit::HadamardOp>(op);
        rotation && !canRotate(rotation))
      return false;
  lowbit::QuantizeOp quantize = quantizeOf(kernel);
  if (!quantize) // a norm alone has a family of its own
    return isa<lowbit::HadamardOp>(
        *std::prev(kernel.getBlock().without_terminator().end()));
  lowbit::SchemeAttr scheme = quantize.getScheme();
  return scheme.getMethod() != lowbit::Method::ternary && !scheme.getMse();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return RowChain::of(kernel)->rows;
}

namespace {

/// Writes the passes over a row.
class RowWriter {
public:
  explicit RowWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, lanes(e.lanes()),
        channels(RowChain::of(e.kernel)->channels) {}

  void write(Value row);

private:
  /// body(c, width, carried) for every vector of [from, from + count).
  SmallVector<Value>
  each(Value from, int64_t count, ValueRange carried,
       llvm::function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> body);
  void each(llvm::function_ref<void(Value, int64_t)> body) {
    each(e.constant(0), channels, {}, [&](Value c, int64_t width, ValueRange) {
      body(c, width);
      return SmallVector<Value>();
    });
  }
  Value current(Value c, int64_t width);
  Value argument(Value tensor, Value index, int64_t width);
  void keep(Value x, Value c, Type element);
  void norm(nn::RmsNormOp op);
  void quantize(lowbit::QuantizeOp op, Value set, Value from, int64_t count);
  Value reduce(Value x, vector::CombiningKind kind) {
    return vector::ReductionOp::create(e.b, e.loc, kind, x);
  }
  Value all(Value x) {
    return vector::BroadcastOp::create(e.b, e.loc, e.vector(lanes, x.getType()),
                                       x);
  }
  Value number(double value) { return e.constant(value, e.f32()); }

  Emitter &e;
  Math m;
  int64_t lanes, channels;
  Value start;  ///< of the row, in elements
  Value source; ///< the argument that the row is in, or
  bool inScratch = false;
};

} // namespace

SmallVector<Value> RowWriter::each(
    Value from, int64_t count, ValueRange carried,
    function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> body) {
  int64_t whole = count / lanes * lanes;
  SmallVector<Value> values(carried);
  if (whole)
    values = e.loop(
        from, e.add(from, e.constant(whole)), lanes, values,
        [&](Value c, ValueRange carried) { return body(c, lanes, carried); });
  if (whole < count)
    values = body(e.add(from, e.constant(whole)), count - whole, values);
  return values;
}

Value RowWriter::argument(Value tensor, Value index, int64_t width) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  return loadVector(e, lanes, e.pointer(tensor), index, element, width);
}

/// A vector of the row as it is now; zeros behind its end.
Value RowWriter::current(Value c, int64_t width) {
  if (inScratch)
    return loadVector(e, lanes, e.scratch, c, e.f32(), width);
  return argument(source, e.add(start, c), width);
}

/// Stores a vector of the row, rounded to what its op gives.
void RowWriter::keep(Value x, Value c, Type element) {
  if (element.isF16() || element.isBF16()) {
    Value half =
        arith::TruncFOp::create(e.b, e.loc, e.vector(lanes, element), x);
    x = arith::ExtFOp::create(e.b, e.loc, e.vector(lanes), half);
  }
  e.store(x, e.scratch, c);
}

void RowWriter::norm(nn::RmsNormOp op) {
  Value squares =
      each(e.constant(0), channels, e.constant(0.0, e.vector(lanes)),
           [&](Value c, int64_t width, ValueRange sum) {
             Value x = current(c, width);
             return SmallVector<Value>{m.fma(x, x, sum[0])};
           })[0];
  Value sum =
      vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::ADD,
                                  squares, arith::FastMathFlags::reassoc);
  Value mean = m.mul(sum, 1.0 / channels);
  Value r =
      m.div(number(1), m.sqrt(m.add(mean, op.getEps().convertToDouble())));
  Value factor = all(r);
  each([&](Value c, int64_t width) {
    Value y = m.mul(current(c, width), factor);
    if (Value gain = op.getGain()) {
      auto type = cast<RankedTensorType>(gain.getType());
      if (type.getNumElements() == 1) {
        Value g = e.load(type.getElementType(), e.pointer(gain), e.constant(0));
        if (g.getType() != e.f32())
          g = arith::ExtFOp::create(e.b, e.loc, e.f32(), g);
        y = m.mul(y, all(g));
      } else {
        y = m.mul(y, argument(gain, c, width));
      }
    }
    keep(y, c, op.getType().getElementType());
  });
}

/// The set of `count` elements that begin at `from` and share a scale.
void RowWriter::quantize(lowbit::QuantizeOp op, Value set, Value from,
                         int64_t count) {
  lowbit::SchemeAttr scheme = op.getScheme();
  bool zeros = scheme.hasZeros();
  Value nothing = e.constant(0.0, e.vector(lanes));
  SmallVector<Value> start(zeros ? 2 : 1, nothing);
  SmallVector<Value> found =
      each(from, count, start, [&](Value c, int64_t width, ValueRange range) {
        Value x = current(c, width);
        if (!zeros)
          return SmallVector<Value>{m.larger(range[0], m.abs(x))};
        return SmallVector<Value>{m.larger(range[0], x),
                                  m.smaller(range[1], x)};
      });
  Value most = reduce(found[0], vector::CombiningKind::MAXNUMF), least;
  if (zeros)
    least = reduce(found[1], vector::CombiningKind::MINNUMF);
  Grid grid = gridOf(e, scheme, most, least);
  e.store(grid.scale, e.pointer(op.getScales()), set);
  if (zeros) {
    Value code =
        arith::FPToSIOp::create(e.b, e.loc, e.b.getI32Type(), grid.zero);
    code = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
    e.store(code, e.pointer(op.getZeros()), set);
  }
  each(from, count, {}, [&](Value c, int64_t width, ValueRange) {
    Value k = codesOf(e, scheme, grid, current(c, width));
    Value codes = arith::FPToSIOp::create(e.b, e.loc,
                                          e.vector(lanes, e.b.getI32Type()), k);
    codes = arith::TruncIOp::create(e.b, e.loc,
                                    e.vector(lanes, e.b.getI8Type()), codes);
    storeVector(e, codes, e.pointer(op.getCodes()), e.add(this->start, c),
                width);
    return SmallVector<Value>();
  });
}

void RowWriter::write(Value row) {
  inScratch = false;
  start = e.mul(row, channels);
  for (Operation &op : e.kernel.getBlock().without_terminator()) {
    auto type = cast<RankedTensorType>(op.getOperand(0).getType());
    if (isa<nn::ReshapeOp>(op))
      continue;
    if (!inScratch)
      source = op.getOperand(0);
    if (auto quantize = dyn_cast<lowbit::QuantizeOp>(op)) {
      int64_t size = quantize.getScheme().getGroupSize(channels);
      int64_t sets = channels / size;
      e.loop(e.constant(0), e.constant(sets), 1, [&](Value set) {
        this->quantize(quantize, e.add(e.mul(row, sets), set), e.mul(set, size),
                       size);
      });
      return;
    }
    if (auto norm = dyn_cast<nn::RmsNormOp>(op)) {
      this->norm(norm);
    } else if (auto rotation = dyn_cast<lowbit::HadamardOp>(op)) {
      if (!inScratch)
        each([&](Value c, int64_t width) {
          keep(current(c, width), c, e.f32());
        });
      writeRotation(e, rotation, e.scratch, channels, innerOf(rotation));
      inScratch = true;
      if (type.getElementType() != e.f32())
        each([&](Value c, int64_t width) {
          keep(current(c, width), c, type.getElementType());
        });
    } else {
      each([&](Value c, int64_t width) {
        Value other = argument(op.getOperand(1), e.add(start, c), width);
        keep(emitElement(e.b, &op, {current(c, width), other}), c,
             type.getElementType());
      });
    }
    inScratch = true;
  }
  // A rotation alone.
  Value result = e.kernel.getResultValues()[0];
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  each([&](Value c, int64_t width) {
    Value y = current(c, width);
    if (element != e.f32())
      y = arith::TruncFOp::create(e.b, e.loc, e.vector(lanes, element), y);
    storeVector(e, y, e.pointer(result), e.add(start, c), width);
  });
}

static LogicalResult emit(Emitter &e) {
  RowWriter writer(e);
  e.loop(e.begin, e.end, 1, [&](Value row) { writer.write(row); });
  return success();
}

const KernelFamily quantizeFamily = {"quantize", accepts, tasks, emit};

} // namespace qopt::cpu
