// qopt-list-onnx: prints frontends/onnx/SUPPORTED.md from the importer's
// tables.

#include "qopt/frontends/onnx/Import.h"
#include "llvm/Support/raw_ostream.h"

int main() {
  qopt::onnx::printSupported(llvm::outs());
  return 0;
}
