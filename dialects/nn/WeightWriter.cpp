// Moves large weights out of a program into a safetensors file: the length of
// a header in 8 bytes, the header (JSON: type, shape and place of each tensor),
// the tensors.

#include "qopt/dialects/nn/WeightWriter.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qopt::nn {

/// Constants up to this size stay in the text.
static constexpr int64_t inlineBytes = 1024;
/// What is written before pages of the source are let go.
static constexpr size_t chunkBytes = 16 << 20;

using Globals = SmallVector<ml_program::GlobalOp>;

/// The globals whose values move, in the order of the program.
static Globals largeGlobals(ModuleOp program) {
  Globals globals;
  for (auto global : program.getOps<ml_program::GlobalOp>()) {
    auto type = dyn_cast<RankedTensorType>(global.getType());
    Attribute value = global.getValueAttr();
    bool storable = type && type.hasStaticShape() &&
                    !safetensorsName(type.getElementType()).empty();
    bool large = isa_and_nonnull<ElementsAttr>(value) && storable &&
                 storedBytes(type) > inlineBytes;
    if (large || isa_and_nonnull<WeightAttr>(value))
      globals.push_back(global);
  }
  return globals;
}

/// The header, padded so that the tensors begin at a multiple of 8.
static FailureOr<std::string> header(ArrayRef<ml_program::GlobalOp> globals) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out);
  bool valid = true;
  json.object([&] {
    int64_t offset = 0;
    for (ml_program::GlobalOp global : globals) {
      auto type = dyn_cast<RankedTensorType>(global.getType());
      StringRef name =
          type ? safetensorsName(type.getElementType()) : StringRef();
      if (name.empty() || !type.hasStaticShape()) {
        global.emitError("cannot be written as safetensors: its type is ")
            << global.getType();
        valid = false;
        return;
      }
      int64_t end = offset + storedBytes(type);
      json.attributeObject(global.getSymName(), [&, begin = offset] {
        json.attribute("dtype", name);
        json.attributeArray("shape", [&] {
          for (int64_t size : type.getShape())
            json.value(size);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(begin);
          json.value(end);
        });
      });
      offset = end;
    }
  });
  if (!valid)
    return failure();
  text.append(llvm::offsetToAlignment(text.size(), llvm::Align(8)), ' ');
  return text;
}

/// Elements of a constant as they lie in a file.
static LogicalResult writeConstant(ml_program::GlobalOp global,
                                   llvm::raw_ostream &out) {
  Attribute value = global.getValueAttr();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    int64_t need = storedBytes(cast<RankedTensorType>(resource.getType()));
    if (!blob || int64_t(blob->getData().size()) != need)
      return global.emitError("expects ")
             << need << " bytes in resource '"
             << resource.getRawHandle().getKey() << "'";
    out.write(blob->getData().data(), need);
    return success();
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return global.emitError("expects a constant, got ") << value;
  size_t size =
      llvm::divideCeil(dense.getElementType().getIntOrFloatBitWidth(), 8);
  auto write = [&](const APInt &bits) {
    char word[8];
    llvm::support::endian::write64le(word, bits.getZExtValue());
    out.write(word, size);
  };
  if (isa<FloatType>(dense.getElementType()))
    for (const APFloat &element : dense.getValues<APFloat>())
      write(element.bitcastToAPInt());
  else
    for (const APInt &element : dense.getValues<APInt>())
      write(element);
  return success();
}

static LogicalResult writeTensor(ml_program::GlobalOp global,
                                 WeightFiles &files, llvm::raw_ostream &out) {
  auto weight = dyn_cast<WeightAttr>(global.getValueAttr());
  if (!weight)
    return writeConstant(global, out);
  if (weight.getType() != global.getType())
    return global.emitError("expects a weight of type ")
           << global.getType() << ", got " << weight.getType();
  FailureOr<ArrayRef<char>> bytes = files.find(weight, global.getLoc());
  if (failed(bytes))
    return failure();
  for (ArrayRef<char> rest = *bytes; !rest.empty();) {
    ArrayRef<char> chunk = rest.take_front(chunkBytes);
    out.write(chunk.data(), chunk.size());
    WeightFiles::forget(chunk);
    rest = rest.drop_front(chunk.size());
  }
  return success();
}

static LogicalResult writeFile(ModuleOp program,
                               ArrayRef<ml_program::GlobalOp> globals,
                               WeightFiles &files, StringRef path) {
  auto fail = [&](llvm::Error error) {
    return program.emitError("cannot write the weights to '")
           << path << "': " << llvm::toString(std::move(error));
  };
  FailureOr<std::string> text = header(globals);
  if (failed(text))
    return failure();
  auto temporary = llvm::sys::fs::TempFile::create(path + ".%%%%%%");
  if (!temporary)
    return fail(temporary.takeError());
  bool written = true;
  std::error_code error;
  {
    llvm::raw_fd_ostream out(temporary->FD, /*shouldClose=*/false);
    char length[8];
    llvm::support::endian::write64le(length, text->size());
    out.write(length, sizeof(length));
    out << *text;
    for (ml_program::GlobalOp global : globals)
      written = written && succeeded(writeTensor(global, files, out));
    out.flush();
    error = out.error();
    out.clear_error();
  }
  llvm::Error kept =
      written && !error ? temporary->keep(path) : temporary->discard();
  if (error) {
    llvm::consumeError(std::move(kept));
    return fail(llvm::errorCodeToError(error));
  }
  if (kept)
    return fail(std::move(kept));
  return success(written);
}

LogicalResult moveWeights(ModuleOp program, WeightFiles &files, StringRef path,
                          bool elide) {
  Globals globals = largeGlobals(program);
  if (globals.empty())
    return success();
  if (!elide && failed(writeFile(program, globals, files, path)))
    return failure();
  StringRef file = llvm::sys::path::filename(path);
  for (ml_program::GlobalOp global : globals)
    global.setValueAttr(WeightAttr::get(program.getContext(), global.getType(),
                                        file, 0, global.getSymName()));
  return success();
}

} // namespace qopt::nn
