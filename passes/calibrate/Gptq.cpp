// Chooses codes of weights by data (GPTQ, arXiv:2210.17323).
//
// Layer by layer of the streamed program: the moment of its inputs, codes that
// spare its output, and, on demand, a low-rank branch for what they left. All
// of it goes to the spill file at once, and from there into the copy that runs
// on, so an interrupted run loses one layer, and one that resumes computes the
// rest from the same bytes.

#include <cmath>

#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/passes/Executor.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/calibrate/Calibration.h"
#include "qopt/passes/calibrate/Fingerprint.h"
#include "qopt/passes/calibrate/Layers.h"
#include "qopt/passes/calibrate/Solve.h"
#include "qopt/passes/calibrate/Stream.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace qopt::calibrate;

namespace qopt {

#define GEN_PASS_DEF_GPTQ
#include "qopt/passes/Passes.h.inc"

static constexpr StringLiteral passName = "qopt-gptq";

static remark::RemarkOpts remarkNamed(StringRef name) {
  return remark::RemarkOpts::name(name).category(passName);
}

namespace {

struct Gptq final : impl::GptqBase<Gptq> {
  using GptqBase::GptqBase;

  void runOnOperation() override {
    if (failed(calibrate()))
      signalPassFailure();
  }

private:
  Settings readSettings();
  LogicalResult calibrate();
  LogicalResult solve(int64_t index);
  LogicalResult solveLevel(int64_t level);
  LogicalResult fitBranch(Layer &layer, const Matrix &weight,
                          const Matrix &sigma, Codes &codes,
                          lora::FactorPair &pair, double &error);
  void tell(LayerReport report);
  void tellAgain(int64_t index);
  void placeInCopy(int64_t index);
  void placeInProgram(Layer &layer, SymbolTable &symbols);
  std::string textOfOptions();

  Executor *executor;
  lora::BranchOptions branch;
  SmallVector<Layer> layers;
  std::shared_ptr<Stream> stream; ///< for the time of a run
  std::shared_ptr<Spill> spill;
};

/// Makes globals that read the spill file, and loads of them.
class SpillLoader {
public:
  SpillLoader(OpBuilder &builder, Location loc, SymbolTable &symbols,
              const Spill &spill)
      : builder(builder), loc(loc), symbols(symbols), spill(spill) {}

  Value load(StringRef key, Type type, nn::Role role) {
    auto tensor = cast<RankedTensorType>(type);
    auto global = ml_program::GlobalOp::create(
        builder, loc, key, type, /*is_mutable=*/false,
        spill.valueOf(key, tensor), builder.getStringAttr("private"));
    global->setAttr(nn::NnDialect::roleAttr,
                    nn::RoleAttr::get(builder.getContext(), role));
    global->moveBefore(&symbols.getOp()->getRegion(0).front().front());
    symbols.insert(global);
    return ml_program::GlobalLoadOp::create(builder, loc, type,
                                            FlatSymbolRefAttr::get(global));
  }

private:
  OpBuilder &builder;
  Location loc;
  SymbolTable &symbols;
  const Spill &spill;
};

} // namespace

/// The options of the pass, where it has any; else what the tool says.
Settings Gptq::readSettings() {
  Settings settings;
  if (const auto *given = getSettings(&getContext()); given && data.empty())
    return given->settings;
  settings.data = data;
  settings.samples = samples;
  settings.length = length;
  settings.spill = spillFile;
  settings.resume = resume;
  return settings;
}

/// Those that results depend on.
std::string Gptq::textOfOptions() {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << damping << " " << block << actOrder << head << " " << loraRank << " "
      << loraAlpha << loraTargets << loraInit << loraSeed << loraFactors << " "
      << rounds;
  return text;
}

LogicalResult Gptq::calibrate() {
  ModuleOp program = getOperation();
  auto options =
      lora::readBranchOptions(loraRank, loraAlpha, loraTargets, loraInit,
                              loraSeed, loraFactors, program.getLoc());
  if (failed(options))
    return failure();
  branch = *options;
  if (!(damping > 0) || !(damping < 1) || block < 1)
    return program.emitError("expects damping between 0 and 1 and a block of "
                             "at least one column, got ")
           << std::to_string(damping) << " and " << block.getValue();
  if (rounds < 0)
    return program.emitError("expects a number of rounds of at least 0, got ")
           << rounds.getValue();
  Settings settings = readSettings();
  if (settings.data.empty()) {
    if (!optional)
      return program.emitError(
          "qopt-gptq needs calibration data: --calib FILE, "
          "or its option data=FILE.npy");
    remark::missed(program.getLoc(), remarkNamed("kept"))
        << "no calibration data: codes stay those of rounding to nearest";
    return success();
  }
  layers = collectLayers(program, head, branch, passName);
  if (layers.empty())
    return success();
  executor = getExecutor(&getContext());
  if (!executor)
    return noExecutor(program);
  auto read = readSamples(settings.data, settings.samples, settings.length,
                          vocabularyOf(program), program.getLoc());
  if (failed(read))
    return failure();
  if (read->isRandom)
    program.emitWarning("calibrated on random tokens: codes fit no real text; "
                        "give --calib a text like those the model will see");
  auto print = fingerprintOf(program, read->hash, textOfOptions());
  if (failed(print))
    return failure();
  SmallString<128> file(settings.spill);
  if (!file.empty())
    llvm::sys::fs::make_absolute(file);
  spill = std::make_shared<Spill>(file, *print, layers.size());
  if (failed(spill->open(tensorsOf(layers, branch), settings.resume,
                         program.getLoc())))
    return failure();

  auto ops = llvm::map_to_vector(
      layers, [](Layer &layer) { return layer.op.getOperation(); });
  auto created = Stream::create(program, ops, *read, *executor);
  if (failed(created))
    return failure();
  stream = std::move(*created);
  for (int64_t level = 1; level <= stream->numLevels(); ++level)
    if (failed(solveLevel(level)))
      return failure();
  stream.reset();
  SymbolTable symbols(program);
  branch.slots = llvm::all_of(layers, [](Layer &layer) {
    return layer.a.empty() || lora::isInFileBasis(layer.quantize.getInput());
  });
  for (Layer &layer : layers)
    placeInProgram(layer, symbols);
  return success();
}

LogicalResult Gptq::solveLevel(int64_t level) {
  ArrayRef<int64_t> indices = stream->layersOf(level);
  auto isFinished = [&](int64_t i) { return spill->isFinished(i); };
  bool measure = !llvm::all_of(indices, isFinished);
  // What is finished needs no inputs, unless a later layer does.
  if (failed(stream->advance(level, measure)))
    return failure();
  for (int64_t index : indices) {
    if (isFinished(index))
      tellAgain(index);
    else if (failed(solve(index)))
      return failure();
    placeInCopy(index);
  }
  return success();
}

static ArrayRef<char> bytesOf(ArrayRef<int8_t> codes) {
  return {reinterpret_cast<const char *>(codes.data()), codes.size()};
}

static std::string textOf(lowbit::SchemeAttr scheme) {
  std::string text;
  llvm::raw_string_ostream(text) << scheme;
  return text;
}

/// Finds a branch for what codes leave of a weight, then codes for what the
/// branch leaves, and so on (CALDERA, arXiv:2405.18886). The best pair stays;
/// `error` is its share of the output's energy.
LogicalResult Gptq::fitBranch(Layer &layer, const Matrix &weight,
                              const Matrix &sigma, Codes &codes,
                              lora::FactorPair &pair, double &error) {
  MLIRContext *context = &getContext();
  bool isEmpty = branch.init == lora::Init::zero;
  double whole = energy(context, weight, sigma), least = HUGE_VAL;
  Codes tried = codes;
  for (int64_t round = 0; round <= (isEmpty ? 0 : rounds); ++round) {
    if (round > 0) {
      Solution again;
      if (!solveGptq(context, layer.quantize.getScheme(),
                     lora::without(context, branch, weight, pair), sigma,
                     {damping, block, actOrder}, again))
        break;
      tried = std::move(again.codes);
    }
    Matrix difference = weight;
    for (size_t i = 0; i < difference.data.size(); ++i)
      difference.data[i] -= tried.values.data[i];
    lora::FactorPair factors =
        isEmpty
            ? zeroFactors(branch, lora::moduleOf(layer.name), weight.rows,
                          weight.columns)
            : bestFactors(context, branch, difference,
                          branch.init == lora::Init::qera ? &sigma : nullptr);
    if (failed(
            lora::roundFactors(branch, layer.name, factors, layer.op.getLoc())))
      return failure();
    double left = energy(
        context, lora::without(context, branch, difference, factors), sigma);
    if (!(left < least))
      break;
    least = left;
    pair = std::move(factors);
    codes = tried;
  }
  error = whole > 0 ? least / whole : 0;
  return success();
}

LogicalResult Gptq::solve(int64_t index) {
  Layer &layer = layers[index];
  Location loc = layer.op.getLoc();
  auto numbers =
      executor->evaluate(stream->layer(index).getWeight(), stream->getFolder());
  if (failed(numbers))
    return failure();
  RankedTensorType type = layer.quantize.getCodes().getType();
  Matrix weight(type.getDimSize(0), type.getDimSize(1));
  weight.data.assign(numbers->begin(), numbers->end());
  Matrix sigma = stream->momentOf(index);
  Solution solution;
  lowbit::SchemeAttr scheme = layer.quantize.getScheme();
  if (!solveGptq(&getContext(), scheme, weight, sigma,
                 {damping, block, actOrder}, solution))
    return emitError(loc, "the inputs or the weight of layer '")
           << layer.name << "' are not finite: its codes cannot be chosen";
  if (solution.recovery == recoveries[3])
    emitWarning(loc, "layer '") << layer.name
                                << "' falls back to rounding to nearest: the "
                                   "moment of its inputs is not positive";
  double corrected = solution.after;
  if (!layer.a.empty()) {
    lora::FactorPair pair;
    if (failed(
            fitBranch(layer, weight, sigma, solution.codes, pair, corrected)))
      return failure();
    spill->write(layer.a, lora::bytesOf(pair.a, branch.type));
    spill->write(layer.b, lora::bytesOf(pair.b, branch.type));
  }
  spill->write(layer.codes, bytesOf(solution.codes.codes));
  spill->write(layer.scales,
               lora::bytesOf(solution.codes.scales, scheme.getScaleType()));
  if (!layer.zeros.empty())
    spill->write(layer.zeros, bytesOf(solution.codes.zeros));
  LayerReport report{layer.name,       textOf(scheme), solution.before,
                     solution.after,   corrected,      solution.damping,
                     solution.recovery};
  const auto *known = llvm::find(recoveries, solution.recovery);
  spill->writeNumbers(index, {report.before, report.after, report.branch,
                              report.damping, double(known - recoveries)});
  if (failed(spill->finish(index, loc)))
    return failure();
  remark::passed(loc, remarkNamed("fitted"))
      << layer.name << remark::metric("before", solution.before)
      << remark::metric("after", solution.after)
      << remark::metric("branch", corrected)
      << remark::metric("damping", solution.damping);
  tell(std::move(report));
  return success();
}

/// Tells the tool.
void Gptq::tell(LayerReport report) {
  if (const auto *given = getSettings(&getContext()))
    given->report.push_back(std::move(report));
}

/// The same for a layer that was found by a run before.
void Gptq::tellAgain(int64_t index) {
  std::vector<double> numbers = spill->readNumbers(index);
  size_t known =
      std::min<size_t>(std::size(recoveries) - 1, std::max(0.0, numbers[4]));
  tell({layers[index].name, textOf(layers[index].quantize.getScheme()),
        numbers[0], numbers[1], numbers[2], numbers[3],
        recoveries[known].str()});
}

/// From here on the copy computes with what the file holds.
void Gptq::placeInCopy(int64_t index) {
  Layer &layer = layers[index];
  nn::LinearOp op = stream->layer(index);
  SymbolTable symbols(stream->copy());
  OpBuilder b(op);
  Location loc = op.getLoc();
  SpillLoader loader(b, loc, symbols, *spill);
  Value codes = loader.load(layer.codes, layer.quantize.getCodes().getType(),
                            nn::Role::matrix);
  Value scales = loader.load(layer.scales, layer.quantize.getScales().getType(),
                             nn::Role::matrix);
  Value zeros =
      layer.zeros.empty()
          ? Value()
          : loader.load(layer.zeros, layer.quantize.getZeros().getType(),
                        nn::Role::matrix);
  Type element = getElementTypeOrSelf(op.getInput());
  op.getWeightMutable().assign(lowbit::DequantizeOp::create(
      b, loc, cast<RankedTensorType>(op.getWeight().getType()), codes, scales,
      zeros, layer.quantize.getScheme()));
  if (layer.a.empty())
    return;
  b.setInsertionPointAfter(op);
  Value a = loader.load(layer.a, factorA(layer, branch), nn::Role::adapter);
  Value up = loader.load(layer.b, factorB(layer, branch), nn::Role::adapter);
  stream->addBeside(lora::attachPlainBranch(b, op, a, up, branch, element));
}

void Gptq::placeInProgram(Layer &layer, SymbolTable &symbols) {
  OpBuilder b(layer.quantize);
  lowbit::QuantizeOp quantize = layer.quantize;
  auto role = getRole(quantize.getInput(), symbols);
  SpillLoader loader(b, quantize.getLoc(), symbols, *spill);
  auto replace = [&](Value value, StringRef key) {
    value.replaceAllUsesWith(
        loader.load(key, value.getType(), role.value_or(nn::Role::matrix)));
  };
  replace(quantize.getCodes(), layer.codes);
  replace(quantize.getScales(), layer.scales);
  if (quantize.getZeros())
    replace(quantize.getZeros(), layer.zeros);
  quantize.erase();
  if (!layer.a.empty())
    lora::attachBranch(
        b, layer.op, floatInputOf(layer.op), lora::moduleOf(layer.name), branch,
        spill->valueOf(layer.a, factorA(layer, branch)),
        spill->valueOf(layer.b, factorB(layer, branch)), symbols);
}

} // namespace qopt
