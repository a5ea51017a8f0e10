// Makes one parameter again of a table that an exporter stored twice.
//
// An embedding that is also the head is often written a second time, transposed
// for the product. Trained, the two would drift apart. They are compared byte
// by byte: another tensor of that shape differs within the first few.

#include <cstring>

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Variables.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_TIE
#include "qopt/passes/Passes.h.inc"

static RankedTensorType typeOf(GlobalOp global) {
  return dyn_cast<RankedTensorType>(global.getType());
}

/// Whether `global` is a matrix of floats whose bytes lie somewhere.
static bool isMatrix(GlobalOp global) {
  RankedTensorType type = typeOf(global);
  return type && type.getRank() == 2 && type.hasStaticShape() &&
         isa<FloatType>(type.getElementType()) && !global.getIsMutable() &&
         !global->hasAttr(mappedAttr) &&
         isa_and_nonnull<nn::WeightAttr, DenseElementsAttr,
                         DenseResourceElementsAttr>(global.getValueAttr());
}

/// The elements of `global`, row-major; empty if they are all the same.
static FailureOr<ArrayRef<char>> bytesOf(GlobalOp global,
                                         nn::WeightFiles &files) {
  Attribute attr = global.getValueAttr();
  if (auto weight = dyn_cast<nn::WeightAttr>(attr))
    return files.find(weight, global.getLoc());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getData() : ArrayRef<char>();
  }
  auto dense = cast<DenseElementsAttr>(attr);
  return dense.isSplat() ? ArrayRef<char>() : dense.getRawData();
}

/// Whether element [v, c] of `table` is element [v, c] of `other`, or [c, v] if
/// `other` is transposed.
static bool areEqual(ArrayRef<char> table, ArrayRef<char> other,
                     RankedTensorType type, bool transposed) {
  int64_t V = type.getDimSize(0), C = type.getDimSize(1);
  size_t size = type.getElementTypeBitWidth() / 8;
  if (table.empty() || table.size() != other.size() ||
      table.size() != size * V * C)
    return false;
  if (!transposed)
    return table == other;
  constexpr int64_t tile = 64; // rows whose lines stay in the cache
  for (int64_t first = 0; first < V; first += tile)
    for (int64_t c = 0; c < C; ++c)
      for (int64_t v = first; v < std::min(first + tile, V); ++v)
        if (std::memcmp(&table[(v * C + c) * size], &other[(c * V + v) * size],
                        size) != 0)
          return false;
  return true;
}

/// Loads `table` in place of `other`.
static void replace(ModuleOp program, GlobalOp other, GlobalOp table,
                    bool transposed) {
  SmallVector<GlobalLoadOp> loads;
  program.walk([&](GlobalLoadOp load) {
    if (load.getGlobal().getLeafReference() == other.getSymName())
      loads.push_back(load);
  });
  for (GlobalLoadOp load : loads) {
    OpBuilder builder(load);
    Value value =
        GlobalLoadOp::create(builder, load.getLoc(), table.getType(),
                             FlatSymbolRefAttr::get(table.getSymNameAttr()));
    if (transposed)
      value = nn::TransposeOp::create(builder, load.getLoc(), value,
                                      ArrayRef<int64_t>{1, 0});
    load.replaceAllUsesWith(value);
    load.erase();
  }
  other.erase();
}

namespace {

struct Tie final : impl::TieBase<Tie> {
  using TieBase::TieBase;

  void runOnOperation() override {
    ModuleOp program = getOperation();
    SymbolTable symbols(program);
    nn::WeightFiles files(nn::folderOf(program));
    llvm::SetVector<GlobalOp> tables;
    program.walk([&](nn::EmbeddingOp op) {
      if (auto load = op.getTable().getDefiningOp<GlobalLoadOp>())
        if (auto table =
                symbols.lookup<GlobalOp>(load.getGlobal().getLeafReference()))
          if (isMatrix(table))
            tables.insert(table);
    });
    for (GlobalOp table : tables)
      for (auto other : llvm::make_early_inc_range(program.getOps<GlobalOp>()))
        if (!tables.contains(other) && isMatrix(other) &&
            failed(tie(table, other, files)))
          return signalPassFailure();
  }

  LogicalResult tie(GlobalOp table, GlobalOp other, nn::WeightFiles &files) {
    RankedTensorType type = typeOf(table), found = typeOf(other);
    bool same = type == found;
    bool transposed = found == type.clone({type.getDimSize(1), //
                                           type.getDimSize(0)});
    if (!same && !transposed)
      return success();
    auto ofTable = bytesOf(table, files), ofOther = bytesOf(other, files);
    if (failed(ofTable) || failed(ofOther))
      return failure();
    if (same && areEqual(*ofTable, *ofOther, type, false))
      replace(getOperation(), other, table, false);
    else if (transposed && areEqual(*ofTable, *ofOther, type, true))
      replace(getOperation(), other, table, true);
    return success();
  }
};

} // namespace
} // namespace qopt
