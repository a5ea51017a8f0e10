// Puts low-rank branches behind linear layers.

#include "qopt/passes/lora/Branch.h"

#include <cmath>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/lowbit/Philox.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace qopt::lora {

FailureOr<BranchOptions> readBranchOptions(int64_t rank, double alpha,
                                           StringRef targets, StringRef init,
                                           int64_t seed, Location loc) {
  BranchOptions options{rank, alpha, targets.str(), Init::zero, uint64_t(seed)};
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
  if (failed(LayerPattern::parse(targets, message)))
    return emitError(loc, message);
  return options;
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

void attachBranch(OpBuilder &builder, Operation *linear, Value input,
                  StringRef module, const BranchOptions &options, TypedAttr a,
                  TypedAttr b, SymbolTable &symbols) {
  Location loc = linear->getLoc();
  builder.setInsertionPointAfter(linear);
  auto load = [&](TypedAttr value, StringRef factor) -> Value {
    auto global = ml_program::GlobalOp::create(
        builder, loc, (module + "." + factor + ".weight").str(),
        value.getType(), /*is_mutable=*/false, value,
        builder.getStringAttr("private"));
    global->setAttr(nn::NnDialect::roleAttr,
                    nn::RoleAttr::get(loc.getContext(), nn::Role::adapter));
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
  auto scaled = [&](Value factor, double scale) -> Value {
    auto type = cast<RankedTensorType>(factor.getType());
    Value by = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(
            RankedTensorType::get({}, type.getElementType()),
            builder.getFloatAttr(type.getElementType(), scale)));
    factor = nn::MulOp::create(builder, loc, type, factor, by);
    if (type.getElementType() == element)
      return factor;
    return nn::CastOp::create(builder, loc, type.clone(element), factor);
  };
  auto type = cast<RankedTensorType>(linear.getResult().getType());
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

double errorWith(MLIRContext *context, const BranchOptions &options,
                 calibrate::Matrix difference, const FactorPair &pair,
                 const calibrate::Matrix &sigma) {
  using calibrate::Matrix;
  Matrix a(options.rank, difference.columns), b(difference.rows, options.rank);
  a.data.assign(pair.a.begin(), pair.a.end());
  b.data.assign(pair.b.begin(), pair.b.end());
  calibrate::multiplyAdd(context, -options.alpha / options.rank,
                         std::as_const(b).view(), std::as_const(a).view(),
                         difference.view());
  return calibrate::energy(context, difference, sigma);
}

} // namespace qopt::lora
