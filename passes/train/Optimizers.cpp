// Which optimizer a parameter gets, and where its states lie.

#include "qopt/passes/train/Optimizers.h"

#include "mlir/IR/SymbolTable.h"
#include "qopt/passes/Weights.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;
using ml_program::GlobalStoreOp;

namespace qopt::train {

/// Smaller states are not worth 8 bits.
static constexpr int64_t leastCoded = 4096;

static RankedTensorType typeOf(GlobalOp parameter) {
  return cast<RankedTensorType>(parameter.getType());
}

static DenseElementsAttr zerosOf(RankedTensorType type) {
  Builder builder(type.getContext());
  return DenseElementsAttr::get(type,
                                builder.getZeroAttr(type.getElementType()));
}

//===----------------------------------------------------------------------===//
// Slot
//===----------------------------------------------------------------------===//

Slot Slot::declare(GlobalOp parameter, StringRef suffix,
                   RankedTensorType type) {
  Slot slot;
  slot.name = (parameter.getSymName() + suffix).str();
  slot.type = type;
  auto program = parameter->getParentOfType<ModuleOp>();
  if (!program.lookupSymbol(slot.name)) {
    OpBuilder builder(parameter->getContext());
    builder.setInsertionPointAfter(parameter);
    GlobalOp::create(builder, parameter.getLoc(), slot.name, type,
                     /*is_mutable=*/true, zerosOf(type),
                     builder.getStringAttr("private"));
  }
  return slot;
}

Value Slot::load(OpBuilder &builder, Location loc) const {
  return GlobalLoadOp::create(
      builder, loc, type, FlatSymbolRefAttr::get(builder.getContext(), name));
}

void Slot::store(OpBuilder &builder, Location loc, Value value) const {
  GlobalStoreOp::create(
      builder, loc, FlatSymbolRefAttr::get(builder.getContext(), name), value);
}

void Slot::clear(OpBuilder &builder, Location loc) const {
  store(builder, loc, arith::ConstantOp::create(builder, loc, zerosOf(type)));
}

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

/// Counts the transposes between a parameter and a layer; -1 if something else
/// lies between.
static int64_t transposesOf(Value weight) {
  int64_t count = 0;
  while (auto op = weight.getDefiningOp()) {
    if (isa<GlobalLoadOp>(op))
      return count;
    if (!isa<nn::TransposeOp, nn::CastOp, lowbit::FakeQuantizeOp>(op))
      return -1;
    count += isa<nn::TransposeOp>(op);
    weight = op->getOperand(0);
  }
  return -1;
}

FailureOr<Optimizers> Optimizers::parse(StringRef kind, StringRef states,
                                        func::FuncOp nll,
                                        ArrayRef<GlobalOp> parameters,
                                        std::string &message) {
  Optimizers optimizers(nll.getLoc());
  auto known = llvm::StringSwitch<std::optional<Kind>>(kind)
                   .Case("sgd", Kind::sgd)
                   .Case("adamw", Kind::adamw)
                   .Case("muon", Kind::muon)
                   .Default(std::nullopt);
  if (!known || (states != "f32" && states != "8bit")) {
    message = ("expects optim to be sgd, adamw or muon and states to be f32 or "
               "8bit, got '" +
               kind + "' and '" + states + "'")
                  .str();
    return failure();
  }
  optimizers.kind = *known;
  optimizers.codes = states == "8bit";
  for (GlobalOp parameter : parameters) {
    Type element = typeOf(parameter).getElementType();
    if (!element.isF32() && !element.isBF16()) {
      message = ("expects trained parameters of f32 or bf16, got '" +
                 parameter.getSymName() + "'")
                    .str();
      return failure();
    }
    optimizers.rounds |= element.isBF16();
    optimizers.hasKinds[int(optimizers.kindOf(parameter))] = true;
  }
  SymbolTable symbols(nll->getParentOfType<ModuleOp>());
  nll.walk([&](nn::LinearOp linear) {
    GlobalOp parameter = getParameter(linear.getWeight(), symbols);
    int64_t transposes = transposesOf(linear.getWeight());
    if (parameter && linear.getSplits() && transposes >= 0)
      optimizers.splits[parameter] = {linear.getSplitsAttr(), transposes % 2};
  });
  return optimizers;
}

/// By role, never by name or shape.
Optimizers::Kind Optimizers::kindOf(GlobalOp parameter) const {
  auto role = parameter->getAttrOfType<nn::RoleAttr>(nn::NnDialect::roleAttr);
  bool isMatrix = role && role.getValue() == nn::Role::matrix;
  return kind == Kind::muon && !isMatrix ? Kind::adamw : kind;
}

/// Embeddings and what is small keep their states in f32.
bool Optimizers::isCoded(GlobalOp parameter) const {
  auto role = parameter->getAttrOfType<nn::RoleAttr>(nn::NnDialect::roleAttr);
  return codes && typeOf(parameter).getNumElements() >= leastCoded &&
         role.getValue() != nn::Role::embedding;
}

void Optimizers::start(OpBuilder &builder, Location loc, Value scale,
                       function_ref<Value(StringRef, Type)> argument) {
  this->builder = &builder;
  this->loc = loc;
  this->scale = scale;
  Type f32 = builder.getF32Type(), i64 = builder.getI64Type();
  bool sgd = hasKinds[int(Kind::sgd)], adamw = hasKinds[int(Kind::adamw)];
  bool muon = hasKinds[int(Kind::muon)];
  lr = argument("lr", f32);
  if (adamw) {
    beta1 = argument("beta1", f32);
    beta2 = argument("beta2", f32);
    eps = argument("eps", f32);
  }
  if (sgd || muon)
    momentum = argument("momentum", f32);
  if (adamw || muon) {
    decay = argument("weight_decay", f32);
    noDecay = arith::ConstantOp::create(
        builder, loc, zerosOf(RankedTensorType::get({}, f32)));
  }
  if (adamw || rounds)
    step = argument("step", i64);
  if (rounds)
    seed = argument("seed", i64);
}

/// Norms, biases and adapters do not decay.
Value Optimizers::decayOf(GlobalOp parameter) {
  auto role = parameter->getAttrOfType<nn::RoleAttr>(nn::NnDialect::roleAttr);
  switch (role.getValue()) {
  case nn::Role::norm:
  case nn::Role::bias:
  case nn::Role::adapter:
    return noDecay;
  default:
    return decay;
  }
}

/// The codes of a state and their scales.
static std::pair<Slot, Slot> codeSlots(GlobalOp parameter, StringRef suffix) {
  Builder builder(parameter->getContext());
  RankedTensorType type = typeOf(parameter);
  int64_t blocks = llvm::divideCeil(type.getNumElements(), 256);
  return {Slot::declare(parameter, (suffix + ".codes").str(),
                        type.clone(builder.getI8Type())),
          Slot::declare(parameter, (suffix + ".scales").str(),
                        RankedTensorType::get({blocks}, builder.getF32Type()))};
}

Value Optimizers::loadState(GlobalOp parameter, StringRef suffix,
                            bool isUnsigned) {
  auto type = typeOf(parameter).clone(builder->getF32Type());
  if (!isCoded(parameter))
    return Slot::declare(parameter, suffix, type).load(*builder, loc);
  auto [codes, scales] = codeSlots(parameter, suffix);
  return DecodeStateOp::create(*builder, loc, type, codes.load(*builder, loc),
                               scales.load(*builder, loc), isUnsigned);
}

void Optimizers::storeState(GlobalOp parameter, StringRef suffix,
                            bool isUnsigned, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!isCoded(parameter))
    return Slot::declare(parameter, suffix, type).store(*builder, loc, value);
  auto [codes, scales] = codeSlots(parameter, suffix);
  auto encoded = EncodeStateOp::create(
      *builder, loc, type.clone(builder->getI8Type()),
      RankedTensorType::get(
          {int64_t(llvm::divideCeil(type.getNumElements(), 256))},
          builder->getF32Type()),
      value, isUnsigned);
  codes.store(*builder, loc, encoded.getCodes());
  scales.store(*builder, loc, encoded.getScales());
}

void Optimizers::update(GlobalOp parameter, Value load, Value gradient) {
  auto type = typeOf(parameter).clone(builder->getF32Type());
  Value p = load, updated;
  if (p.getType() != type)
    p = nn::CastOp::create(*builder, loc, type, p);
  switch (kindOf(parameter)) {
  case Kind::sgd: {
    auto op = SgdOp::create(*builder, loc, type, type, p, gradient,
                            loadState(parameter, ".sgd.v", false), lr, momentum,
                            scale);
    updated = op.getUpdated();
    storeState(parameter, ".sgd.v", false, op.getNewVelocity());
    break;
  }
  case Kind::adamw: {
    auto op = AdamwOp::create(*builder, loc, type, type, type, p, gradient,
                              loadState(parameter, ".adamw.m", false),
                              loadState(parameter, ".adamw.v", true), step, lr,
                              beta1, beta2, eps, decayOf(parameter), scale);
    updated = op.getUpdated();
    storeState(parameter, ".adamw.m", false, op.getNewMean());
    storeState(parameter, ".adamw.v", true, op.getNewSquare());
    break;
  }
  case Kind::muon: {
    Splits parts = splits.lookup(parameter);
    auto op = MuonOp::create(*builder, loc, type, type, p, gradient,
                             loadState(parameter, ".muon.momentum", false), lr,
                             momentum, decayOf(parameter), scale, parts.sizes,
                             parts.axis);
    updated = op.getUpdated();
    storeState(parameter, ".muon.momentum", false, op.getNewBuffer());
    break;
  }
  }
  if (updated.getType() != parameter.getType())
    updated = StochasticRoundOp::create(
        *builder, loc, typeOf(parameter), updated, seed, step,
        int64_t(llvm::xxHash64(parameter.getSymName())));
  GlobalStoreOp::create(*builder, loc,
                        FlatSymbolRefAttr::get(parameter.getSymNameAttr()),
                        updated);
}

} // namespace qopt::train
