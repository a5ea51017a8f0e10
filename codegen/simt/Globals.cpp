// Lays the constants of a program into memory: tables, texts, numbers.

#include <cstring>

#include "qopt/codegen/simt/Simulator.h"

using namespace mlir;

namespace qopt::simt {

namespace {

/// The bytes of a value.
using Bytes = std::vector<char>;

/// Evaluates the initializer of a global.
class Initializer {
public:
  Initializer(Simulator &simulator, LLVM::GlobalOp global)
      : simulator(simulator), global(global),
        layout(DataLayout::closest(global)) {}

  FailureOr<Bytes> run();

private:
  FailureOr<Bytes> ofAttribute(Attribute value, Type type);
  FailureOr<Bytes> ofOp(Operation &op);
  FailureOr<Bytes> insert(LLVM::InsertValueOp op);
  size_t bytesOf(Type type) { return layout.getTypeSize(type); }

  Simulator &simulator;
  LLVM::GlobalOp global;
  DataLayout layout;
  llvm::DenseMap<Value, Bytes> values;
};

} // namespace

static void put(Bytes &bytes, size_t offset, const APInt &number) {
  uint64_t word = number.getZExtValue();
  std::memcpy(&bytes[offset], &word, (number.getBitWidth() + 7) / 8);
}

FailureOr<Bytes> Initializer::ofAttribute(Attribute value, Type type) {
  Bytes bytes(bytesOf(type));
  if (auto text = dyn_cast<StringAttr>(value)) {
    std::memcpy(bytes.data(), text.getValue().data(),
                std::min(bytes.size(), text.size()));
  } else if (auto integer = dyn_cast<IntegerAttr>(value)) {
    put(bytes, 0, integer.getValue());
  } else if (auto number = dyn_cast<FloatAttr>(value)) {
    put(bytes, 0, number.getValue().bitcastToAPInt());
  } else if (auto elements = dyn_cast<DenseElementsAttr>(value)) {
    size_t size = (elements.getElementType().getIntOrFloatBitWidth() + 7) / 8;
    size_t at = 0;
    auto add = [&](const APInt &bits) {
      put(bytes, at, bits);
      at += size;
    };
    if (bytes.size() < size * elements.getNumElements())
      return failure();
    if (elements.getElementType().isIntOrIndex())
      for (const APInt &element : elements.getValues<APInt>())
        add(element);
    else
      for (const APFloat &element : elements.getValues<APFloat>())
        add(element.bitcastToAPInt());
  } else if (!isa<LLVM::ZeroAttr, LLVM::UndefAttr>(value)) {
    return failure();
  }
  return bytes;
}

FailureOr<Bytes> Initializer::insert(LLVM::InsertValueOp op) {
  Type type = op.getContainer().getType();
  size_t offset = 0;
  for (int64_t index : op.getPosition()) {
    if (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
      type = array.getElementType();
      offset += index * bytesOf(type);
      continue;
    }
    auto structure = cast<LLVM::LLVMStructType>(type);
    for (auto [i, field] : llvm::enumerate(structure.getBody())) {
      if (!structure.isPacked())
        offset = llvm::alignTo(offset, layout.getTypeABIAlignment(field));
      if (int64_t(i) == index)
        break;
      offset += bytesOf(field);
    }
    type = structure.getBody()[index];
  }
  // A container has one user: the next insertion.
  Bytes whole = op.getContainer().hasOneUse()
                    ? std::move(values[op.getContainer()])
                    : values[op.getContainer()];
  llvm::copy(values[op.getValue()], whole.begin() + offset);
  return whole;
}

FailureOr<Bytes> Initializer::ofOp(Operation &op) {
  if (auto constant = dyn_cast<LLVM::ConstantOp>(op))
    return ofAttribute(constant.getValue(), constant.getType());
  if (isa<LLVM::ZeroOp, LLVM::UndefOp, LLVM::PoisonOp>(op))
    return Bytes(bytesOf(op.getResult(0).getType()));
  if (auto insertion = dyn_cast<LLVM::InsertValueOp>(op))
    return insert(insertion);
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
    auto place = simulator.addressOf(
        &op, FlatSymbolRefAttr::get(op.getContext(), address.getGlobalName()));
    if (failed(place))
      return failure();
    Bytes bytes(sizeof(uint64_t));
    std::memcpy(bytes.data(), &*place, bytes.size());
    return bytes;
  }
  op.emitError("the simulator does not know '")
      << op.getName() << "' in the value of a global";
  return failure();
}

FailureOr<Bytes> Initializer::run() {
  if (Attribute value = global.getValueOrNull()) {
    auto bytes = ofAttribute(value, global.getType());
    if (failed(bytes))
      global.emitError("the simulator does not know the value of '")
          << global.getSymName() << "'";
    return bytes;
  }
  if (global.getInitializerRegion().empty())
    return Bytes(bytesOf(global.getType()));
  for (Operation &op : global.getInitializerRegion().front()) {
    if (auto end = dyn_cast<LLVM::ReturnOp>(op))
      return values[end.getArg()];
    auto bytes = ofOp(op);
    if (failed(bytes))
      return failure();
    values[op.getResult(0)] = std::move(*bytes);
  }
  return failure();
}

FailureOr<uint64_t> Simulator::layGlobal(LLVM::GlobalOp global) {
  auto bytes = Initializer(*this, global).run();
  if (failed(bytes))
    return failure();
  Allocation &place = memories.allocate(
      global.getSymName(), bytes->size(),
      global.getConstant() ? Contents::constant : Contents::written);
  std::memcpy(place.data, bytes->data(), bytes->size());
  return place.address;
}

FailureOr<uint64_t> Simulator::addressOf(Operation *user, SymbolRefAttr name) {
  Operation *symbol = lookup(user, name);
  if (!symbol) {
    user->emitError("expects a global or function named ") << name;
    return failure();
  }
  auto known = addresses.find(symbol);
  if (known != addresses.end())
    return known->second;
  uint64_t address = inSpace(Space::function, functions.size());
  if (auto function = dyn_cast<LLVM::LLVMFuncOp>(symbol)) {
    functions.push_back(function);
  } else if (auto global = dyn_cast<LLVM::GlobalOp>(symbol)) {
    auto laid = layGlobal(global);
    if (failed(laid))
      return failure();
    address = *laid;
  } else {
    user->emitError("the simulator does not know the address of ") << name;
    return failure();
  }
  addresses[symbol] = address;
  return address;
}

} // namespace qopt::simt
