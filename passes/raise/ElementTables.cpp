// What the elements of constant tables are, as far as a formula tells it.
//
// Exporters fold what does not depend on inputs: iotas, triangles of masks and
// rotary tables are numbers then. An integer table that is affine in its place
// is read as that function, a triangle of two values as a comparison, and a
// float table whose rows repeat themselves as its first half.

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Matchers.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/passes/raise/ElementExpr.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

/// Elements of a table that is looked through number by number.
static constexpr int64_t maxTable = int64_t(1) << 24;

static ml_program::GlobalOp getGlobal(Value value) {
  auto load = value.getDefiningOp<ml_program::GlobalLoadOp>();
  auto global =
      load ? SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
                 load, load.getGlobal())
           : nullptr;
  return global && !global.getIsMutable() ? global : nullptr;
}

DenseElementsAttr getNumbers(Value value) {
  DenseElementsAttr numbers;
  if (matchPattern(value, m_Constant(&numbers)))
    return numbers;
  ml_program::GlobalOp global = getGlobal(value);
  return global ? dyn_cast_or_null<DenseElementsAttr>(global.getValueAttr())
                : DenseElementsAttr();
}

namespace {

/// Bools that are `low` on one side of a diagonal of the last two axes.
struct Triangle {
  int64_t diagonal; ///< inside: row - column >= diagonal
  double inside, outside;
};

/// How the rows of a table repeat themselves.
struct Repetition {
  bool halves = false; ///< element i + n / 2 is element i
  bool pairs = false;  ///< element 2 i + 1 is element 2 i
};

} // namespace

/// One constant: in the program, or in the file beside it.
struct Tables::Table {
  explicit Table(Value value);
  bool empty() const { return !numbers && !buffer; }
  bool isSplat() const { return numbers && numbers.isSplat(); }
  double at(int64_t i) const;
  int64_t integer(int64_t i) const;
  std::optional<Triangle> triangle();
  Repetition repetition();

  RankedTensorType type;
  DenseElementsAttr numbers;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::optional<std::optional<Triangle>> knownTriangle;
  std::optional<Repetition> knownRepetition;
};

Tables::Table::Table(Value value)
    : type(cast<RankedTensorType>(value.getType())) {
  if ((numbers = getNumbers(value)))
    return;
  ml_program::GlobalOp global = getGlobal(value);
  auto weight =
      global ? dyn_cast_or_null<WeightAttr>(global.getValueAttr()) : nullptr;
  if (!weight || !weight.getKey().empty())
    return; // with a key, the program was raised before
  SmallString<256> path(folderOf(global->getParentOfType<ModuleOp>()));
  llvm::sys::path::append(path, weight.getFile());
  auto part = llvm::MemoryBuffer::getFileSlice(path, storedBytes(type),
                                               weight.getOffset());
  if (part && int64_t((*part)->getBufferSize()) == storedBytes(type))
    buffer = std::move(*part);
}

int64_t Tables::Table::integer(int64_t i) const {
  if (numbers)
    return type.getElementType().isInteger(1)
               ? int64_t(*(numbers.value_begin<bool>() + i))
               : (*(numbers.value_begin<APInt>() + i)).getSExtValue();
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  uint64_t word = 0;
  std::memcpy(&word, buffer->getBufferStart() + i * bytes, bytes);
  return APInt(bytes * 8, word).getSExtValue();
}

double Tables::Table::at(int64_t i) const {
  auto floating = dyn_cast<FloatType>(type.getElementType());
  if (!floating)
    return integer(i);
  if (numbers)
    return (*(numbers.value_begin<APFloat>() + i)).convertToDouble();
  return APFloat(floating.getFloatSemantics(),
                 APInt(floating.getWidth(), uint64_t(integer(i))))
      .convertToDouble();
}

std::optional<Triangle> Tables::Table::triangle() {
  if (knownTriangle)
    return *knownTriangle;
  knownTriangle.emplace();
  ArrayRef<int64_t> shape = type.getShape();
  int64_t rows = shape[shape.size() - 2], columns = shape.back();
  if (type.getNumElements() != rows * columns || rows < 2 || columns < 2)
    return std::nullopt;
  // The lower left is inside, and the first row tells where it ends.
  double inside = at((rows - 1) * columns), outside = at(columns - 1);
  int64_t count = 0;
  while (count < columns && at(count) == inside)
    ++count;
  if (inside == outside || count == 0)
    return std::nullopt;
  for (int64_t i = 0; i < rows * columns; ++i)
    if (at(i) != (i % columns - i / columns < count ? inside : outside))
      return std::nullopt;
  return *(knownTriangle = Triangle{1 - count, inside, outside});
}

/// first + the sum of step * position over the axes whose position is not
/// known: a folded iota, or several. Null if the numbers are anything else.
static Element readAffine(Elements &e, ArrayRef<int64_t> shape,
                          function_ref<int64_t(int64_t)> valueAt,
                          const Indices &at) {
  int64_t first = 0, stride = 1;
  struct Axis {
    int64_t stride, size, step;
    const IndexExpr *position;
  };
  SmallVector<Axis> axes;
  for (int64_t i = shape.size(); i-- > 0; stride *= shape[i]) {
    auto known = at[i].constant();
    if (known && (*known < 0 || *known >= shape[i]))
      return nullptr;
    if (known)
      first += *known * stride;
    else
      axes.push_back({stride, shape[i], 0, &at[i]});
  }
  int64_t base = valueAt(first), total = 1;
  // Positions and indices of tensors: what is larger is data.
  auto isSmall = [](int64_t value) { return std::abs(value) < (1ll << 40); };
  for (Axis &axis : axes) {
    int64_t next = axis.size > 1 ? valueAt(first + axis.stride) : base;
    if (!isSmall(next) || !isSmall(base))
      return nullptr;
    axis.step = next - base;
    total *= axis.size;
  }
  for (int64_t i = 0; i < total; ++i) {
    int64_t rest = i, place = first, wanted = base;
    for (const Axis &axis : axes) {
      place += rest % axis.size * axis.stride;
      wanted += rest % axis.size * axis.step;
      rest /= axis.size;
    }
    if (valueAt(place) != wanted)
      return nullptr;
  }
  IndexExpr sum(base);
  for (const Axis &axis : axes)
    sum = sum + *axis.position * IndexExpr(axis.step);
  return e.index(sum);
}

Tables::Table *Tables::find(Value value) {
  auto &entry = known[value];
  if (!entry)
    entry = std::make_shared<Table>(value);
  return entry->empty() ? nullptr : entry.get();
}

Element Tables::read(Elements &e, Value value, const Indices &at) {
  auto type = cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  bool isConstant = op && op->getNumOperands() == 0 && type.hasStaticShape() &&
                    type.getNumElements() > 0;
  // Large floats are weights.
  bool isFloat = isa<FloatType>(type.getElementType());
  if (!isConstant || type.getNumElements() > maxTable ||
      (isFloat && !getNumbers(value)))
    return nullptr;
  Table *table = find(value);
  if (!table)
    return nullptr;
  if (table->isSplat())
    return e.number(table->at(0));
  std::optional<int64_t> offset = 0;
  for (auto [position, size] : llvm::zip_equal(at, type.getShape())) {
    auto constant = position.constant();
    if (!constant || *constant < 0 || *constant >= size)
      offset = std::nullopt;
    else if (offset)
      offset = *offset * size + *constant;
  }
  if (offset)
    return e.number(table->at(*offset));
  if (!isFloat && !type.getElementType().isInteger(1))
    if (Element affine = readAffine(
            e, type.getShape(), [&](int64_t i) { return table->integer(i); },
            at))
      return affine;
  auto triangle = type.getRank() >= 2 ? table->triangle() : std::nullopt;
  if (!triangle)
    return nullptr;
  Element inside = e.apply(
      "ge0", e.index(at[at.size() - 2] - at.back() - triangle->diagonal));
  return e.apply("select", {inside, e.number(triangle->inside),
                            e.number(triangle->outside)});
}

//===----------------------------------------------------------------------===//
// Rotary tables
//===----------------------------------------------------------------------===//

Repetition Tables::Table::repetition() {
  if (knownRepetition)
    return *knownRepetition;
  int64_t element = type.getElementTypeBitWidth() / 8;
  size_t row = type.getShape().back() * element;
  ArrayRef<char> bytes =
      numbers ? numbers.getRawData()
              : ArrayRef<char>(buffer->getBufferStart(), storedBytes(type));
  Repetition found{true, true};
  for (size_t begin = 0; begin < bytes.size(); begin += row) {
    const char *data = bytes.data() + begin;
    found.halves &= !std::memcmp(data, data + row / 2, row / 2);
    for (size_t i = 0; found.pairs && i < row; i += 2 * element)
      found.pairs = !std::memcmp(data + i, data + i + element, element);
    if (!found.halves && !found.pairs)
      break;
  }
  return *(knownRepetition = found);
}

Indices Tables::canonical(Value value, Indices at, IndexSpace &space) {
  auto type = cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  bool mayBeRotary = op && op->getNumOperands() == 0 &&
                     isa<FloatType>(type.getElementType()) &&
                     type.hasStaticShape() && type.getRank() >= 2 &&
                     type.getShape().back() % 2 == 0 &&
                     type.getNumElements() > 0;
  Table *table = mayBeRotary ? find(value) : nullptr;
  if (!table || table->isSplat())
    return at;
  Repetition found = table->repetition();
  auto take = [&](int64_t divisor, bool keepsQuotient) {
    IndexExpr quotient = space.floorDiv(at.back(), divisor);
    IndexExpr rest = at.back() - quotient * divisor;
    // Only where it is certain in which part the place lies.
    if (keepsQuotient ? rest.constant().has_value()
                      : quotient.constant().has_value())
      at.back() = keepsQuotient ? quotient * divisor : rest;
  };
  if (found.halves)
    take(type.getShape().back() / 2, false);
  if (found.pairs)
    take(2, true);
  return at;
}

} // namespace qopt
