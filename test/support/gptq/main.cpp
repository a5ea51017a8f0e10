// qopt-solve: GPTQ and low-rank corrections of one layer, for tests.
//
//   qopt-solve W.npy S.npy SCHEME [--block B] [--no-order] [--rank R --init I]
//
// prints one JSON object: codes, scales, zeros, errors and what it took.

#include "qopt/codegen/interpreter/Npy.h"
#include "qopt/dialects/Dialects.h"
#include "qopt/passes/calibrate/Solve.h"
#include "qopt/passes/lora/Branch.h"
#include "qopt/passes/quantize/SchemeText.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qopt;
using calibrate::Matrix;
namespace cl = llvm::cl;

static Matrix read(StringRef path) {
  auto array = llvm::cantFail(interpreter::readNpy(path.str()));
  Matrix matrix(array.tensor.shape[0], array.tensor.shape[1]);
  matrix.data = array.tensor.data;
  return matrix;
}

int main(int argc, char **argv) {
  cl::opt<std::string> weightFile(cl::Positional, cl::Required);
  cl::opt<std::string> momentFile(cl::Positional, cl::Required);
  cl::opt<std::string> schemeText(cl::Positional, cl::Required);
  cl::opt<int64_t> block("block", cl::init(128));
  cl::opt<bool> noOrder("no-order");
  cl::opt<int64_t> rank("rank", cl::init(0));
  cl::opt<std::string> init("init", cl::init("qera"));
  if (!cl::ParseCommandLineOptions(argc, argv))
    return 2;
  MLIRContext context;
  loadDialects(context);
  Matrix weight = read(weightFile), sigma = read(momentFile);
  std::string message;
  auto text = parseScheme(&context, schemeText, message);
  if (failed(text)) {
    llvm::errs() << message << "\n";
    return 1;
  }
  lowbit::SchemeAttr scheme = text->get(&context, weight.columns);
  calibrate::Solution solution;
  if (!solveGptq(&context, scheme, weight, sigma, {0.01, block, !noOrder},
                 solution)) {
    llvm::errs() << "not finite\n";
    return 1;
  }
  llvm::json::OStream json(llvm::outs());
  json.object([&] {
    auto list = [&](StringRef name, auto &values) {
      json.attributeArray(name, [&] {
        for (auto value : values)
          json.value(value);
      });
    };
    list("codes", solution.codes.codes);
    list("scales", solution.codes.scales);
    list("zeros", solution.codes.zeros);
    json.attribute("before", solution.before);
    json.attribute("after", solution.after);
    json.attribute("compensated", solution.compensated);
    json.attribute("damping", solution.damping);
    json.attribute("recovery", solution.recovery);
    if (rank == 0)
      return;
    lora::BranchOptions branch{
        rank, double(rank), "", lora::Init::svd, 0, Float32Type::get(&context)};
    Matrix difference = weight;
    for (size_t i = 0; i < difference.data.size(); ++i)
      difference.data[i] -= solution.codes.values.data[i];
    lora::FactorPair pair =
        init == "zero" ? zeroFactors(branch, "m", weight.rows, weight.columns)
                       : bestFactors(&context, branch, difference,
                                     init == "qera" ? &sigma : nullptr);
    list("a", pair.a);
    list("b", pair.b);
    json.attribute("none", energy(&context, difference, sigma));
    json.attribute("left",
                   errorWith(&context, branch, difference, pair, sigma));
  });
  llvm::outs() << "\n";
  return 0;
}
