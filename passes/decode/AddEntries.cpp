// Builds the entries of the executable from `run`.
//
// An entry is a copy of `run` whose inputs are specialised: nothing is padded,
// positions count on from the past, and the past lies in caches instead of
// arguments. Its sizes are those of `run` in terms of batch, seq and past.

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/passes/Passes.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ADDENTRIES
#include "qopt/passes/Passes.h.inc"

/// Where a past grows.
struct Growth {
  ConcatOp concat;
  /// Turns the model's past into the basis of what is computed, if that is
  /// another one; caches hold what is computed.
  lowbit::HadamardOp turned;
  /// What is new, if it is rounded to codes: caches hold codes and scales.
  lowbit::DequantizeOp codes;
};

/// What `run` takes and gives.
struct Signature {
  BlockArgument ids, mask, positions;
  Value logits;
  llvm::MapVector<Value, Growth> caches; ///< of each past
};

/// One entry: what of the signature it has.
struct EntryKind {
  StringLiteral name;
  bool cached; ///< reads and writes caches; else it starts from nothing
  bool oneToken;
  bool lastRow; ///< logits of the last token only
  bool loss;    ///< negative log-likelihoods instead of logits
};

static StringRef nameOf(func::FuncOp run, unsigned argument) {
  auto name = run.getArgAttrOfType<StringAttr>(argument, NnDialect::nameAttr);
  return name ? name.getValue() : "";
}

/// Codes that have one scale for each position and head.
static lowbit::DequantizeOp codesOf(Value value) {
  auto codes = value.getDefiningOp<lowbit::DequantizeOp>();
  return codes && !codes.getZeros() &&
                 codes.getScheme().getPer() == lowbit::Granularity::group &&
                 codes.getScheme().getGroup() ==
                     codes.getType().getShape().back()
             ? codes
             : nullptr;
}

/// The growth whose result is `result`, and of which past; null if it is none.
static std::pair<BlockArgument, Growth> readGrowth(Value result) {
  auto back = result.getDefiningOp<lowbit::HadamardOp>();
  if (back && back.getTransposed())
    result = back.getInput();
  auto concat = result.getDefiningOp<ConcatOp>();
  if (!concat || concat.getAxis() != 2 || concat.getInputs().size() != 2)
    return {};
  Value past = concat.getInputs()[0];
  auto turned = past.getDefiningOp<lowbit::HadamardOp>();
  if (turned && !turned.getTransposed())
    past = turned.getInput();
  // Turned there and back, or not at all.
  if (bool(turned) != bool(back) ||
      (turned && (turned.getOrders() != back.getOrders() ||
                  turned.getAxis() != back.getAxis() ||
                  turned.getSeedAttr() != back.getSeedAttr())))
    return {};
  return {dyn_cast<BlockArgument>(past),
          Growth{concat, turned, codesOf(concat.getInputs()[1])}};
}

/// The parts of `run`, or a reason why it is not a language model.
static FailureOr<Signature> readSignature(func::FuncOp run, StringRef &reason) {
  Signature signature;
  auto returned = cast<func::ReturnOp>(run.front().getTerminator());
  for (Value result : returned.getOperands())
    if (auto [past, growth] = readGrowth(result); past)
      signature.caches[past] = growth;
  for (BlockArgument argument : run.getArguments()) {
    StringRef name = nameOf(run, argument.getArgNumber());
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    bool isTable = type && type.getRank() == 2 &&
                   type.getElementType().isSignlessInteger();
    if (isTable && name == "input_ids")
      signature.ids = argument;
    else if (isTable && name == "attention_mask")
      signature.mask = argument;
    else if (isTable && name == "position_ids")
      signature.positions = argument;
    else if (!signature.caches.contains(argument)) {
      reason = "an input is neither tokens, mask, positions nor a cache";
      return failure();
    }
  }
  for (auto [i, result] : llvm::enumerate(returned.getOperands())) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    auto name = run.getResultAttrOfType<StringAttr>(i, NnDialect::nameAttr);
    if (type && type.getRank() == 3 && isa<FloatType>(type.getElementType()) &&
        (returned.getNumOperands() == 1 || (name && name == "logits")))
      signature.logits = result;
  }
  if (!signature.ids || !signature.logits) {
    reason = "no input_ids [B, T] or no logits [B, T, V]";
    return failure();
  }
  if (!cast<RankedTensorType>(signature.ids.getType()).isDynamicDim(1)) {
    reason = "the number of tokens is fixed";
    return failure();
  }
  for (auto [past, growth] : signature.caches)
    for (Operation *user : past.getUsers())
      if (!cast<RankedTensorType>(past.getType()).isDynamicDim(2)) {
        reason = "the length of a past is fixed";
        return failure();
      } else if (user != growth.concat && user != growth.turned &&
                 !isa<tensor::DimOp>(user)) {
        reason = "a past is read otherwise than to append to it";
        return failure();
      }
  return signature;
}

/// Copies `run` into one entry.
class EntryBuilder {
public:
  EntryBuilder(func::FuncOp run, const Signature &signature, EntryKind kind)
      : run(run), signature(signature), kind(kind), dims(run),
        builder(run.getContext()) {}

  LogicalResult build();

private:
  void createFunction();
  bool replaceSymbols();
  void mapInputs();
  void copy(Operation &op);
  Value grow(Value argument, Growth growth);
  RankedTensorType specialised(Value value);
  AffineExpr specialised(AffineExpr expr);
  Value sizeOf(BlockArgument argument, int64_t axis);
  Value lastRowOf(Value logits);
  void finish();

  func::FuncOp run, entry;
  const Signature &signature;
  EntryKind kind;
  Dims dims;
  OpBuilder builder;
  IRMapping mapping;
  SmallVector<AffineExpr> symbols; ///< of run, in those of the entry
  unsigned numSymbols = 0;
  Value batch, seq, past, total;
};

/// Tells each symbol of `run` by the sizes of the inputs; false if one stays.
bool EntryBuilder::replaceSymbols() {
  MLIRContext *context = run.getContext();
  AffineExpr one = getAffineConstantExpr(1, context);
  AffineExpr seqExpr = kind.oneToken ? one : getAffineSymbolExpr(1, context);
  AffineExpr batchExpr = getAffineSymbolExpr(0, context);
  numSymbols = kind.oneToken ? 1 : 2;
  AffineExpr pastExpr = getAffineConstantExpr(0, context);
  if (kind.cached)
    pastExpr = getAffineSymbolExpr(numSymbols++, context);
  symbols.assign(dims.symbols().size(), AffineExpr());
  auto bind = [&](AffineExpr size, AffineExpr value) {
    if (auto symbol = dyn_cast_or_null<AffineSymbolExpr>(size))
      if (!symbols[symbol.getPosition()])
        symbols[symbol.getPosition()] = value;
  };
  bind(dims.of(signature.ids)[0], batchExpr);
  bind(dims.of(signature.ids)[1], seqExpr);
  for (auto [cache, growth] : signature.caches)
    bind(dims.of(cache)[2], pastExpr);
  if (signature.mask)
    bind(dims.of(signature.mask)[1], pastExpr + seqExpr);
  return llvm::all_of(symbols, [](AffineExpr e) { return bool(e); });
}

AffineExpr EntryBuilder::specialised(AffineExpr expr) {
  return simplifyAffineExpr(expr.replaceSymbols(symbols), 0, numSymbols);
}

/// The type of the copy of `value`: what is constant now is static.
RankedTensorType EntryBuilder::specialised(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (auto [size, expr] : llvm::zip(shape, dims.of(value)))
    if (expr && ShapedType::isDynamic(size))
      if (auto constant = dyn_cast<AffineConstantExpr>(specialised(expr)))
        size = constant.getValue();
  return type.clone(shape);
}

void EntryBuilder::createFunction() {
  MLIRContext *context = run.getContext();
  Type ids = specialised(signature.ids);
  SmallVector<Type> inputs{ids};
  SmallVector<StringRef> names{"input_ids"};
  if (kind.loss) {
    inputs.push_back(ids);
    names.push_back("targets");
  }
  if (kind.cached) {
    inputs.push_back(builder.getIndexType());
    names.push_back("past");
  }
  SmallVector<Attribute> symbolNames;
  auto addName = [&](StringRef name) {
    symbolNames.push_back(builder.getStringAttr(name));
  };
  addName("batch");
  if (!kind.oneToken)
    addName("seq");
  if (kind.cached) {
    addName("past");
    addName("capacity");
    ++numSymbols;
  }
  builder.setInsertionPointToEnd(run->getBlock());
  entry = func::FuncOp::create(builder, run.getLoc(), kind.name,
                               builder.getFunctionType(inputs, {}));
  entry->setAttr(NnDialect::symbolsAttr, builder.getArrayAttr(symbolNames));
  builder.setInsertionPointToStart(entry.addEntryBlock());
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMapAttr::get(AffineMap::get(0, numSymbols, exprs, context));
  };
  for (auto [i, name] : llvm::enumerate(names)) {
    entry.setArgAttr(i, NnDialect::nameAttr, builder.getStringAttr(name));
    if (name == "past")
      entry.setArgAttr(
          i, NnDialect::dimsAttr,
          map(getAffineSymbolExpr(kind.oneToken ? 1 : 2, context)));
    else
      entry.setArgAttr(i, NnDialect::dimsAttr,
                       map({specialised(dims.of(signature.ids)[0]),
                            specialised(dims.of(signature.ids)[1])}));
  }
}

/// No padding, and positions that count on.
void EntryBuilder::mapInputs() {
  Location loc = run.getLoc();
  Value ids = entry.getArgument(0);
  mapping.map(signature.ids, ids);
  batch = tensor::DimOp::create(builder, loc, ids, 0);
  seq = kind.oneToken ? Value(arith::ConstantIndexOp::create(builder, loc, 1))
                      : Value(tensor::DimOp::create(builder, loc, ids, 1));
  past = kind.cached ? Value(entry.getArguments().back())
                     : Value(arith::ConstantIndexOp::create(builder, loc, 0));
  total = arith::AddIOp::create(builder, loc, past, seq);
  auto repeated = [&](Value value, BlockArgument like,
                      ArrayRef<Value> sizes) -> Value {
    RankedTensorType type = specialised(like);
    SmallVector<Value> dynamic;
    for (auto [size, operand] : llvm::zip_equal(type.getShape(), sizes))
      if (ShapedType::isDynamic(size))
        dynamic.push_back(operand);
    return BroadcastOp::create(builder, loc, type, value, dynamic);
  };
  if (BlockArgument mask = signature.mask) {
    auto type = RankedTensorType::get({1, 1}, getElementTypeOrSelf(mask));
    Value one = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(
            type, Attribute(builder.getIntegerAttr(type.getElementType(), 1))));
    mapping.map(mask, repeated(one, mask, {batch, total}));
  }
  if (BlockArgument positions = signature.positions) {
    Type element = getElementTypeOrSelf(positions);
    RankedTensorType type = specialised(positions);
    int64_t tokens = type.getShape()[1];
    Value iota =
        IotaOp::create(builder, loc, RankedTensorType::get({tokens}, element),
                       kind.oneToken ? Value() : seq);
    Value first = FromIndexOp::create(builder, loc,
                                      RankedTensorType::get({}, element), past);
    mapping.map(positions, repeated(AddOp::create(builder, loc, iota, first),
                                    positions, {batch, seq}));
  }
}

Value EntryBuilder::sizeOf(BlockArgument argument, int64_t axis) {
  if (axis == 0)
    return batch;
  if (argument == signature.mask)
    return total;
  return signature.caches.contains(argument) ? past : seq;
}

/// A past, and what is new behind it.
Value EntryBuilder::grow(Value argument, Growth growth) {
  Value input = mapping.lookup(growth.concat.getInputs()[1]);
  if (!kind.cached)
    return input;
  Location loc = growth.concat.getLoc();
  std::string name =
      nameOf(run, cast<BlockArgument>(argument).getArgNumber()).str();
  RankedTensorType all = specialised(growth.concat);
  auto append = [&](const Twine &cache, RankedTensorType type, Value value) {
    return CacheAppendOp::create(
        builder, loc, type,
        FlatSymbolRefAttr::get(run.getContext(), cache.str()), value, past);
  };
  if (!growth.codes)
    return append(name, all, input);
  SmallVector<int64_t> scales(all.getShape());
  scales.back() = 1;
  lowbit::DequantizeOp codes = growth.codes;
  Type scaleType = getElementTypeOrSelf(codes.getScales());
  return lowbit::DequantizeOp::create(
      builder, codes.getLoc(), all,
      append(name + ".codes", all.clone(builder.getI8Type()),
             mapping.lookup(codes.getCodes())),
      append(name + ".scales", RankedTensorType::get(scales, scaleType),
             mapping.lookup(codes.getScales())),
      Value(), codes.getScheme());
}

void EntryBuilder::copy(Operation &op) {
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    if (auto argument = dyn_cast<BlockArgument>(dim.getSource()))
      if (auto axis = dim.getConstantIndex())
        if (cast<RankedTensorType>(argument.getType()).isDynamicDim(*axis)) {
          mapping.map(dim.getResult(), sizeOf(argument, *axis));
          return;
        }
  for (auto [past, growth] : signature.caches) {
    if (&op == growth.turned)
      return; // caches are turned already
    if (&op == growth.concat) {
      mapping.map(growth.concat.getResult(), grow(past, growth));
      return;
    }
  }
  Operation *copied = builder.clone(op, mapping);
  for (auto [from, to] :
       llvm::zip_equal(op.getResults(), copied->getResults())) {
    auto type = dyn_cast<RankedTensorType>(from.getType());
    if (!type || !isa<NnDialect, lowbit::LowbitDialect>(op.getDialect()))
      continue;
    RankedTensorType now = specialised(from);
    to.setType(now);
    // Sizes that are static now have no operand.
    bool isSized = isa<ReshapeOp, BroadcastOp>(op);
    unsigned operand = 1;
    for (auto [before, after] : llvm::zip(type.getShape(), now.getShape())) {
      if (!isSized || !ShapedType::isDynamic(before))
        continue;
      if (ShapedType::isDynamic(after))
        ++operand;
      else
        copied->eraseOperand(operand);
    }
    if (auto iota = dyn_cast<IotaOp>(copied))
      if (iota.getSize() && now.hasStaticShape())
        iota.getSizeMutable().clear();
    if (auto slice = dyn_cast<SliceOp>(copied))
      if (slice.getSize() && !now.isDynamicDim(slice.getAxis()))
        slice.getSizeMutable().clear();
  }
}

/// The last token of `rows`. Layers compute one row; what comes before them
/// computes all, as attention needs it.
Value EntryBuilder::lastRowOf(Value rows) {
  Location loc = run.getLoc();
  auto type = cast<RankedTensorType>(rows.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = 1;
  Operation *op = rows.getDefiningOp();
  if (isa_and_nonnull<LinearOp, lowbit::LinearOp, lowbit::QuantizeOp>(op)) {
    IRMapping last;
    last.map(op->getOperand(0), lastRowOf(op->getOperand(0)));
    if (auto linear = dyn_cast<lowbit::LinearOp>(op))
      if (Value scales = linear.getInputScales())
        last.map(scales, lastRowOf(scales));
    Operation *one = builder.clone(*op, last);
    for (Value result : one->getResults()) {
      auto all = cast<RankedTensorType>(result.getType());
      SmallVector<int64_t> sizes(all.getShape());
      sizes[1] = 1;
      result.setType(all.clone(sizes));
    }
    return one->getResult(cast<OpResult>(rows).getResultNumber());
  }
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value last = arith::SubIOp::create(builder, loc, seq, one);
  return SliceOp::create(builder, loc, type.clone(shape), rows, last, Value(),
                         1);
}

void EntryBuilder::finish() {
  Value result = mapping.lookup(signature.logits);
  if (kind.loss) {
    auto type = cast<RankedTensorType>(result.getType());
    result = CrossEntropyOp::create(builder, run.getLoc(),
                                    type.clone(type.getShape().drop_back()),
                                    result, entry.getArgument(1));
  } else if (kind.lastRow && !kind.oneToken) {
    result = lastRowOf(result);
  }
  func::ReturnOp::create(builder, run.getLoc(), result);
  entry.setFunctionType(builder.getFunctionType(
      entry.getFunctionType().getInputs(), result.getType()));
  entry.setResultAttr(0, NnDialect::nameAttr,
                      builder.getStringAttr(kind.loss ? "nll" : "logits"));
}

LogicalResult EntryBuilder::build() {
  if (!replaceSymbols())
    return failure();
  createFunction();
  mapInputs();
  for (Operation &op : run.front().without_terminator())
    copy(op);
  finish();
  return success();
}

static void declareCaches(func::FuncOp run, const Signature &signature) {
  OpBuilder builder(run);
  auto declare = [&](const Twine &name, Type type) {
    ml_program::GlobalOp::create(builder, run.getLoc(), name.str(), type,
                                 /*is_mutable=*/true, Attribute(),
                                 builder.getStringAttr("private"));
  };
  for (auto [past, growth] : signature.caches) {
    StringRef name = nameOf(run, cast<BlockArgument>(past).getArgNumber());
    auto type = cast<RankedTensorType>(past.getType());
    if (!growth.codes) {
      declare(name, type);
      continue;
    }
    SmallVector<int64_t> scales(type.getShape());
    scales.back() = 1;
    declare(name + ".codes", type.clone(builder.getI8Type()));
    declare(name + ".scales",
            RankedTensorType::get(
                scales, getElementTypeOrSelf(growth.codes.getScales())));
  }
}

namespace {

struct AddEntries final : impl::AddEntriesBase<AddEntries> {
  using AddEntriesBase::AddEntriesBase;

  void runOnOperation() override {
    auto run = getOperation().lookupSymbol<func::FuncOp>("run");
    if (!run || getOperation().lookupSymbol("prefill"))
      return;
    auto kept = [&](StringRef reason) {
      remark::missed(run.getLoc(), remark::RemarkOpts::name("kept").category(
                                       "qopt-add-entries"))
          << reason;
    };
    StringRef reason;
    FailureOr<Signature> signature = readSignature(run, reason);
    if (failed(signature))
      return kept(reason);
    bool cached = !signature->caches.empty();
    // clang-format off
    const EntryKind kinds[] = {
        // name    cached  oneToken lastRow loss
        {"prefill", cached, false,   true,   false},
        {"decode",  cached, true,    true,   false},
        {"logits",  cached, false,   false,  false},
        {"nll",     false,  false,   false,  true},
    };
    // clang-format on
    if (cached)
      declareCaches(run, *signature);
    else
      kept("a model without a past has no decode");
    for (const EntryKind &kind : kinds)
      if (cached || !kind.oneToken)
        if (failed(EntryBuilder(run, *signature, kind).build()))
          return kept("a size of an input is neither batch, seq nor past");
  }
};

} // namespace
} // namespace qopt
