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

/// What `run` takes and gives.
struct Signature {
  BlockArgument ids, mask, positions;
  Value logits;
  llvm::MapVector<Value, ConcatOp> caches; ///< past, and where it grows
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

/// The parts of `run`, or a reason why it is not a language model.
static FailureOr<Signature> readSignature(func::FuncOp run, StringRef &reason) {
  Signature signature;
  auto returned = cast<func::ReturnOp>(run.front().getTerminator());
  for (Value result : returned.getOperands()) {
    auto concat = result.getDefiningOp<ConcatOp>();
    if (concat && concat.getAxis() == 2 && concat.getInputs().size() == 2 &&
        isa<BlockArgument>(concat.getInputs()[0]))
      signature.caches[concat.getInputs()[0]] = concat;
  }
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
  for (auto [past, concat] : signature.caches)
    for (Operation *user : past.getUsers())
      if (!cast<RankedTensorType>(past.getType()).isDynamicDim(2)) {
        reason = "the length of a past is fixed";
        return failure();
      } else if (user != concat && !isa<tensor::DimOp>(user)) {
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
  for (auto [cache, concat] : signature.caches)
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

void EntryBuilder::copy(Operation &op) {
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    if (auto argument = dyn_cast<BlockArgument>(dim.getSource()))
      if (auto axis = dim.getConstantIndex())
        if (cast<RankedTensorType>(argument.getType()).isDynamicDim(*axis)) {
          mapping.map(dim.getResult(), sizeOf(argument, *axis));
          return;
        }
  if (auto concat = dyn_cast<ConcatOp>(op))
    if (auto found = signature.caches.find(concat.getInputs()[0]);
        found != signature.caches.end() && found->second == concat) {
      Value input = mapping.lookup(concat.getInputs()[1]);
      auto argument = cast<BlockArgument>(found->first);
      mapping.map(concat.getResult(),
                  kind.cached ? Value(CacheAppendOp::create(
                                    builder, op.getLoc(), specialised(concat),
                                    FlatSymbolRefAttr::get(
                                        op.getContext(),
                                        nameOf(run, argument.getArgNumber())),
                                    input, past))
                              : input);
      return;
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

/// The logits of the last token: the head computes one row.
Value EntryBuilder::lastRowOf(Value logits) {
  Location loc = run.getLoc();
  auto head = logits.getDefiningOp<LinearOp>();
  Value rows = head ? Value(head.getInput()) : logits;
  auto type = cast<RankedTensorType>(rows.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = 1;
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value last = arith::SubIOp::create(builder, loc, seq, one);
  Value row =
      SliceOp::create(builder, loc, type.clone(shape), rows, last, Value(), 1);
  if (!head)
    return row;
  shape.back() = cast<RankedTensorType>(logits.getType()).getShape().back();
  return LinearOp::create(builder, head.getLoc(), type.clone(shape), row,
                          head.getWeight(), head.getBias(),
                          head.getSplitsAttr());
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
  for (auto [past, concat] : signature.caches) {
    unsigned argument = cast<BlockArgument>(past).getArgNumber();
    ml_program::GlobalOp::create(builder, run.getLoc(), nameOf(run, argument),
                                 past.getType(), /*is_mutable=*/true,
                                 Attribute(), builder.getStringAttr("private"));
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
