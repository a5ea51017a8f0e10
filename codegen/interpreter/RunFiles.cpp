// Runs one function of a program on files.

#include "qopt/codegen/interpreter/RunFiles.h"

#include "qopt/codegen/interpreter/Npy.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace qopt::interpreter {

static std::string nameOr(StringAttr name, const Twine &otherwise) {
  return name ? name.str() : otherwise.str();
}

static std::string argumentName(func::FuncOp function, unsigned i) {
  return nameOr(
      function.getArgAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr),
      "arg" + Twine(i));
}

static std::string resultName(func::FuncOp function, unsigned i) {
  return nameOr(
      function.getResultAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr),
      "result" + Twine(i));
}

/// The entry that was asked for, or the only function.
static FailureOr<func::FuncOp> findEntry(ModuleOp program, StringRef entry) {
  auto functions = llvm::to_vector(program.getOps<func::FuncOp>());
  if (auto found = program.lookupSymbol<func::FuncOp>(entry))
    return found;
  if (functions.size() == 1)
    return functions.front();
  auto error = program.emitError("has no function '") << entry << "'";
  for (func::FuncOp function : functions)
    error.attachNote(function.getLoc())
        << "'" << function.getSymName() << "' is there";
  return error;
}

/// Whether numbers of a file may stand for elements of `type`.
static bool accepts(Type element, StringRef type, bool widen) {
  return type == npyType(element) ||
         (widen && isa<FloatType>(element) && type.starts_with("f"));
}

static FailureOr<Tensor> readArgument(func::FuncOp function, unsigned i,
                                      StringRef path, bool widen) {
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]);
  if (!type)
    return function.emitError("expects tensors as arguments, got ")
           << function.getArgumentTypes()[i];
  auto array = readNpy(path);
  if (!array)
    return function.emitError(llvm::toString(array.takeError()));
  bool compatible =
      succeeded(verifyCompatibleShape(array->tensor.shape, type.getShape()));
  if (!compatible || !accepts(type.getElementType(), array->type, widen))
    return function.emitError("expects input '")
           << argumentName(function, i) << "' to be " << type << ", got "
           << array->type << " of shape [" << array->tensor.shape << "]";
  return std::move(array->tensor);
}

static FailureOr<std::vector<Tensor>>
readArguments(func::FuncOp function, ArrayRef<std::string> inputs, bool widen) {
  llvm::MapVector<StringRef, StringRef> paths;
  for (StringRef input : inputs) {
    auto [name, path] = input.split('=');
    if (path.empty())
      return function.emitError("expects --input NAME=FILE, got '")
             << input << "'";
    if (!paths.insert({name, path}).second)
      return function.emitError("has two inputs '") << name << "'";
  }
  std::vector<Tensor> arguments;
  SmallVector<std::string> missing;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = argumentName(function, i);
    auto found = paths.find(name);
    if (found == paths.end()) {
      missing.push_back(name);
      continue;
    }
    auto tensor = readArgument(function, i, found->second, widen);
    if (failed(tensor))
      return failure();
    arguments.push_back(std::move(*tensor));
    paths.erase(found);
  }
  if (!missing.empty())
    return function.emitError("lacks the inputs ")
           << llvm::join(missing, ", ") << "; give each as --input NAME=FILE";
  if (!paths.empty())
    return function.emitError("has no input '") << paths.begin()->first << "'";
  return arguments;
}

/// A name as it may stand in a folder.
static std::string fileName(StringRef name) {
  std::string file = name.str();
  for (char &c : file)
    if (!llvm::isAlnum(c) && c != '.' && c != '_' && c != '-')
      c = '_';
  return file + ".npy";
}

LogicalResult runFiles(const Interpreter &interpreter, ModuleOp program,
                       StringRef entry, ArrayRef<std::string> inputs,
                       StringRef folder, const RunOptions &options) {
  auto function = findEntry(program, entry);
  if (failed(function))
    return failure();
  auto arguments = readArguments(*function, inputs, options.widen);
  if (failed(arguments))
    return failure();
  auto results = interpreter.run(*function, *arguments, options);
  if (failed(results))
    return failure();
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return function->emitError("cannot make the folder '")
           << folder << "': " << error.message();
  for (auto [i, tensor] : llvm::enumerate(*results)) {
    SmallString<256> path(folder);
    llvm::sys::path::append(path, fileName(resultName(*function, i)));
    Type element = getElementTypeOrSelf(function->getResultTypes()[i]);
    if (isa<FloatType>(element) && options.widen)
      element = Float64Type::get(program.getContext());
    if (element.isIndex())
      element = IntegerType::get(program.getContext(), 64);
    if (llvm::Error error = writeNpy(path, tensor, element))
      return function->emitError(llvm::toString(std::move(error)));
  }
  return success();
}

} // namespace qopt::interpreter
