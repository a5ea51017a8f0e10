// The table `qopt_program` of a compiled model, see runtime/abi.h.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

static_assert(uint64_t(feature::avx512Bf16) == QOPT_CPU_AVX512_BF16 &&
                  uint64_t(feature::avx2) == QOPT_CPU_AVX2,
              "the bits of a target are those of the ABI");

static constexpr const char *deviceName = "qopt_device";

namespace {

/// Writes constant structs and arrays as LLVM globals.
class TableWriter {
public:
  /// What it writes is named NAME_0, NAME_1, ...
  explicit TableWriter(ModuleOp module, StringRef name = "qopt_table")
      : module(module), b(module.getBodyRegion()), loc(module.getLoc()),
        name(name), pointer(LLVM::LLVMPointerType::get(b.getContext())) {
    b.setInsertionPointToEnd(module.getBody());
  }

  /// A field of a struct: a number or the address of a symbol (empty: null).
  struct Field {
    Type type;
    int64_t number = 0;
    std::string symbol;
  };
  Field u32(int64_t value) { return {b.getI32Type(), value, {}}; }
  Field i64(int64_t value) { return {b.getI64Type(), value, {}}; }
  Field address(std::string symbol) { return {pointer, 0, std::move(symbol)}; }

  /// An array of structs, all of the types of the first one; its name. Null if
  /// there are none.
  std::string array(ArrayRef<SmallVector<Field>> rows, StringRef name = {});
  std::string text(StringRef value) { return bytes(value.str() + '\0'); }
  std::string bytes(StringRef value, uint64_t alignment = 1);
  SmallVector<Field> row(const Spec &spec);
  std::string specs(ArrayRef<Spec> specs);
  std::string dims(const Spec &spec);
  std::string strings(ArrayRef<std::string> values);
  std::string launches(ArrayRef<LaunchInfo> launches);

private:
  std::string fresh() { return (name + "_" + Twine(count++)).str(); }

  ModuleOp module;
  OpBuilder b;
  Location loc;
  StringRef name;
  Type pointer;
  int count = 0;
};

} // namespace

std::string TableWriter::bytes(StringRef value, uint64_t alignment) {
  std::string name = fresh();
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), value.size());
  LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, name, b.getStringAttr(value),
                         alignment);
  return name;
}

std::string TableWriter::array(ArrayRef<SmallVector<Field>> rows,
                               StringRef symbol) {
  if (rows.empty())
    return {};
  std::string name = symbol.empty() ? fresh() : symbol.str();
  SmallVector<Type> types;
  for (const Field &field : rows.front())
    types.push_back(field.type);
  Type row = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  Type type = LLVM::LLVMArrayType::get(row, rows.size());
  auto linkage =
      symbol.empty() ? LLVM::Linkage::Internal : LLVM::Linkage::External;
  auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                                       linkage, name, Attribute());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&global.getInitializerRegion());
  Value value = LLVM::UndefOp::create(b, loc, type);
  for (auto [i, fields] : llvm::enumerate(rows))
    for (auto [j, field] : llvm::enumerate(fields)) {
      Value content;
      if (field.type != pointer)
        content = LLVM::ConstantOp::create(
            b, loc, field.type, b.getIntegerAttr(field.type, field.number));
      else if (field.symbol.empty())
        content = LLVM::ZeroOp::create(b, loc, pointer);
      else
        content = LLVM::AddressOfOp::create(b, loc, pointer, field.symbol);
      value = LLVM::InsertValueOp::create(
          b, loc, value, content, ArrayRef<int64_t>{int64_t(i), int64_t(j)});
    }
  LLVM::ReturnOp::create(b, loc, value);
  return name;
}

std::string TableWriter::dims(const Spec &spec) {
  SmallVector<SmallVector<Field>> rows;
  for (AffineExpr size : spec.dims) {
    int64_t code = QOPT_DERIVED;
    if (auto constant = dyn_cast<AffineConstantExpr>(size))
      code = constant.getValue();
    else if (auto symbol = dyn_cast<AffineSymbolExpr>(size))
      code = -1 - int64_t(symbol.getPosition());
    rows.push_back({i64(code)});
  }
  return array(rows);
}

SmallVector<TableWriter::Field> TableWriter::row(const Spec &spec) {
  return {address(text(spec.name)), u32(spec.type), u32(spec.dims.size()),
          address(dims(spec))};
}

std::string TableWriter::specs(ArrayRef<Spec> specs) {
  SmallVector<SmallVector<Field>> rows;
  for (const Spec &spec : specs)
    rows.push_back(row(spec));
  return array(rows);
}

std::string TableWriter::strings(ArrayRef<std::string> values) {
  SmallVector<SmallVector<Field>> rows;
  for (const std::string &value : values)
    rows.push_back({address(text(value))});
  return array(rows);
}

std::string TableWriter::launches(ArrayRef<LaunchInfo> launches) {
  // Functions of one kernel follow one another, kernels of a family do not.
  llvm::StringMap<std::string> texts;
  auto shared = [&](StringRef value) {
    std::string &name = texts[value];
    if (name.empty())
      name = text(value);
    return address(name);
  };
  SmallVector<SmallVector<Field>> rows;
  for (const LaunchInfo &launch : launches)
    rows.push_back({shared(launch.kernel), shared(launch.family),
                    address(launch.function), address(launch.traffic)});
  return array(rows);
}

LogicalResult checkVariables(const Variables &variables) {
  for (ml_program::GlobalOp global : variables.globals) {
    auto type = cast<RankedTensorType>(global.getType());
    if (failed(typeOf(type.getElementType())))
      return global.emitError("expects a variable of floats, bools or signed "
                              "integers, got ")
             << type;
  }
  return success();
}

void emitTables(ModuleOp module, ArrayRef<Variant> variants,
                const Variables &variables, const GenerateOptions &options) {
  TableWriter tables(module);
  SmallVector<SmallVector<TableWriter::Field>> variableRows;
  for (ml_program::GlobalOp global : variables.globals) {
    auto type = cast<RankedTensorType>(global.getType());
    Spec spec{global.getSymName().str(), *typeOf(type.getElementType()), {}};
    for (int64_t size : type.getShape())
      spec.dims.push_back(getAffineConstantExpr(size, module.getContext()));
    SmallVector<TableWriter::Field> row = tables.row(spec);
    row.push_back(tables.i64(Variables::offsetOf(global)));
    variableRows.push_back(std::move(row));
  }
  SmallVector<SmallVector<TableWriter::Field>> variantRows;
  for (const Variant &variant : variants) {
    SmallVector<SmallVector<TableWriter::Field>> rows;
    for (const Entry &entry : variant.entries)
      rows.push_back(
          {tables.address(tables.text(entry.name)),
           tables.u32(entry.symbols.size()), tables.u32(entry.inputs.size()),
           tables.u32(entry.outputs.size()), tables.u32(entry.states.size()),
           tables.address(tables.strings(entry.symbols)),
           tables.address(tables.specs(entry.inputs)),
           tables.address(tables.specs(entry.outputs)),
           tables.address(tables.specs(entry.states)),
           tables.address(entry.shapes), tables.address(entry.arena),
           tables.address(entry.run)});
    variantRows.push_back(
        {tables.address(tables.text(variant.name)),
         tables.i64(variant.features), tables.u32(rows.size()),
         tables.u32(variant.isEmulated), tables.address(tables.array(rows)),
         tables.i64(variant.launches.size()),
         tables.address(tables.launches(variant.launches))});
  }
  tables.array(
      {{tables.u32(QOPT_ABI_VERSION), tables.u32(variantRows.size()),
        tables.address(tables.array(variantRows)), tables.i64(options.maxBatch),
        tables.i64(options.maxSeq), tables.i64(options.vocabulary),
        tables.i64(options.weightBytes), tables.i64(options.infoHash),
        tables.u32(variableRows.size()), tables.u32(0),
        tables.address(tables.array(variableRows)), tables.i64(variables.bytes),
        tables.i64(variables.initialBytes),
        tables.address(module.lookupSymbol(deviceName) ? deviceName : "")}},
      "qopt_program");
}

void emitDevice(ModuleOp module, ArrayRef<std::string> kernels,
                ArrayRef<DeviceCode> codes) {
  if (Operation *old = module.lookupSymbol(deviceName))
    old->erase();
  TableWriter tables(module, codes.empty() ? "qopt_kernels" : "qopt_codes");
  SmallVector<SmallVector<TableWriter::Field>> rows;
  for (const DeviceCode &code : codes)
    rows.push_back({tables.address(tables.text(code.chip)),
                    tables.u32(code.version), tables.u32(code.kind),
                    tables.address(tables.bytes(code.bytes, 64)),
                    tables.i64(code.bytes.size())});
  tables.array({{tables.u32(kernels.size()), tables.u32(rows.size()),
                 tables.address(tables.strings(kernels)),
                 tables.address(tables.array(rows))}},
               deviceName);
}

} // namespace qopt::cpu
