// A row of logits that the threads of a block take turn by turn.

#include "qopt/codegen/cuda/LogitRow.h"

#include "qopt/codegen/tile/Transcendental.h"

using namespace mlir;

namespace qopt::cuda {

LogitRow LogitRow::of(Emitter &e, Value tensor, Value row) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value size = e.size(tensor, type.getRank() - 1);
  return {e, e.pointer(tensor), type.getElementType(), e.mul(row, size), size};
}

Value LogitRow::at(Value v) {
  Value x = e.load(element, base, e.add(start, v));
  return element == e.f32()
             ? x
             : Value(arith::ExtFOp::create(e.b, e.loc, e.f32(), x));
}

Value LogitRow::largest() {
  Math m{e.b, e.loc};
  return joinTurns(
      e, size, m.real(-HUGE_VAL, e.f32()),
      [&](Value a, Value b) -> Value {
        return arith::MaximumFOp::create(e.b, e.loc, a, b);
      },
      [&](Value v) { return at(v); });
}

Value LogitRow::sum(Value most) {
  Math m{e.b, e.loc};
  return joinTurns(
      e, size, m.real(0, e.f32()),
      [&](Value a, Value b) { return m.add(a, b); },
      [&](Value v) { return emitExp(e.b, e.loc, m.sub(at(v), most)); });
}

Value LogitRow::logSum() {
  Value most = largest();
  Value log = emitTranscendental(e.b, e.loc, Transcendental::Log, sum(most));
  return Math{e.b, e.loc}.add(most, log);
}

Value divergence(LogitRow student, Value log, LogitRow teacher,
                 Value teacherLog) {
  Emitter &e = student.e;
  Math m{e.b, e.loc};
  return joinTurns(
      e, student.size, m.real(0, e.f32()),
      [&](Value a, Value b) { return m.add(a, b); },
      [&](Value v) {
        Value x = m.sub(student.at(v), log);
        Value z = m.sub(teacher.at(v), teacherLog);
        Value p = emitExp(e.b, e.loc, z);
        Value none = m.compare(arith::CmpFPredicate::OEQ, p, 0.0);
        return m.select(none, p, m.mul(p, m.sub(z, x)));
      });
}

} // namespace qopt::cuda
