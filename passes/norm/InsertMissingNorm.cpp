// Puts a norm before linear layers that have none (o and down).
//
// It changes what is computed until the model is trained with it. A gain of 1
// would also change the size of what such a layer adds to the residual stream,
// 30-fold where inputs have the size 0.03; with data, gains begin with that
// size instead.

#include <cmath>

#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/passes/Executor.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/calibrate/Calibration.h"
#include "qopt/passes/calibrate/Layers.h"
#include "qopt/passes/calibrate/Stream.h"
#include "qopt/passes/norm/Norm.h"

using namespace mlir;
using namespace qopt::calibrate;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_INSERTMISSINGNORM
#include "qopt/passes/Passes.h.inc"

/// The root of the mean square of what a layer of this level reads.
static double sizeOf(Stream &stream, int64_t index, const Samples &samples) {
  Matrix moment = stream.momentOf(index); // 2 / samples sum x x^T
  double trace = 0;
  for (int64_t c = 0; c < moment.rows; ++c)
    trace += moment(c, c);
  return std::sqrt(trace / (2.0 * samples.length * moment.rows));
}

namespace {

struct InsertMissingNorm final
    : impl::InsertMissingNormBase<InsertMissingNorm> {
  using InsertMissingNormBase::InsertMissingNormBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<LinearOp> layers;
    getOperation().walk([&](LinearOp linear) {
      auto old = linear.getInput().getDefiningOp<RmsNormOp>();
      if (!parameterOf(linear, symbols))
        normKept(linear, getArgument(), "weight is not a parameter");
      else if (old)
        normKept(linear, getArgument(), "already has a norm");
      else
        layers.push_back(linear);
    });
    SmallVector<double> gains(layers.size(), 1);
    if (failed(measure(layers, gains)))
      return signalPassFailure();
    for (auto [linear, gain] : llvm::zip_equal(layers, gains))
      insert(linear, gain, symbols);
  }

  /// The options of the pass, where it has data; else what the tool says.
  Settings readSettings() {
    if (const auto *given = getSettings(&getContext()); given && data.empty())
      return given->settings;
    Settings settings;
    settings.data = data;
    settings.samples = samples;
    settings.length = length;
    return settings;
  }

  /// What gains begin with, where there is data to measure.
  LogicalResult measure(ArrayRef<LinearOp> layers,
                        MutableArrayRef<double> gains) {
    ModuleOp program = getOperation();
    Settings settings = readSettings();
    if (settings.data.empty() || layers.empty())
      return success();
    Executor *executor = getExecutor(&getContext());
    if (!executor)
      return noExecutor(program);
    auto read = readSamples(settings.data, settings.samples, settings.length,
                            vocabularyOf(program), program.getLoc());
    if (failed(read))
      return failure();
    auto ops = llvm::map_to_vector(
        layers, [](LinearOp op) { return op.getOperation(); });
    auto stream = Stream::create(program, ops, *read, *executor);
    if (failed(stream))
      return failure();
    for (int64_t level = 1; level <= (*stream)->numLevels(); ++level) {
      if (failed((*stream)->advance(level, /*measure=*/true)))
        return failure();
      for (int64_t index : (*stream)->layersOf(level)) {
        double size = sizeOf(**stream, index, *read);
        LinearOp layer = layers[index];
        if (!(size > 0) || !std::isfinite(size))
          return layer.emitError("expects inputs with a size to begin the gain "
                                 "of its norm with, got ")
                 << std::to_string(size);
        gains[index] = size;
      }
    }
    return success();
  }

  void insert(LinearOp linear, double gain, SymbolTable &symbols) {
    TypedAttr ones = onesFor(linear);
    auto type = cast<RankedTensorType>(ones.getType());
    auto initial = DenseElementsAttr::get(
        type, Builder(&getContext()).getFloatAttr(type.getElementType(), gain));
    RmsNormOp norm = insertNorm(linear, linear.getInput(), initial,
                                llvm::APFloat(eps), symbols);
    norm->setAttr(gradualAttr, UnitAttr::get(&getContext()));
    normInserted(norm, getArgument(), "changes the result until trained");
  }
};

} // namespace
} // namespace qopt
