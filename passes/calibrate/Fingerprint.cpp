// Hashes programs and their weights.

#include "qopt/passes/calibrate/Fingerprint.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace qopt::calibrate {

FailureOr<std::string> fingerprintOf(ModuleOp program, uint64_t data,
                                     StringRef options) {
  std::string text;
  llvm::raw_string_ostream out(text);
  // Where weights lie is not what they are.
  nn::WeightFiles files(nn::folderOf(program));
  for (Operation &op : *program.getBody()) {
    auto global = dyn_cast<ml_program::GlobalOp>(op);
    auto weight = global
                      ? dyn_cast_or_null<nn::WeightAttr>(global.getValueAttr())
                      : nullptr;
    if (!weight) {
      out << op;
      continue;
    }
    auto bytes = files.find(weight, global.getLoc());
    if (failed(bytes))
      return failure();
    out << global.getSymName() << weight.getType()
        << llvm::xxh3_64bits(ArrayRef<uint8_t>(
               reinterpret_cast<const uint8_t *>(bytes->data()),
               bytes->size()));
    nn::WeightFiles::forget(*bytes);
  }
  out << data << options;
  return llvm::utohexstr(llvm::xxh3_64bits(text));
}

} // namespace qopt::calibrate
