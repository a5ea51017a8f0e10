// What passes ask about weights.

#include "qopt/passes/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt {

static GlobalOp getGlobal(GlobalLoadOp load, SymbolTable &symbols) {
  return symbols.lookup<GlobalOp>(load.getGlobal().getLeafReference());
}

bool isWeight(Value value, SymbolTable &symbols) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto load = dyn_cast<GlobalLoadOp>(op)) {
    GlobalOp global = getGlobal(load, symbols);
    return global && global.getValue().has_value();
  }
  return isPure(op) &&
         isa<arith::ArithDialect, nn::NnDialect, lowbit::LowbitDialect>(
             op->getDialect()) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return isWeight(operand, symbols);
         });
}

GlobalOp getParameter(Value value, SymbolTable &symbols) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto load = dyn_cast<GlobalLoadOp>(op))
      return getGlobal(load, symbols);
    if (op->getNumOperands() == 0)
      break;
    value = op->getOperand(0);
  }
  return nullptr;
}

bool isTied(Value value, SymbolTable &symbols) {
  GlobalOp global = getParameter(value, symbols);
  bool looked = false, multiplied = false;
  if (global)
    symbols.getOp()->walk([&](Operation *op) {
      if (auto embedding = dyn_cast<nn::EmbeddingOp>(op))
        looked |= getParameter(embedding.getTable(), symbols) == global;
      else if (auto linear = dyn_cast<nn::LinearOp>(op))
        multiplied |= getParameter(linear.getWeight(), symbols) == global;
    });
  return looked && multiplied;
}

bool isQuantized(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  return isa<lowbit::LowbitDialect>(op->getDialect()) &&
                 !isa<lowbit::HadamardOp>(op)
             ? true
             : op->getNumOperands() > 0 && isQuantized(op->getOperand(0));
}

Value changeWeight(OpBuilder &builder, Location loc, Value weight,
                   function_ref<Value(Value)> change) {
  auto type = cast<RankedTensorType>(weight.getType());
  if (type.getElementTypeBitWidth() >= 32)
    return change(weight);
  auto cast = weight.getDefiningOp<nn::CastOp>();
  RankedTensorType wide = type.clone(builder.getF32Type());
  Value value = cast && cast.getInput().getType() == wide
                    ? cast.getInput()
                    : nn::CastOp::create(builder, loc, wide, weight);
  value = change(value);
  return nn::CastOp::create(builder, loc,
                            llvm::cast<RankedTensorType>(value.getType())
                                .clone(type.getElementType()),
                            value);
}

std::optional<nn::Role> getRole(Value value, SymbolTable &symbols) {
  GlobalOp global = getParameter(value, symbols);
  auto role = global
                  ? global->getAttrOfType<nn::RoleAttr>(nn::NnDialect::roleAttr)
                  : nullptr;
  return role ? std::optional(role.getValue()) : std::nullopt;
}

SmallVector<StringRef> namesOfLayer(Operation *op, Value weight,
                                    SymbolTable &symbols) {
  SmallVector<StringRef> names;
  if (GlobalOp global = getParameter(weight, symbols))
    names.push_back(global.getSymName());
  op->getLoc()->walk([&](Location loc) {
    if (auto name = dyn_cast<NameLoc>(loc))
      names.push_back(name.getName());
    return WalkResult::advance();
  });
  return names;
}

std::string nameOfLayer(Operation *op, Value weight, SymbolTable &symbols) {
  SmallVector<StringRef> names = namesOfLayer(op, weight, symbols);
  return (names.empty() ? op->getName().getStringRef() : names.front()).str();
}

FailureOr<LayerPattern> LayerPattern::parse(StringRef text,
                                            std::string &message) {
  LayerPattern pattern;
  pattern.text = text.str();
  pattern.regex = std::make_shared<const llvm::Regex>(text);
  std::string reason;
  if (text.empty() || !pattern.regex->isValid(reason)) {
    message = ("expects a regular expression, got '" + text + "'").str();
    if (!reason.empty())
      message += ": " + reason;
    return failure();
  }
  return pattern;
}

bool LayerPattern::matches(ArrayRef<StringRef> names) {
  bool found =
      llvm::any_of(names, [&](StringRef name) { return regex->match(name); });
  used |= found;
  return found;
}

static std::string decodeOption(StringRef text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code;
    if (text[i] == '%' && i + 2 < text.size() &&
        !text.substr(i + 1, 2).getAsInteger(16, code)) {
      result += char(code);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

SmallVector<std::string> splitOption(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, ';', -1, /*KeepEmpty=*/false);
  return llvm::to_vector(llvm::map_range(parts, decodeOption));
}

std::string encodeOption(StringRef text) {
  std::string result;
  for (char c : text)
    if (llvm::isAlnum(c) || StringRef("_.-^$*+?|/\\:=").contains(c))
      result += c;
    else
      result += "%" + llvm::utohexstr(uint8_t(c), /*LowerCase=*/false, 2);
  return result;
}

} // namespace qopt
