// Reads what a training run left.

#include "qopt/frontends/state/State.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using ml_program::GlobalOp;

namespace qopt::state {

FailureOr<State> State::open(StringRef path, StringRef modelHash,
                             Location loc) {
  SmallString<256> absolute(path);
  llvm::sys::fs::make_absolute(absolute);
  State state;
  state.path = absolute.str().str();
  nn::WeightFiles files("");
  auto tensors = files.list(state.path, loc);
  if (failed(tensors))
    return failure();
  state.tensors = std::move(*tensors);
  auto metadata = files.metadata(state.path, loc);
  if (failed(metadata))
    return failure();
  auto hash = metadata->find("model_hash");
  if (hash == metadata->end())
    return emitError(loc, "'")
           << path << "' is no state file: its metadata has no model_hash";
  if (hash->second != modelHash)
    return emitError(loc, "'")
           << path << "' was trained from another model: expects " << modelHash
           << ", got " << hash->second;
  return state;
}

LogicalResult State::apply(ModuleOp program) {
  llvm::StringMap<GlobalOp> globals;
  for (auto global : program.getOps<GlobalOp>())
    globals[global.getSymName()] = global;
  for (const nn::WeightFiles::Entry &tensor : tensors) {
    GlobalOp global = globals.lookup(tensor.key);
    if (!global || used.contains(tensor.key))
      continue;
    auto type = dyn_cast<RankedTensorType>(global.getType());
    if (!type || type.getShape() != ArrayRef(tensor.shape) ||
        nn::safetensorsName(type.getElementType()) != tensor.type) {
      InFlightDiagnostic error = global.emitError("expects '")
                                 << tensor.key << "' of the state to be "
                                 << global.getType() << ", got " << tensor.type
                                 << " [";
      llvm::interleaveComma(tensor.shape, error);
      return error << "]";
    }
    global.setValueAttr(
        nn::WeightAttr::get(program.getContext(), type, path, 0, tensor.key));
    used.insert(tensor.key);
  }
  return success();
}

LogicalResult State::finish(Location loc) const {
  for (const nn::WeightFiles::Entry &tensor : tensors) {
    // NAME.adamw.m, NAME.muon.momentum.codes, ... belong to NAME.
    bool isOptimizers = false;
    for (StringRef kind : {".adamw.", ".muon.", ".sgd."})
      if (size_t at = StringRef(tensor.key).rfind(kind); at != StringRef::npos)
        isOptimizers |= used.contains(StringRef(tensor.key).take_front(at));
    if (!used.contains(tensor.key) && !isOptimizers)
      return emitError(loc, "the state holds '")
             << tensor.key
             << "', which the program does not have: compile it with the "
                "recipe that it was trained with, or one that adds the same "
                "parameters";
  }
  return success();
}

} // namespace qopt::state
