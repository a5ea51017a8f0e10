// Steps of optimizers on the CPU, with how states and parameters are stored.
//
//   the numbers of the step, in f64
//   for every 64 blocks of 256 elements:          a task, of one parameter
//     for every block:
//       for every element:                        reads p, g, m, v; writes p,
//         new states, new p                       m, v: 28 bytes in f32
//       if states are codes: for each of them     16 bytes of 8-bit states;
//         scale = max|x|                          new ones wait in L1
//         code  = that of the value nearest to x / scale
//
// Bound by memory in f32, by the gathers of the codes in 8 bits: one a state to
// read it and two to write it. An element, or a block, is written behind its
// reading and never read again, so results may lie where parameter and states
// do. A bf16 takes a fourth of a block of Philox: 20 products of 32 bits for 4
// elements, in vectors.
//
// A kernel of many parameters is written once: a table says which of them a
// task belongs to, and where in the arguments its pointers are.

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/StateCodes.h"
#include "qopt/codegen/tile/StochasticRound.h"
#include "qopt/codegen/tile/Update.h"
#include "qopt/codegen/tile/UpdateKernel.h"

using namespace mlir;

namespace qopt::cpu {

/// Elements of a task: far longer than the numbers of the step take.
static constexpr int64_t taskElements = 64 * stateBlock;

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return !updatesOf(kernel).empty();
}

static int64_t tasksOf(const ParameterUpdate &update) {
  return llvm::divideCeil(update.elements(), taskElements);
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  int64_t count = 0;
  for (const ParameterUpdate &update : updatesOf(kernel))
    count += tasksOf(update);
  return getAffineConstantExpr(count, kernel.getContext());
}

/// table[index] of f32 or i32, scalars or vectors.
static Value look(Emitter &e, Value table, Type element, Value index) {
  auto vector = dyn_cast<VectorType>(index.getType());
  Type wide = Math::with(index.getType(), e.b.getI64Type());
  index = arith::ExtUIOp::create(e.b, e.loc, wide, index);
  if (!vector)
    return e.load(element, table, index);
  auto pointer = LLVM::LLVMPointerType::get(e.b.getContext());
  Value places = LLVM::GEPOp::create(
      e.b, e.loc, VectorType::get(vector.getShape(), pointer), element, table,
      ArrayRef<LLVM::GEPArg>{index});
  auto values = VectorType::get(vector.getShape(), element);
  auto bools = VectorType::get(vector.getShape(), e.b.getI1Type());
  Value all = arith::ConstantOp::create(e.b, e.loc,
                                        DenseElementsAttr::get(bools, true));
  Value none = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(values));
  return LLVM::masked_gather::create(e.b, e.loc, values, places, all,
                                     ValueRange{none}, /*alignment=*/4);
}

static StateCodes stateCodes(Emitter &e, bool isUnsigned) {
  StateTables tables(isUnsigned);
  std::string name = isUnsigned ? "qopt_states_unsigned" : "qopt_states_signed";
  auto constants = [&](StringRef what, auto &numbers, Type element) {
    auto type = RankedTensorType::get(int64_t(numbers.size()), element);
    return e.constants(name + what.str(),
                       DenseElementsAttr::get(type, ArrayRef(numbers)));
  };
  Value values = constants("_values", tables.values, e.f32());
  Value bounds = constants("_bounds", tables.bounds, e.f32());
  Value starts = constants("_starts", tables.starts, e.b.getI32Type());
  auto lookUp = [=, &e](StateCodes::Table table, Value index) {
    switch (table) {
    case StateCodes::Table::values:
      return look(e, values, e.f32(), index);
    case StateCodes::Table::bounds:
      return look(e, bounds, e.f32(), index);
    case StateCodes::Table::starts:
      return look(e, starts, e.b.getI32Type(), index);
    }
    llvm_unreachable("three tables");
  };
  return StateCodes(e, std::move(tables), lookUp);
}

namespace {

/// Where some numbers lie.
struct Place {
  Value memory, scales;
};

/// What a task works on.
struct Task {
  SmallVector<Place> reads, writes;
  Value from, to; ///< elements
  Value decay, stream;
};

/// The parameters of a kernel, and which of them a task belongs to.
class Parameters {
public:
  Parameters(Emitter &e, ArrayRef<ParameterUpdate> updates);

  Task task(Value number);

private:
  Task of(const ParameterUpdate &update, Value number);
  int64_t streamOf(const ParameterUpdate &update) {
    auto round = update.rounding();
    return round ? int64_t(round.getStream()) : 0;
  }

  Emitter &e;
  ArrayRef<ParameterUpdate> updates;
  SmallVector<Value> decays; ///< loaded
  /// A row for each parameter, if there are several: its first task, its
  /// elements, the number of its decay, its stream, where its pointers are.
  Value rows;
  int64_t columns = 0;
};

/// Writes the updates.
class UpdateWriter {
public:
  UpdateWriter(Emitter &e, ArrayRef<ParameterUpdate> updates);

  void write(Value number);

private:
  void writeBlock(const Task &task, Value from);
  SmallVector<Value> newNumbers(const Task &task, ArrayRef<Value> scales,
                                Value i, int64_t lanes);
  void store(const Task &task, unsigned result, Value number, Value i,
             int64_t lanes);
  Value rounded(const Task &task, Value number, Value i, int64_t lanes);
  void encode(const Task &task, unsigned result, Value block, Value from,
              Value to);
  StateCodes &codes(const StoredNumbers &stored) {
    return *(stored.isUnsigned ? unsignedCodes : signedCodes);
  }
  /// Where the new numbers of a block wait for its scale.
  Value waiting(unsigned result) {
    return e.offset(e.scratch, e.constant(result * stateBlock), e.f32());
  }

  Emitter &e;
  Math m;
  const ParameterUpdate &kind;
  Parameters parameters;
  Update update;
  std::optional<StateCodes> signedCodes, unsignedCodes;
  std::optional<StochasticRound> rounding;
  int64_t lanes;
};

} // namespace

Parameters::Parameters(Emitter &e, ArrayRef<ParameterUpdate> updates)
    : e(e), updates(updates) {
  SmallVector<Value> known = decaysOf(updates);
  for (Value decay : known)
    decays.push_back(loadNumber(e, decay));
  if (updates.size() == 1)
    return;
  SmallVector<int64_t> table;
  int64_t first = 0;
  for (const ParameterUpdate &update : updates) {
    table.append({first, update.elements(),
                  known.empty() ? 0 : decayNumber(update, known),
                  streamOf(update)});
    for (const auto *numbers : {&update.reads, &update.writes})
      for (const StoredNumbers &stored : *numbers) {
        table.push_back(e.positionOf(stored.memory));
        if (stored.scales)
          table.push_back(e.positionOf(stored.scales));
      }
    first += tasksOf(update);
  }
  columns = table.size() / updates.size();
  auto type = RankedTensorType::get(int64_t(table.size()), e.b.getI64Type());
  rows = e.constants(e.nameOf("parameters"),
                     DenseElementsAttr::get(type, ArrayRef(table)));
}

/// Of the only parameter.
Task Parameters::of(const ParameterUpdate &update, Value number) {
  Task task;
  auto place = [&](const StoredNumbers &stored) {
    return Place{e.pointer(stored.memory),
                 stored.scales ? e.pointer(stored.scales) : Value()};
  };
  task.reads = llvm::map_to_vector(update.reads, place);
  task.writes = llvm::map_to_vector(update.writes, place);
  task.from = e.mul(number, taskElements);
  task.to = least(e, e.add(task.from, e.constant(taskElements)),
                  e.constant(update.elements()));
  task.decay = decays.empty() ? Value() : decays[0];
  task.stream = e.constant(streamOf(update));
  return task;
}

Task Parameters::task(Value number) {
  if (updates.size() == 1)
    return of(updates[0], number);
  Math m{e.b, e.loc};
  Type i64 = e.b.getI64Type();
  // The last row whose first task is not behind this one, by halves.
  Value row = e.constant(0);
  for (int64_t half = llvm::PowerOf2Ceil(updates.size()) / 2; half > 0;
       half /= 2) {
    Value next =
        least(e, e.add(row, e.constant(half)), e.constant(updates.size() - 1));
    Value first = e.load(i64, rows, e.mul(next, columns));
    Value isBehind = arith::CmpIOp::create(
        e.b, e.loc, arith::CmpIPredicate::slt, number, first);
    row = m.select(isBehind, row, next);
  }
  Value start = e.mul(row, columns);
  int64_t column = 0;
  auto fact = [&] {
    return e.load(i64, rows, e.add(start, e.constant(column++)));
  };
  Task task;
  task.from = e.mul(minus(e, number, fact()), taskElements);
  task.to = least(e, e.add(task.from, e.constant(taskElements)), fact());
  Value decay = fact();
  for (auto [i, value] : llvm::enumerate(decays)) {
    Value isIt = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                       decay, e.constant(int64_t(i)));
    task.decay = i ? m.select(isIt, value, task.decay) : value;
  }
  task.stream = fact();
  auto place = [&](const StoredNumbers &stored) {
    Value memory = e.pointerAt(fact());
    return Place{memory, stored.scales ? e.pointerAt(fact()) : Value()};
  };
  task.reads = llvm::map_to_vector(updates[0].reads, place);
  task.writes = llvm::map_to_vector(updates[0].writes, place);
  return task;
}

UpdateWriter::UpdateWriter(Emitter &e, ArrayRef<ParameterUpdate> updates)
    : e(e), m{e.b, e.loc}, kind(updates[0]), parameters(e, updates),
      update(e, kind.step, [&](Value tensor) { return loadNumber(e, tensor); }),
      lanes(e.lanes()) {
  for (const auto *numbers : {&kind.reads, &kind.writes})
    for (const StoredNumbers &stored : *numbers)
      if (stored.scales) {
        auto &codes = stored.isUnsigned ? unsignedCodes : signedCodes;
        if (!codes)
          codes.emplace(stateCodes(e, stored.isUnsigned));
      }
  if (train::StochasticRoundOp round = kind.rounding()) {
    rounding.emplace(e, loadNumber(e, round.getSeed()),
                     loadNumber(e, round.getStep()));
    lanes *= 4; // a lane for each block of Philox
  }
}

void UpdateWriter::write(Value number) {
  Task task = parameters.task(number);
  bool isRead = llvm::any_of(kind.reads, [](const StoredNumbers &stored) {
    return bool(stored.scales);
  });
  if (isRead || kind.isCoded())
    return e.loop(task.from, task.to, stateBlock,
                  [&](Value from) { writeBlock(task, from); });
  Span(e, task.from, task.to).each(lanes, [&](Value i, int64_t lanes) {
    for (auto [result, number] :
         llvm::enumerate(newNumbers(task, {}, i, lanes)))
      store(task, result, number, i, lanes);
  });
}

void UpdateWriter::writeBlock(const Task &task, Value from) {
  Value block = arith::ShRUIOp::create(e.b, e.loc, from,
                                       e.constant(llvm::Log2_64(stateBlock)));
  Value to = least(e, e.add(from, e.constant(stateBlock)), task.to);
  SmallVector<Value> scales;
  for (const Place &place : task.reads)
    scales.push_back(place.scales ? e.load(e.f32(), place.scales, block)
                                  : Value());
  Span(e, from, to).each(lanes, [&](Value i, int64_t lanes) {
    for (auto [result, number] :
         llvm::enumerate(newNumbers(task, scales, i, lanes)))
      if (task.writes[result].scales)
        e.store(number, waiting(result), minus(e, i, from));
      else
        store(task, result, number, i, lanes);
  });
  for (unsigned result = 0; result < kind.writes.size(); ++result)
    if (task.writes[result].scales)
      encode(task, result, block, from, to);
}

SmallVector<Value> UpdateWriter::newNumbers(const Task &task,
                                            ArrayRef<Value> scales, Value i,
                                            int64_t lanes) {
  SmallVector<Value> numbers;
  for (auto [n, stored] : llvm::enumerate(kind.reads)) {
    Value memory = task.reads[n].memory;
    if (!stored.scales) {
      numbers.push_back(loadFloats(e, memory, stored.element(), i, lanes));
      continue;
    }
    Value code = e.load(lanesOf(e.b.getI8Type(), lanes), memory, i);
    numbers.push_back(
        m.mul(codes(stored).values(code), splat(e, scales[n], lanes)));
  }
  return update.of(numbers, task.decay);
}

void UpdateWriter::store(const Task &task, unsigned result, Value number,
                         Value i, int64_t lanes) {
  const StoredNumbers &stored = kind.writes[result];
  Value memory = task.writes[result].memory;
  if (stored.rounding)
    e.store(rounded(task, number, i, lanes), memory, i);
  else
    storeFloats(e, number, memory, stored.element(), i);
}

/// Lane n of the words of a block of Philox is for element i + 4 lane + n.
Value UpdateWriter::rounded(const Task &task, Value number, Value i,
                            int64_t lanes) {
  Type i64 = e.b.getI64Type();
  Value quad = arith::ShRUIOp::create(e.b, e.loc, i, e.constant(2));
  if (lanes == 1) {
    std::array<Value, 4> words = rounding->words(task.stream, quad);
    Value rest = arith::AndIOp::create(e.b, e.loc, i, e.constant(3));
    Value word = words[3];
    for (int64_t n = 2; n >= 0; --n) {
      Value isIt = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                         rest, e.constant(n));
      word = m.select(isIt, words[n], word);
    }
    return rounding->rounded(number, word);
  }
  SmallVector<int64_t> steps =
      llvm::to_vector(llvm::seq<int64_t>(0, lanes / 4));
  Value count = arith::ConstantOp::create(
      e.b, e.loc,
      DenseElementsAttr::get(e.vector(lanes / 4, i64), ArrayRef(steps)));
  Value quads =
      arith::AddIOp::create(e.b, e.loc, splat(e, quad, lanes / 4), count);
  std::array<Value, 4> words = rounding->words(task.stream, quads);
  auto weave = [&](Value a, Value b) -> Value {
    return vector::InterleaveOp::create(e.b, e.loc, a, b);
  };
  return rounding->rounded(
      number, weave(weave(words[0], words[2]), weave(words[1], words[3])));
}

void UpdateWriter::encode(const Task &task, unsigned result, Value block,
                          Value from, Value to) {
  const Place &place = task.writes[result];
  Value numbers = waiting(result);
  Span span(e, e.constant(0), minus(e, to, from));
  auto number = [&](Value i, int64_t lanes) {
    return e.load(lanesOf(e.f32(), lanes), numbers, i);
  };
  Value scale = span.largest(
      [&](Value i, int64_t lanes) { return m.abs(number(i, lanes)); });
  e.store(scale, place.scales, block);
  Value none = m.compare(arith::CmpFPredicate::OEQ, scale, 0.0);
  span.each([&](Value i, int64_t lanes) {
    Value share = m.div(number(i, lanes), splat(e, scale, lanes));
    Value zero = m.real(0, share.getType());
    share = m.select(splat(e, none, lanes), zero, share);
    e.store(codes(kind.writes[result]).codes(share), place.memory,
            e.add(from, i));
  });
}

static LogicalResult emit(Emitter &e) {
  SmallVector<ParameterUpdate> updates = updatesOf(e.kernel);
  UpdateWriter writer(e, updates);
  e.loop(e.begin, e.end, 1, [&](Value number) { writer.write(number); });
  return success();
}

const KernelFamily optimizerFamily = {"optimizer", accepts, tasks, emit};

} // namespace qopt::cpu
