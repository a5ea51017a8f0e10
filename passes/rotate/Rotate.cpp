// Rotates sites, each on a copy of its function until nothing is stuck.

#include "qopt/passes/rotate/Rotate.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qopt/dialects/lowbit/Hadamard.h"
#include "qopt/passes/Weights.h"

using namespace mlir;
using namespace qopt::nn;
using qopt::lowbit::HadamardOp;

namespace qopt {

/// Blocks that are smaller spread an outlier over too few channels.
static constexpr int64_t leastBlock = 4;

Rotation chooseRotation(int64_t size, int64_t seed) {
  Rotation rotation;
  if (seed >= 0)
    rotation.seed = seed;
  if (size > 0)
    rotation.orders = lowbit::factorHadamard(size);
  int64_t block = size & -size;
  if (rotation.orders.empty() && block >= leastBlock)
    rotation.orders = {block};
  return rotation;
}

int64_t sizeOf(const Rotation &rotation) {
  int64_t size = 1;
  for (int64_t order : rotation.orders)
    size *= order;
  return size;
}

void insertRotation(OpBuilder &builder, Value value, int64_t axis,
                    const Rotation &rotation) {
  builder.setInsertionPointAfterValue(value);
  IntegerAttr seed;
  if (rotation.seed)
    seed = builder.getI64IntegerAttr(*rotation.seed);
  auto up = HadamardOp::create(builder, value.getLoc(), value.getType(), value,
                               axis, rotation.orders, seed, false);
  auto down = HadamardOp::create(builder, value.getLoc(), value.getType(), up,
                                 axis, rotation.orders, seed, true);
  value.replaceAllUsesExcept(down, up);
}

bool isRotated(Value weight, int64_t axis, int64_t size) {
  Operation *op = weight.getDefiningOp();
  if (!op)
    return false;
  if (auto half = dyn_cast<HadamardOp>(op)) {
    int64_t product = 1;
    for (int64_t order : half.getOrders())
      product *= order;
    if (int64_t(half.getAxis()) == axis && product == size)
      return true;
  }
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return isRotated(operand, axis, size);
  });
}

//===----------------------------------------------------------------------===//
// What is stuck, and why
//===----------------------------------------------------------------------===//

namespace {

/// The halves that are left in a function.
struct Halves {
  SmallVector<HadamardOp> ups, downs;
};

} // namespace

static Halves halvesOf(func::FuncOp function, SymbolTable &symbols,
                       bool edgesMayStay) {
  Halves halves;
  function.walk([&](HadamardOp half) {
    if (isWeight(half, symbols))
      return;
    bool returned = llvm::all_of(half->getUsers(), [](Operation *user) {
      return isa<func::ReturnOp>(user);
    });
    bool given = isa<BlockArgument>(half.getInput());
    if (edgesMayStay && (half.getTransposed() ? returned : given))
      return; // the model's own inputs and outputs keep their basis
    (half.getTransposed() ? halves.downs : halves.ups).push_back(half);
  });
  return halves;
}

/// Why a weight cannot take in a half.
static StringRef whyNot(Value weight, SymbolTable &symbols) {
  if (!isWeight(weight, symbols))
    return "a weight or bias is not a parameter";
  if (isTied(weight, symbols))
    return "its table is shared with the embedding: untie it first";
  if (isQuantized(weight))
    return "its weight is rounded to codes: rotate before";
  return "";
}

/// Why `op` stops a half, one that comes down or one that comes up.
static StringRef reasonOf(Operation *op, SymbolTable &symbols) {
  if (!op)
    return "an input of the function cannot be rotated";
  if (auto norm = dyn_cast<RmsNormOp>(op); norm && norm.getGain())
    return "a gain does not commute with a rotation: fold it first";
  if (isa<RopeOp>(op))
    return "a rotation does not commute with rope: it must come behind";
  if (isa<func::ReturnOp>(op))
    return "the value is returned as it is";
  if (isa<lowbit::LinearOp, lowbit::EmbeddingOp>(op))
    return "its weight is rounded to codes: rotate before";
  StringRef reason;
  if (auto linear = dyn_cast<LinearOp>(op)) {
    reason = whyNot(linear.getWeight(), symbols);
    if (reason.empty() && linear.getBias())
      reason = whyNot(linear.getBias(), symbols);
    if (reason.empty() && linear.getSplits())
      reason = "a fused matrix is not rotated in parts";
  } else if (auto embedding = dyn_cast<EmbeddingOp>(op)) {
    reason = whyNot(embedding.getTable(), symbols);
  }
  return reason.empty() ? "this op does not commute with a rotation" : reason;
}

/// The op that stopped a half, and why; success if nothing did.
static LogicalResult findStuck(func::FuncOp before, func::FuncOp after,
                               unsigned online, const RotationPlan &plan,
                               SymbolTable &symbols, Location &loc,
                               StringRef &reason) {
  Halves old = halvesOf(before, symbols, plan.edgesMayStay);
  Halves left = halvesOf(after, symbols, plan.edgesMayStay);
  if (left.downs.size() > old.downs.size()) {
    HadamardOp half = left.downs.back();
    // A half that the next one stops is not the one to blame.
    for (HadamardOp down : left.downs)
      if (llvm::none_of(down->getUsers(), llvm::IsaPred<HadamardOp>))
        half = down;
    for (Operation *user : half->getUsers()) {
      loc = user->getLoc();
      reason = reasonOf(user, symbols);
    }
    return failure();
  }
  if (left.ups.size() <= old.ups.size() + online)
    return success();
  Operation *producer = left.ups.back().getInput().getDefiningOp();
  loc = producer ? producer->getLoc() : left.ups.back().getLoc();
  reason = producer && !producer->hasOneUse()
               ? "another reader needs the value as it is"
               : reasonOf(producer, symbols);
  return failure();
}

//===----------------------------------------------------------------------===//
// Trying
//===----------------------------------------------------------------------===//

namespace {

/// The work on one function.
class Rotator {
public:
  Rotator(func::FuncOp function, const RotationPlan &plan, SymbolTable &symbols)
      : function(function), plan(plan), symbols(symbols) {}

  /// Fails if a site cannot be rotated that must.
  LogicalResult run();
  unsigned sites = 0; ///< that were found

private:
  LogicalResult attempt(ArrayRef<unsigned> chosen, Location &loc,
                        StringRef &reason);
  LogicalResult refuse(Location loc, StringRef reason, Location site);

  func::FuncOp function;
  const RotationPlan &plan;
  SymbolTable &symbols;
};

} // namespace

static remark::RemarkOpts remarkNamed(StringRef name,
                                      const RotationPlan &plan) {
  return remark::RemarkOpts::name(name).category(plan.pass);
}

LogicalResult Rotator::refuse(Location loc, StringRef reason, Location site) {
  if (plan.required) {
    InFlightDiagnostic diagnostic = emitError(loc) << reason;
    diagnostic.attachNote(site) << "asked for by " << plan.pass << " here";
    return diagnostic;
  }
  remark::missed(loc, remarkNamed("kept", plan)) << reason;
  return success();
}

/// Rotates these sites together, or leaves the function as it is.
LogicalResult Rotator::attempt(ArrayRef<unsigned> chosen, Location &loc,
                               StringRef &reason) {
  auto copy = cast<func::FuncOp>(function->clone());
  SmallVector<RotationSite> sites = plan.find(copy);
  for (unsigned i : chosen)
    plan.insert(sites[i], chooseRotation(sites[i].size, plan.seed));
  RewritePatternSet patterns(function.getContext());
  populateMoveDownPatterns(patterns, symbols);
  if (plan.online == 0)
    populateMoveUpPatterns(patterns, symbols);
  loc = function.getLoc();
  reason = "the halves of its rotation do not come to rest";
  LogicalResult result = applyPatternsGreedily(
      copy, std::move(patterns), GreedyRewriteConfig().enableFolding(false));
  if (succeeded(result))
    result = findStuck(function, copy, plan.online * chosen.size(), plan,
                       symbols, loc, reason);
  if (succeeded(result))
    function.getBody().takeBody(copy.getBody());
  copy.erase();
  return result;
}

LogicalResult Rotator::run() {
  SmallVector<RotationSite> found = plan.find(function);
  sites = found.size();
  SmallVector<unsigned> chosen;
  SmallVector<Location> places;
  for (auto [i, site] : llvm::enumerate(found)) {
    places.push_back(site.op->getLoc());
    Rotation rotation = chooseRotation(site.size, plan.seed);
    StringRef reason = plan.refuse(site, symbols);
    std::string text;
    if (reason.empty() && rotation.orders.empty()) {
      text =
          "there is no Hadamard matrix of order " + std::to_string(site.size);
      reason = text;
    }
    if (reason.empty()) {
      chosen.push_back(i);
      if (sizeOf(rotation) != site.size)
        remark::analysis(site.op->getLoc(), remarkNamed("blocks", plan))
            << "rotates blocks of " + std::to_string(sizeOf(rotation)) +
                   " of " + std::to_string(site.size);
    } else if (reason != "already rotated" || !plan.required) {
      if (failed(refuse(site.op->getLoc(), reason, site.op->getLoc())))
        return failure();
    }
  }
  Location loc = function.getLoc();
  StringRef reason;
  if (chosen.empty() || succeeded(attempt(chosen, loc, reason)))
    return success();
  // One that cannot be rotated does not keep the others from it.
  for (unsigned i : chosen)
    if (failed(attempt(i, loc, reason)) &&
        failed(refuse(loc, reason, places[i])))
      return failure();
  return success();
}

LogicalResult rotateSites(ModuleOp module, const RotationPlan &plan) {
  SymbolTable symbols(module);
  unsigned sites = 0;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    Rotator rotator(function, plan, symbols);
    if (failed(rotator.run()))
      return failure();
    sites += rotator.sites;
  }
  if (sites)
    return success();
  if (plan.required)
    return module.emitError("has nothing that ") << plan.pass << " rotates";
  remark::missed(module.getLoc(), remarkNamed("kept", plan))
      << "has nothing to rotate";
  return success();
}

} // namespace qopt
