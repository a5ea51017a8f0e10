// Reads a model, again and again until no free size is found to equal another.

#include "qopt/frontends/onnx/Import.h"

#include <set>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/frontends/onnx/Importer.h"

using namespace mlir;

namespace qopt::onnx {

/// A run learns at least one equality; a model has few free sizes.
static constexpr int maxRuns = 16;

llvm::ArrayRef<llvm::ArrayRef<OpImport>> tables() {
  static const llvm::ArrayRef<OpImport> all[] = {
      attentionOps, constantOps, elementwiseOps, gatherOps,
      linearOps,    lowBitOps,   normOps,        reductionOps,
      reshapeOps,   shapeOps,    viewOps};
  return all;
}

OwningOpRef<ModuleOp> importOnnx(StringRef path, MLIRContext &context) {
  context.loadDialect<arith::ArithDialect, func::FuncDialect,
                      lowbit::LowbitDialect, ml_program::MLProgramDialect,
                      nn::NnDialect, tensor::TensorDialect>();
  std::string message;
  Location loc = FileLineColLoc::get(&context, path, 0, 0);
  std::unique_ptr<ModelFile> file = ModelFile::read(path, message);
  if (!file) {
    emitError(loc, message);
    return {};
  }
  Equalities equalities;
  for (int run = 0; run < maxRuns; ++run) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    equalities.learned = false;
    // What a run that still learns has to say may not be true.
    Importer importer(*file, *module, equalities);
    bool ok;
    {
      ScopedDiagnosticHandler hold(&context, [&](Diagnostic &diagnostic) {
        return success(equalities.learned ||
                       diagnostic.getSeverity() == DiagnosticSeverity::Remark);
      });
      ok = succeeded(importer.run());
    }
    if (equalities.learned)
      continue;
    if (!ok || failed(verify(*module)))
      return {};
    importer.emitRemarks();
    return module;
  }
  emitError(loc, "cannot settle which sizes of the inputs are equal");
  return {};
}

void printSupported(llvm::raw_ostream &out) {
  std::set<std::pair<std::string, std::string>> rows;
  for (llvm::ArrayRef<OpImport> table : tables())
    for (const OpImport &rule : table) {
      std::string domain = rule.domain.empty() ? "ai.onnx" : rule.domain.str();
      std::string until =
          rule.until == newest ? "" : std::to_string(rule.until);
      rows.insert({domain + " " + rule.name.str(),
                   "| " + domain + " | " + rule.name.str() + " | " +
                       std::to_string(rule.since) + " | " + until + " |"});
    }
  out << "# ONNX ops that qopt imports\n\nGenerated from the tables of "
         "frontends/onnx. Opsets up to "
      << newest
      << " are known;\na rule without an end serves all of them. A node that a "
         "rule does not take whole\n(an axis, a mode) is refused by name.\n\n"
         "| domain | op | since | until |\n|---|---|---|---|\n";
  for (const auto &[key, line] : rows)
    out << line << "\n";
}

} // namespace qopt::onnx
