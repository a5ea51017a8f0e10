// Brings a teacher into the program of its student.

#include "qopt/tools/qopt/Teacher.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/PassManager.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/frontends/onnx/Import.h"
#include "qopt/passes/kernel/Variables.h"
#include "qopt/tools/qopt/Info.h"
#include "qopt/tools/qopt/Stages.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;
namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

namespace qopt::driver {

/// Weights begin at multiples of this in the memory of a device.
static constexpr int64_t copyAlignment = 256;

namespace {

/// The files that hold a teacher's weights, and where each is mapped; for a
/// device, where each weight is copied to: kernels read vectors, and a file may
/// hold a weight at any byte.
class MappedFiles {
public:
  MappedFiles(ModuleOp teacher, StringRef folder, bool forDevice)
      : teacher(teacher), folder(folder), forDevice(forDevice) {}

  /// The offset of a weight, which is asked for once; none if its file cannot
  /// be read.
  FailureOr<int64_t> offsetOf(nn::WeightAttr weight);
  ArrayAttr describe();

private:
  struct File {
    std::string path;
    int64_t offset;
    uint64_t bytes;
    SmallVector<int64_t> parts; ///< of a device: from, bytes, to
  };
  ModuleOp teacher;
  std::string folder;
  bool forDevice;
  llvm::MapVector<StringRef, File> files;
  int64_t end = 0;
};

} // namespace

FailureOr<int64_t> MappedFiles::offsetOf(nn::WeightAttr weight) {
  auto found = files.find(weight.getFile());
  if (found == files.end()) {
    SmallString<256> name(folder);
    path::append(name, weight.getFile());
    fs::make_absolute(name);
    path::remove_dots(name, /*remove_dot_dot=*/true);
    uint64_t bytes = 0;
    if (std::error_code code = fs::file_size(name, bytes))
      return teacher.emitError("cannot read the teacher's file '")
             << name << "': " << code.message();
    found = files.insert({weight.getFile(), {name.str().str(), end, bytes, {}}})
                .first;
    if (!forDevice)
      end = llvm::alignTo(end + bytes, mappedAlignment);
  }
  if (!forDevice)
    return found->second.offset + weight.getOffset();
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8,
          place = end;
  found->second.parts.append({int64_t(weight.getOffset()), bytes, place});
  end = llvm::alignTo(end + bytes, copyAlignment);
  return place;
}

ArrayAttr MappedFiles::describe() {
  Builder b(teacher.getContext());
  SmallVector<Attribute> all;
  for (auto &[name, file] : files) {
    NamedAttrList about;
    about.append("path", b.getStringAttr(file.path));
    about.append("bytes", b.getI64IntegerAttr(file.bytes));
    about.append("hash", b.getStringAttr(hashOf(file.path)));
    if (forDevice)
      about.append("parts", b.getDenseI64ArrayAttr(file.parts));
    else
      about.append("offset", b.getI64IntegerAttr(file.offset));
    all.push_back(about.getDictionary(b.getContext()));
  }
  return b.getArrayAttr(all);
}

/// Makes a function that gives logits of `nll`, which compares them with
/// targets.
static func::FuncOp functionOf(func::FuncOp nll) {
  Operation *returned = nll.front().getTerminator();
  auto loss = returned->getOperand(0).getDefiningOp<nn::CrossEntropyOp>();
  auto targets = loss ? dyn_cast<BlockArgument>(loss.getTargets()) : nullptr;
  if (!targets || nll.getNumArguments() != 2)
    return nullptr;
  returned->setOperands(Value(loss.getLogits()));
  loss.erase();
  if (!targets.use_empty() ||
      failed(nll.eraseArgument(targets.getArgNumber())) ||
      failed(nll.eraseResult(0)) ||
      failed(nll.insertResult(0, returned->getOperand(0).getType(), {})))
    return nullptr;
  nll.setSymName("teacher");
  return nll;
}

LogicalResult addTeacher(ModuleOp program, StringRef file, bool forDevice) {
  MLIRContext &context = *program.getContext();
  OwningOpRef<ModuleOp> model = onnx::importOnnx(file, context);
  if (!model)
    return failure();
  PassManager passes(&context);
  if (failed(parsePassPipeline("qopt-raise,qopt-decode", passes)) ||
      failed(passes.run(*model)))
    return failure();
  int64_t words = vocabularyOf(*model), expected = vocabularyOf(program);
  if (words != expected)
    return model->emitError("expects a teacher with the student's vocabulary "
                            "of ")
           << expected << " tokens, got " << words;
  auto nll = model->lookupSymbol<func::FuncOp>("nll");
  func::FuncOp teacher = nll ? functionOf(nll) : nullptr;
  if (!teacher)
    return model->emitError("expects a teacher that gives logits of input_ids");

  StringRef folder = path::parent_path(file);
  MappedFiles files(*model, folder.empty() ? "." : folder, forDevice);
  SymbolTable own(*model), symbols(program);
  Builder b(&context);
  DenseMap<StringAttr, StringAttr> names;
  WalkResult result = teacher.walk([&](GlobalLoadOp load) {
    auto global = own.lookup<GlobalOp>(load.getGlobal().getLeafReference());
    StringAttr &name = names[global.getSymNameAttr()];
    if (!name) {
      auto copy = cast<GlobalOp>(global->clone());
      copy.setSymName(("teacher/" + global.getSymName()).str());
      copy->removeAttr(nn::NnDialect::roleAttr); // nothing to train
      if (auto weight = dyn_cast_or_null<nn::WeightAttr>(copy.getValueAttr())) {
        auto offset = files.offsetOf(weight);
        if (failed(offset))
          return WalkResult::interrupt();
        copy->setAttr(mappedAttr, b.getI64IntegerAttr(*offset));
      }
      name = symbols.insert(copy, program.getBody()->begin());
    }
    load.setGlobalAttr(FlatSymbolRefAttr::get(name));
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  teacher->remove();
  teacher.setPrivate();
  program.push_back(teacher);
  program->setAttr(mappedFilesAttr, files.describe());
  return success();
}

llvm::json::Value describeTeacher(ModuleOp program) {
  auto files = program->getAttrOfType<ArrayAttr>(mappedFilesAttr);
  if (!files)
    return nullptr;
  llvm::json::Array all;
  for (auto file : files.getAsRange<DictionaryAttr>()) {
    llvm::json::Object about{
        {"path", file.getAs<StringAttr>("path").getValue()},
        {"bytes", file.getAs<IntegerAttr>("bytes").getInt()},
        {"hash", file.getAs<StringAttr>("hash").getValue()}};
    if (auto parts = file.getAs<DenseI64ArrayAttr>("parts"))
      about["parts"] = llvm::json::Array(parts.asArrayRef());
    else
      about["offset"] = file.getAs<IntegerAttr>("offset").getInt();
    all.push_back(std::move(about));
  }
  return all;
}

} // namespace qopt::driver
