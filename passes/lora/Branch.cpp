// Puts low-rank branches behind linear layers.

#include "qopt/passes/lora/Branch.h"

#include <cmath>
#include <cstring>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/lowbit/Philox.h"
#include "qopt/passes/lora/Adapters.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace qopt::lora {

FailureOr<BranchOptions> readBranchOptions(int64_t rank, double alpha,
                                           StringRef targets, StringRef init,
                                           int64_t seed, StringRef factors,
                                           Location loc) {
  MLIRContext *context = loc.getContext();
  auto type = llvm::StringSwitch<FloatType>(factors)
                  .Case("f32", Float32Type::get(context))
                  .Case("f16", Float16Type::get(context))
                  .Case("bf16", BFloat16Type::get(context))
                  .Default({});
  BranchOptions options{rank,       alpha,          targets.str(),
                        Init::zero, uint64_t(seed), type};
  std::string message;
  if (rank < 0 || !std::isfinite(alpha))
    return emitError(loc, "expects a rank of at least 0 and a finite alpha, "
                          "got ")
           << rank << " and " << std::to_string(alpha);
  if (init == "svd")
    options.init = Init::svd;
  else if (init == "qera")
    options.init = Init::qera;
  else if (init != "zero")
    return emitError(loc, "expects zero, svd or qera to begin with, got '")
           << init << "'";
  if (!type)
    return emitError(loc, "expects factors in f32, f16 or bf16, got '")
           << factors << "'";
  if (failed(LayerPattern::parse(targets, message)))
    return emitError(loc, message);
  return options;
}

LogicalResult roundFactors(const BranchOptions &options, StringRef layer,
                           FactorPair &pair, Location loc) {
  const llvm::fltSemantics &semantics = options.type.getFloatSemantics();
  for (std::vector<float> *factor : {&pair.a, &pair.b})
    for (float &x : *factor) {
      APFloat rounded(x);
      bool lossy;
      rounded.convert(semantics, APFloat::rmNearestTiesToEven, &lossy);
      if (!rounded.isFinite())
        return emitError(loc, "a factor of layer '")
               << layer << "' is " << std::to_string(x) << ", too large for "
               << options.type << ": store factors in f32";
      rounded.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                      &lossy);
      x = rounded.convertToFloat();
    }
  return success();
}

std::vector<char> bytesOf(ArrayRef<float> numbers, Type type) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(type).getFloatSemantics();
  size_t size = type.getIntOrFloatBitWidth() / 8;
  std::vector<char> bytes(numbers.size() * size);
  for (auto [i, x] : llvm::enumerate(numbers)) {
    APFloat number(x);
    bool lossy;
    number.convert(semantics, APFloat::rmNearestTiesToEven, &lossy);
    uint64_t word = number.bitcastToAPInt().getZExtValue();
    std::memcpy(&bytes[i * size], &word, size); // little-endian
  }
  return bytes;
}

std::string moduleOf(StringRef layer) {
  layer.consume_back(".weight");
  return layer.str();
}

FactorPair zeroFactors(const BranchOptions &options, StringRef module,
                       int64_t rows, int64_t columns) {
  FactorPair pair;
  pair.a.resize(options.rank * columns);
  pair.b.resize(rows * options.rank);
  uint64_t key = options.seed ^ llvm::xxh3_64bits(module);
  double bound = 1 / std::sqrt(double(columns));
  uint32_t block[4];
  for (size_t i = 0; i < pair.a.size(); ++i) {
    if (i % 4 == 0)
      lowbit::philox(key, i / 4, block);
    pair.a[i] = float((block[i % 4] * 0x1p-31 - 1) * bound);
  }
  return pair;
}

bool isInFileBasis(Value weight) {
  while (Operation *op = weight.getDefiningOp()) {
    if (isa<ml_program::GlobalLoadOp>(op))
      return true;
    if (!isa<nn::TransposeOp, nn::ReshapeOp, nn::CastOp>(op))
      return false;
    weight = op->getOperand(0);
  }
  return false;
}

void attachBranch(OpBuilder &builder, Operation *linear, Value input,
                  StringRef module, const BranchOptions &options, TypedAttr a,
                  TypedAttr b, SymbolTable &symbols) {
  Location loc = linear->getLoc();
  builder.setInsertionPointAfter(linear);
  // What adapters from outside have brought is theirs to change alone.
  Operation *program = symbols.getOp();
  auto own = builder.getStrArrayAttr({branchesName});
  bool isSlot = options.slots && (!program->hasAttr(adaptersAttr) ||
                                  program->getAttr(adaptersAttr) == own);
  if (isSlot)
    program->setAttr(adaptersAttr, own);
  auto load = [&](TypedAttr value, StringRef factor) -> Value {
    auto global = ml_program::GlobalOp::create(
        builder, loc, (module + "." + factor + ".weight").str(),
        value.getType(), /*is_mutable=*/false, value,
        builder.getStringAttr("private"));
    global->setAttr(nn::NnDialect::roleAttr,
                    nn::RoleAttr::get(loc.getContext(), nn::Role::adapter));
    if (isSlot) {
      global->setAttr(moduleAttr, builder.getStringAttr(module));
      global->setAttr(scaleAttr,
                      builder.getF64FloatAttr(options.alpha / options.rank));
    }
    global->moveBefore(&symbols.getOp()->getRegion(0).front().front());
    symbols.insert(global);
    return ml_program::GlobalLoadOp::create(builder, loc, value.getType(),
                                            FlatSymbolRefAttr::get(global));
  };
  Value result = linear->getResult(0);
  Value aValue = load(a, "lora_A"), bValue = load(b, "lora_B");
  auto branch = lowbit::LoraLinearOp::create(
      builder, loc, result.getType(), input, aValue, bValue,
      APFloat(options.alpha / options.rank), result);
  result.replaceAllUsesExcept(branch, branch);
}

nn::LinearOp attachPlainBranch(OpBuilder &builder, nn::LinearOp linear, Value a,
                               Value b, const BranchOptions &options,
                               Type element) {
  Location loc = linear.getLoc();
  auto cast = [&](Value factor, Type to) -> Value {
    auto type = llvm::cast<RankedTensorType>(factor.getType());
    if (type.getElementType() == to)
      return factor;
    return nn::CastOp::create(builder, loc, type.clone(to), factor);
  };
  // In f32, whatever the factors are stored in.
  Type f32 = builder.getF32Type();
  auto scaled = [&](Value factor, double scale) -> Value {
    factor = cast(factor, f32);
    Value by = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(RankedTensorType::get({}, f32),
                               builder.getFloatAttr(f32, scale)));
    factor = nn::MulOp::create(builder, loc, factor.getType(), factor, by);
    return cast(factor, element);
  };
  auto type = linear.getResult().getType();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = options.rank;
  Value result = linear.getResult();
  auto down =
      nn::LinearOp::create(builder, loc, type.clone(shape), linear.getInput(),
                           scaled(a, 1), Value(), nullptr);
  Value up = nn::LinearOp::create(builder, loc, type, down,
                                  scaled(b, options.alpha / options.rank),
                                  Value(), nullptr);
  auto sum = nn::AddOp::create(builder, loc, type, result, up);
  result.replaceAllUsesExcept(sum, sum);
  return down;
}

calibrate::Matrix without(MLIRContext *context, const BranchOptions &options,
                          calibrate::Matrix weight, const FactorPair &pair) {
  using calibrate::Matrix;
  Matrix a(options.rank, weight.columns), b(weight.rows, options.rank);
  a.data.assign(pair.a.begin(), pair.a.end());
  b.data.assign(pair.b.begin(), pair.b.end());
  calibrate::multiplyAdd(context, -options.alpha / options.rank,
                         std::as_const(b).view(), std::as_const(a).view(),
                         weight.view());
  return weight;
}

double errorWith(MLIRContext *context, const BranchOptions &options,
                 calibrate::Matrix difference, const FactorPair &pair,
                 const calibrate::Matrix &sigma) {
  return calibrate::energy(
      context, without(context, options, std::move(difference), pair), sigma);
}

} // namespace qopt::lora
