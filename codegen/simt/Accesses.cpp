// Addresses, loads, stores and atomic operations.

#include <cstring>

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"

using namespace mlir;

namespace qopt::simt {

namespace {

/// to = a + number
void stepOffset(Warp &warp, const Instr &i) {
  const uint64_t *a = warp.at<uint64_t>(i.a);
  uint64_t *to = warp.at<uint64_t>(i.to);
  warp.each([&](unsigned lane) { to[lane] = a[lane] + i.number; });
}

/// to = a + b * number, b with a sign and of `c` bits.
template <class S> void stepIndex(Warp &warp, const Instr &i) {
  const uint64_t *a = warp.at<uint64_t>(i.a);
  const S *b = warp.at<S>(i.b);
  uint64_t *to = warp.at<uint64_t>(i.to);
  unsigned unused = 64 - i.c;
  warp.each([&](unsigned lane) {
    int64_t index = int64_t(uint64_t(b[lane]) << unused) >> unused;
    to[lane] = a[lane] + uint64_t(index) * i.number;
  });
}

/// `count` elements of b bytes from the address in a, aligned to c.
template <class S, unsigned bytes> void stepLoad(Warp &warp, const Instr &i) {
  const uint64_t *address = warp.at<uint64_t>(i.a);
  S mask = i.number;
  warp.each([&](unsigned lane) {
    char *from =
        warp.access(lane, address[lane], bytes * i.count, i.c, Access::read);
    if (!from)
      return;
    for (uint32_t k = 0; k < i.count; ++k) {
      S value = 0;
      std::memcpy(&value, from + k * bytes, bytes);
      warp.at<S>(i.to + k)[lane] = value & mask;
    }
  });
}

template <class S, unsigned bytes> void stepStore(Warp &warp, const Instr &i) {
  const uint64_t *address = warp.at<uint64_t>(i.a);
  const uint32_t *list = warp.listOf(i);
  SmallVector<char, 64> values(bytes * i.count);
  warp.each([&](unsigned lane) {
    for (uint32_t k = 0; k < i.count; ++k)
      std::memcpy(&values[k * bytes], &warp.at<S>(list[k])[lane], bytes);
    if (char *to = warp.access(lane, address[lane], values.size(), i.c,
                               Access::write, values.data()))
      std::memcpy(to, values.data(), values.size());
  });
}

template <class S> S combine(LLVM::AtomicBinOp kind, S old, S value) {
  using Signed = std::make_signed_t<S>;
  switch (kind) {
  case LLVM::AtomicBinOp::add:
    return old + value;
  case LLVM::AtomicBinOp::_and:
    return old & value;
  case LLVM::AtomicBinOp::_or:
    return old | value;
  case LLVM::AtomicBinOp::_xor:
    return old ^ value;
  case LLVM::AtomicBinOp::max:
    return std::max(Signed(old), Signed(value));
  case LLVM::AtomicBinOp::min:
    return std::min(Signed(old), Signed(value));
  case LLVM::AtomicBinOp::umax:
    return std::max(old, value);
  case LLVM::AtomicBinOp::umin:
    return std::min(old, value);
  default:
    return value; // refused when it was decoded
  }
}

template <class S> void stepAtomic(Warp &warp, const Instr &i) {
  const uint64_t *address = warp.at<uint64_t>(i.a);
  const S *value = warp.at<S>(i.b);
  S *old = warp.at<S>(i.to);
  warp.each([&](unsigned lane) {
    char *place =
        warp.access(lane, address[lane], sizeof(S), sizeof(S), Access::atomic);
    if (!place)
      return;
    std::memcpy(&old[lane], place, sizeof(S));
    S sum = combine<S>(LLVM::AtomicBinOp(i.number), old[lane], value[lane]);
    std::memcpy(place, &sum, sizeof(S));
  });
}

} // namespace

/// Bytes from the start of a struct to one of its fields.
static uint64_t fieldOffset(const DataLayout &layout, LLVM::LLVMStructType type,
                            int64_t index) {
  uint64_t offset = 0;
  for (auto [i, field] : llvm::enumerate(type.getBody())) {
    if (!type.isPacked())
      offset = llvm::alignTo(offset, layout.getTypeABIAlignment(field));
    if (int64_t(i) == index)
      return offset;
    offset += layout.getTypeSize(field);
  }
  return offset;
}

static LogicalResult writeGep(Decoder &d, LLVM::GEPOp op) {
  if (isa<VectorType>(op.getType()))
    return d.unknown("of vectors of pointers");
  Type type = op.getElemType();
  uint32_t address = d.of(op.getBase())[0];
  int64_t constant = 0;
  bool isFirst = true;
  auto indices = op.getIndices();
  for (size_t k = 0; k < indices.size(); ++k) {
    PointerUnion<IntegerAttr, Value> index = indices[k];
    auto number = dyn_cast<IntegerAttr>(index);
    if (!isFirst) {
      if (auto structure = dyn_cast<LLVM::LLVMStructType>(type)) {
        int64_t field = number.getInt();
        constant += fieldOffset(d.layout, structure, field);
        type = structure.getBody()[field];
        continue;
      }
      if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
        type = array.getElementType();
      else
        type = cast<VectorType>(type).getElementType();
    }
    isFirst = false;
    int64_t stride = d.layout.getTypeSize(type);
    if (number) {
      constant += number.getInt() * stride;
      continue;
    }
    auto value = cast<Value>(index);
    Scalar scalar = *d.scalarOf(value.getType());
    uint32_t next = d.fresh();
    d.emit(scalar.isWide() ? stepIndex<uint64_t> : stepIndex<uint32_t>, next,
           address, d.of(value)[0], scalar.bits, stride);
    address = next;
  }
  if (constant) {
    uint32_t next = d.fresh();
    d.emit(stepOffset, next, address, 0, 0, constant);
    address = next;
  }
  d.alias(op, {address});
  return success();
}

/// What lies in memory for a value: numbers of one type, one after the other.
/// Failure for structs, and for numbers that do not fill bytes.
static FailureOr<Scalar> memoryType(Decoder &d, Type type) {
  auto scalar = d.scalarOf(type);
  if (failed(scalar) || isa<LLVM::LLVMStructType, LLVM::LLVMArrayType>(type))
    return failure();
  bool isBool = scalar->bits == 1 && !isa<VectorType>(type);
  if (scalar->bits % 8 && !isBool)
    return failure();
  return *scalar;
}

static uint32_t alignmentOf(Decoder &d, std::optional<uint64_t> given,
                            Type type) {
  return given.value_or(d.layout.getTypeABIAlignment(type));
}

static constexpr StringLiteral badMemory =
    "expects scalars or vectors of whole bytes in memory";

static LogicalResult writeLoad(Decoder &d, LLVM::LoadOp op) {
  auto scalar = memoryType(d, op.getType());
  if (failed(scalar))
    return d.unknown(badMemory);
  Registers to = d.define(op);
  Step step = scalar->bytes() == 1   ? stepLoad<uint32_t, 1>
              : scalar->bytes() == 2 ? stepLoad<uint32_t, 2>
              : scalar->bytes() == 4 ? stepLoad<uint32_t, 4>
              : scalar->bytes() == 8 ? stepLoad<uint64_t, 8>
                                     : nullptr;
  if (!step)
    return d.unknown(badMemory);
  Instr &instr = d.emit(step, to.front(), d.of(op.getAddr())[0], 0,
                        alignmentOf(d, op.getAlignment(), op.getType()),
                        scalar->bits == 1 ? 1 : -1);
  instr.count = to.size();
  return success();
}

static LogicalResult writeStore(Decoder &d, LLVM::StoreOp op) {
  Type type = op.getValue().getType();
  auto scalar = memoryType(d, type);
  if (failed(scalar))
    return d.unknown(badMemory);
  Step step = scalar->bytes() == 1   ? stepStore<uint32_t, 1>
              : scalar->bytes() == 2 ? stepStore<uint32_t, 2>
              : scalar->bytes() == 4 ? stepStore<uint32_t, 4>
              : scalar->bytes() == 8 ? stepStore<uint64_t, 8>
                                     : nullptr;
  if (!step)
    return d.unknown(badMemory);
  Instr &instr = d.emit(step, 0, d.of(op.getAddr())[0], 0,
                        alignmentOf(d, op.getAlignment(), type));
  d.list(instr, d.of(op.getValue()));
  return success();
}

static LogicalResult writeAlloca(Decoder &d, LLVM::AllocaOp op) {
  auto count = d.constantOf(op.getArraySize());
  if (!count)
    return d.unknown("of a size that is not constant");
  uint64_t alignment = op.getAlignment().value_or(
      d.layout.getTypeABIAlignment(op.getElemType()));
  uint64_t offset =
      llvm::alignTo(d.code.localBytes, std::max<uint64_t>(alignment, 1));
  d.code.localBytes =
      offset + *count * d.layout.getTypeSize(op.getElemType()).getFixedValue();
  d.alias(op, {d.constant(inSpace(Space::local, offset), true)});
  return success();
}

static LogicalResult writeAtomic(Decoder &d, LLVM::AtomicRMWOp op) {
  auto scalar = d.scalarOf(op.getVal().getType());
  if (failed(scalar) || scalar->kind != Scalar::integer ||
      (scalar->bits != 32 && scalar->bits != 64))
    return d.unknown("expects i32 or i64");
  switch (op.getBinOp()) {
  case LLVM::AtomicBinOp::add:
  case LLVM::AtomicBinOp::_and:
  case LLVM::AtomicBinOp::_or:
  case LLVM::AtomicBinOp::_xor:
  case LLVM::AtomicBinOp::max:
  case LLVM::AtomicBinOp::min:
  case LLVM::AtomicBinOp::umax:
  case LLVM::AtomicBinOp::umin:
    break;
  default:
    return d.unknown("expects an operation whose order changes nothing");
  }
  uint32_t to = d.define(op)[0];
  d.emit(scalar->isWide() ? stepAtomic<uint64_t> : stepAtomic<uint32_t>, to,
         d.of(op.getPtr())[0], d.of(op.getVal())[0], 0, int64_t(op.getBinOp()));
  return success();
}

void addMemory(Writers &writers) {
  writers.add<LLVM::GEPOp>(writeGep);
  writers.add<LLVM::LoadOp>(writeLoad);
  writers.add<LLVM::StoreOp>(writeStore);
  writers.add<LLVM::AllocaOp>(writeAlloca);
  writers.add<LLVM::AtomicRMWOp>(writeAtomic);
  writers.add<LLVM::LifetimeStartOp>(writeNothing);
  writers.add<LLVM::LifetimeEndOp>(writeNothing);
  writers.add<NVVM::PrefetchOp>(writeNothing);
}

} // namespace qopt::simt
