// Steps of optimizers on the GPU, with how states and parameters are stored.
//
//   for every 4 elements:                  a thread; reads p, g, m, v; writes
//     new states, new p                    p, m, v: 28 bytes an element in f32
//
//   and where states are codes, for every block of 256:       a warp
//     for every 8 elements:                a thread, in registers
//       new states, new p
//     scale = max|x|                       across the lanes
//     code  = that of the value nearest to x / scale, by tables in the memory
//             of the block of threads
//
// Bound by memory: 16 bytes a load. An element, or a block, is written behind
// its reading and never read again, so results may lie where parameter and
// states do. Every thread makes the numbers of the step. A bf16 by chance takes
// one block of Philox for the four elements of a load.
//
// A kernel of many parameters is written once, see BlockTensor.h.

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cuda/BlockTensor.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/StateCodes.h"
#include "qopt/codegen/tile/StochasticRound.h"
#include "qopt/codegen/tile/Update.h"
#include "qopt/codegen/tile/UpdateKernel.h"

using namespace mlir;

namespace qopt::cuda {

static constexpr int64_t updateThreads = 256;
static constexpr int64_t width = 4; ///< elements of a load
/// Vectors of a thread: what pays for the numbers of the step.
static constexpr int64_t turns = 4;
/// Blocks of states of a warp: what pays for the tables, too.
static constexpr int64_t warpTurns = 8;

static bool hasCodes(const ParameterUpdate &update) {
  auto isCode = [](const StoredNumbers &stored) { return bool(stored.scales); };
  return llvm::any_of(update.reads, isCode) ||
         llvm::any_of(update.writes, isCode);
}

static bool accepts(kernel::FuncOp kernel) {
  SmallVector<ParameterUpdate> updates = updatesOf(kernel);
  if (updates.empty())
    return false;
  auto isF64 = [](const StoredNumbers &stored) {
    return stored.element().isF64();
  };
  return llvm::none_of(updates[0].reads, isF64) &&
         llvm::none_of(updates[0].writes, isF64);
}

/// Elements of a block of threads.
static int64_t partOf(const ParameterUpdate &update) {
  return hasCodes(update) ? updateThreads / warpSize * warpTurns * stateBlock
                          : updateThreads * turns * width;
}

static int64_t blocksOf(const ParameterUpdate &update) {
  return llvm::divideCeil(update.elements(), partOf(update));
}

/// A number of rank 0 that a run chooses, or that is a constant.
static Value number(Emitter &e, Value tensor) {
  if (auto constant = tensor.getDefiningOp<arith::ConstantOp>()) {
    auto value = cast<DenseElementsAttr>(constant.getValue());
    return arith::ConstantOp::create(
        e.b, e.loc, cast<TypedAttr>(value.getSplatValue<Attribute>()));
  }
  return e.load(getElementTypeOrSelf(tensor), e.pointer(tensor), e.constant(0));
}

/// Copies the tables of a map to the memory of the block; a barrier must come.
static StateCodes stateCodes(Emitter &e, bool isUnsigned) {
  StateTables tables(isUnsigned);
  std::vector<uint32_t> words;
  auto append = [&](const auto &numbers) {
    int64_t start = words.size();
    for (auto number : numbers)
      words.push_back(llvm::bit_cast<uint32_t>(number));
    return start;
  };
  int64_t values = append(tables.values), bounds = append(tables.bounds);
  int64_t starts = append(tables.starts);
  words.resize(llvm::alignTo(words.size(), 2));
  std::vector<uint64_t> pairs;
  for (size_t i = 0; i < words.size(); i += 2)
    pairs.push_back(words[i] | uint64_t(words[i + 1]) << 32);

  Value source = e.table(pairs, isUnsigned ? "unsigned" : "signed");
  Value place = e.shared(pairs.size() * 8);
  e.loop(e.thread, e.constant(int64_t(pairs.size())), e.threads, [&](Value i) {
    e.store(e.load(e.b.getI64Type(), source, i), place, i);
  });
  auto look = [=, &e](StateCodes::Table table, Value index) -> Value {
    using Table = StateCodes::Table;
    bool isStart = table == Table::starts;
    int64_t first = isStart ? starts : table == Table::values ? values : bounds;
    Type element = isStart ? Type(e.b.getI32Type()) : e.f32();
    auto one = [&](Value i) {
      return e.load(element, place, e.add(e.widen(i), e.constant(first)));
    };
    auto vector = dyn_cast<VectorType>(index.getType());
    if (!vector)
      return one(index);
    SmallVector<Value> found;
    for (int64_t i = 0; i < vector.getNumElements(); ++i)
      found.push_back(one(e.element(index, i)));
    return e.vectorOf(found);
  };
  return StateCodes(e, std::move(tables), look);
}

namespace {

/// Where some numbers lie.
struct Place {
  Value memory, scales;
};

/// What a block of threads works on.
struct Part {
  SmallVector<Place> reads, writes;
  Value first;    ///< the number of the first block of this parameter
  Value elements; ///< of the parameter
  Value stream, decay;
};

/// Writes the updates.
class UpdateWriter {
public:
  UpdateWriter(Emitter &e, ArrayRef<ParameterUpdate> updates);

  void write();

private:
  SmallVector<Value> factsOf(unsigned parameter);
  Part part();
  void writePieces(const Part &part, Value from);
  void writeBlock(const Part &part, Value start);
  SmallVector<Value> newNumbers(const Part &part, ArrayRef<Value> scales,
                                Value i);
  void store(const Part &part, unsigned result, Value number, Value i);
  void encode(const Part &part, unsigned result, ArrayRef<Value> numbers,
              ArrayRef<Value> places, Value block);

  /// Vectors of elements i to i + 3; those behind the end are 0, and not
  /// stored.
  Value load(Value memory, Type element, Value i, Value elements);
  void store(Value value, Value memory, Value i, Value elements);
  Value all(Value scalar) {
    return vector::BroadcastOp::create(
        e.b, e.loc, e.vector(width, scalar.getType()), scalar);
  }
  Value at(Value i, int64_t n) { return e.add(i, e.constant(n)); }
  StateCodes &codes(const StoredNumbers &stored) {
    return *(stored.isUnsigned ? unsignedCodes : signedCodes);
  }

  Emitter &e;
  Math m;
  ArrayRef<ParameterUpdate> updates;
  const ParameterUpdate &kind;
  Update update;
  std::optional<StateCodes> signedCodes, unsignedCodes;
  std::optional<StochasticRound> rounding;
  SmallVector<int64_t> firsts; ///< blocks of threads, of each parameter
  SmallVector<Value> decays, decayNumbers;
  bool isRagged = false;  ///< an end lies within a vector
  bool isPartial = false; ///< an end lies within a block of states
};

} // namespace

UpdateWriter::UpdateWriter(Emitter &e, ArrayRef<ParameterUpdate> updates)
    : e(e), m{e.b, e.loc}, updates(updates), kind(updates[0]),
      update(e, kind.step, [&](Value tensor) { return number(e, tensor); }),
      decays(decaysOf(updates)) {
  for (const auto *numbers : {&kind.reads, &kind.writes})
    for (const StoredNumbers &stored : *numbers)
      if (stored.scales) {
        auto &codes = stored.isUnsigned ? unsignedCodes : signedCodes;
        if (!codes)
          codes.emplace(stateCodes(e, stored.isUnsigned));
      }
  if (signedCodes || unsignedCodes)
    e.barrier();
  if (train::StochasticRoundOp round = kind.rounding())
    rounding.emplace(e, number(e, round.getSeed()), number(e, round.getStep()));
  for (Value decay : decays)
    decayNumbers.push_back(number(e, decay));
  int64_t blocks = 0;
  for (const ParameterUpdate &update : updates) {
    firsts.push_back(blocks);
    blocks += blocksOf(update);
    isRagged |= update.elements() % width != 0;
    isPartial |= hasCodes(update) && update.elements() % stateBlock != 0;
  }
}

//===----------------------------------------------------------------------===//
// Which parameter
//===----------------------------------------------------------------------===//

/// Pointers, then what else differs.
SmallVector<Value> UpdateWriter::factsOf(unsigned parameter) {
  const ParameterUpdate &own = updates[parameter];
  SmallVector<Value> facts;
  for (const auto *numbers : {&own.reads, &own.writes})
    for (const StoredNumbers &stored : *numbers) {
      facts.push_back(e.pointer(stored.memory));
      if (stored.scales)
        facts.push_back(e.pointer(stored.scales));
    }
  facts.push_back(e.constant(firsts[parameter]));
  facts.push_back(e.constant(own.elements()));
  auto round = own.rounding();
  facts.push_back(e.constant(round ? int64_t(round.getStream()) : 0));
  if (!decays.empty())
    facts.push_back(decayNumbers[decayNumber(own, decays)]);
  return facts;
}

Part UpdateWriter::part() {
  auto pointer = LLVM::LLVMPointerType::get(e.b.getContext());
  SmallVector<Type> types;
  for (const auto *numbers : {&kind.reads, &kind.writes})
    for (const StoredNumbers &stored : *numbers)
      types.append(stored.scales ? 2 : 1, pointer);
  types.append(3, e.b.getI64Type());
  if (!decays.empty())
    types.push_back(e.f32());
  SmallVector<Value> facts = valuesOfBlock(
      e, firsts, types, [&](unsigned number) { return factsOf(number); });
  size_t next = 0;
  auto place = [&](const StoredNumbers &stored) {
    Value memory = facts[next++];
    return Place{memory, stored.scales ? facts[next++] : Value()};
  };
  Part part;
  part.reads = llvm::map_to_vector(kind.reads, place);
  part.writes = llvm::map_to_vector(kind.writes, place);
  part.first = facts[next++];
  part.elements = facts[next++];
  part.stream = facts[next++];
  if (!decays.empty())
    part.decay = facts[next];
  return part;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value UpdateWriter::load(Value memory, Type element, Value i, Value elements) {
  VectorType type = e.vector(width, element);
  auto whole = [&] { return e.loadWide(type, memory, i); };
  auto zeros = [&](Type type) -> Value {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
  };
  if (isRagged)
    return e.choose(e.less(at(i, width - 1), elements), type, whole, [&] {
      SmallVector<Value> own;
      for (int64_t n = 0; n < width; ++n)
        own.push_back(e.choose(
            e.less(at(i, n), elements), element,
            [&] { return e.load(element, memory, at(i, n)); },
            [&] { return zeros(element); }));
      return e.vectorOf(own);
    });
  if (isPartial)
    return e.choose(e.less(i, elements), type, whole,
                    [&] { return zeros(type); });
  return whole();
}

void UpdateWriter::store(Value value, Value memory, Value i, Value elements) {
  auto whole = [&] { e.storeWide(value, memory, i); };
  if (isRagged)
    e.branch(e.less(at(i, width - 1), elements), whole, [&] {
      for (int64_t n = 0; n < width; ++n)
        e.branch(e.less(at(i, n), elements),
                 [&] { e.store(e.element(value, n), memory, at(i, n)); });
    });
  else if (isPartial)
    e.branch(e.less(i, elements), whole);
  else
    whole();
}

SmallVector<Value> UpdateWriter::newNumbers(const Part &part,
                                            ArrayRef<Value> scales, Value i) {
  SmallVector<Value> numbers;
  for (auto [n, stored] : llvm::enumerate(kind.reads)) {
    Value x = load(part.reads[n].memory, stored.element(), i, part.elements);
    if (stored.scales)
      x = m.mul(codes(stored).values(x), all(scales[n]));
    else if (stored.element() != e.f32())
      x = arith::ExtFOp::create(e.b, e.loc, e.vector(width), x);
    numbers.push_back(x);
  }
  return update.of(numbers, part.decay);
}

void UpdateWriter::store(const Part &part, unsigned result, Value number,
                         Value i) {
  const StoredNumbers &stored = kind.writes[result];
  if (stored.rounding) {
    Value quad = arith::ShRUIOp::create(e.b, e.loc, i, e.constant(2));
    std::array<Value, 4> words = rounding->words(part.stream, quad);
    number = rounding->rounded(number, e.vectorOf(words));
  } else if (stored.element() != e.f32()) {
    number = arith::TruncFOp::create(e.b, e.loc,
                                     e.vector(width, stored.element()), number);
  }
  store(number, part.writes[result].memory, i, part.elements);
}

//===----------------------------------------------------------------------===//
// Blocks of states
//===----------------------------------------------------------------------===//

/// One, by a warp.
void UpdateWriter::writeBlock(const Part &part, Value start) {
  Value block = e.div(start, stateBlock);
  SmallVector<Value> scales, places;
  for (const Place &place : part.reads)
    scales.push_back(place.scales ? e.load(e.f32(), place.scales, block)
                                  : Value());
  SmallVector<SmallVector<Value>> waiting(kind.writes.size());
  for (int64_t piece = 0; piece < stateBlock / (warpSize * width); ++piece) {
    Value lane = e.add(e.lane, e.constant(piece * warpSize));
    places.push_back(e.add(start, e.mul(lane, width)));
    for (auto [result, number] :
         llvm::enumerate(newNumbers(part, scales, places.back())))
      if (part.writes[result].scales)
        waiting[result].push_back(number);
      else
        store(part, result, number, places.back());
  }
  for (unsigned result = 0; result < kind.writes.size(); ++result)
    if (part.writes[result].scales)
      encode(part, result, waiting[result], places, block);
}

void UpdateWriter::encode(const Part &part, unsigned result,
                          ArrayRef<Value> numbers, ArrayRef<Value> places,
                          Value block) {
  Value zero = m.real(0, e.f32()), scale = zero;
  for (auto [number, i] : llvm::zip_equal(numbers, places))
    for (int64_t n = 0; n < width; ++n) {
      Value size = m.abs(e.element(number, n));
      if (isPartial)
        size = m.select(e.less(at(i, n), part.elements), size, zero);
      scale = m.larger(scale, size);
    }
  scale = e.joinLanes(scale, [&](Value a, Value b) { return m.larger(a, b); });
  const Place &place = part.writes[result];
  e.branch(e.equal(e.lane, e.constant(0)),
           [&] { e.store(scale, place.scales, block); });
  Value none = all(m.compare(arith::CmpFPredicate::OEQ, scale, 0.0));
  for (auto [number, i] : llvm::zip_equal(numbers, places)) {
    Value share = m.div(number, all(scale));
    share = m.select(none, m.real(0, share.getType()), share);
    store(codes(kind.writes[result]).codes(share), place.memory, i,
          part.elements);
  }
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

/// From element `from` on, all floats.
void UpdateWriter::writePieces(const Part &part, Value from) {
  for (int64_t turn = 0; turn < turns; ++turn) {
    Value piece = e.add(e.thread, e.constant(turn * updateThreads));
    Value i = e.add(from, e.mul(piece, width));
    e.branch(e.less(i, part.elements), [&] {
      for (auto [result, number] : llvm::enumerate(newNumbers(part, {}, i)))
        store(part, result, number, i);
    });
  }
}

void UpdateWriter::write() {
  Part own = part();
  Value from = e.mul(e.sub(e.block, own.first), partOf(kind));
  if (!hasCodes(kind))
    return writePieces(own, from);
  e.loop(e.constant(0), e.constant(warpTurns), 1, [&](Value turn) {
    Value block = e.add(e.mul(turn, e.warps()), e.warp);
    Value start = e.add(from, e.mul(block, stateBlock));
    // All lanes of a warp go the same way.
    e.branch(e.less(start, own.elements), [&] { writeBlock(own, start); });
  });
}

static LogicalResult emit(Emitter &e) {
  SmallVector<ParameterUpdate> updates = updatesOf(e.kernel);
  UpdateWriter(e, updates).write();
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  int64_t blocks = 0;
  for (const ParameterUpdate &update : updatesOf(kernel))
    blocks += blocksOf(update);
  AffineExpr count = getAffineConstantExpr(blocks, kernel.getContext());
  return {{{count, updateThreads, emit}}, {}, {}};
}

const KernelFamily optimizerFamily = {"optimizer", accepts, phases};

} // namespace qopt::cuda
