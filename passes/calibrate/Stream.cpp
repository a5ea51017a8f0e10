// Runs segments over the samples, batch by batch.

#include "qopt/passes/calibrate/Stream.h"

#include "mlir/IR/IRMapping.h"
#include "qopt/dialects/nn/WeightFile.h"

using namespace mlir;

namespace qopt::calibrate {

/// Rows that are computed at once: enough for a matrix product to be fast.
static constexpr int64_t rowsAtOnce = 2048;

FailureOr<std::unique_ptr<Stream>> Stream::create(ModuleOp program,
                                                  ArrayRef<Operation *> layers,
                                                  const Samples &samples,
                                                  Executor &executor) {
  std::unique_ptr<Stream> stream(
      new Stream(samples, executor, nn::folderOf(program)));
  IRMapping mapping;
  stream->module = cast<ModuleOp>(program->clone(mapping));
  auto copied = llvm::map_to_vector(
      layers, [&](Operation *op) { return mapping.lookup(op); });
  auto function = prepareCopy(*stream->module, copied, stream->layers);
  if (failed(function))
    return failure();
  stream->function = *function;
  stream->plan();
  for (auto [i, op] : llvm::enumerate(stream->layers)) {
    size_t level = stream->level.lookup(op.getResult());
    if (level == 0)
      return layers[i]->emitError("expects an input that depends on tokens");
    if (stream->levels.size() < level)
      stream->levels.resize(level);
    stream->levels[level - 1].push_back(i);
  }
  return stream;
}

/// Levels of all values, and how long they are needed. A level's layers may
/// have changed since.
void Stream::plan() {
  dims = std::make_unique<nn::Dims>(function);
  level.clear();
  lastUse.clear();
  llvm::SmallPtrSet<Operation *, 16> calibrated;
  for (nn::LinearOp op : llvm::concat<nn::LinearOp>(layers, beside))
    calibrated.insert(op);
  level[function.getArgument(0)] = 0;
  for (Operation &op : function.front().without_terminator()) {
    int64_t own = -1;
    for (Value operand : op.getOperands())
      if (auto found = level.find(operand); found != level.end())
        own = std::max(own, found->second);
    for (Value result : op.getResults())
      if (own >= 0 && !isa<IndexType>(result.getType()))
        level[result] = own + calibrated.contains(&op);
  }
  // Only what leads to the input of a layer is computed.
  llvm::SmallPtrSet<Operation *, 16> needed;
  for (Operation &op : llvm::reverse(function.front().without_terminator())) {
    bool isLayer = calibrated.contains(&op);
    if (!isLayer && llvm::none_of(op.getUsers(), [&](Operation *user) {
          return needed.contains(user);
        }))
      continue;
    needed.insert(&op);
    auto own = level.find(op.getNumResults() ? op.getResult(0) : Value());
    if (own == level.end())
      continue;
    for (Value operand : op.getOperands()) {
      int64_t &last = lastUse.try_emplace(operand, -1).first->second;
      last = std::max(last, own->second);
    }
  }
}

/// What this level makes for later ones.
SmallVector<Value> Stream::outputsOf(int64_t wanted) {
  SmallVector<Value> outputs;
  for (Operation &op : function.front().without_terminator())
    for (Value result : op.getResults())
      if (auto own = level.find(result); own != level.end() &&
                                         own->second == wanted &&
                                         lastUse.lookup(result) > wanted)
        outputs.push_back(result);
  return outputs;
}

int64_t Stream::elementsOf(Value value, int64_t sequences) const {
  MLIRContext *context = value.getContext();
  AffineExpr values[] = {getAffineConstantExpr(sequences, context),
                         getAffineConstantExpr(samples.length, context)};
  int64_t count = 1;
  for (AffineExpr size : dims->of(value))
    count *= cast<AffineConstantExpr>(
                 simplifyAffineExpr(size.replaceSymbols(values), 0, 0))
                 .getValue();
  return count;
}

/// Rows of floats of any type as f32.
static const float *widened(Type element, const void *data, int64_t count,
                            std::vector<float> &buffer) {
  if (element.isF32())
    return static_cast<const float *>(data);
  buffer.resize(count);
  auto *words = static_cast<const uint16_t *>(data);
  auto *doubles = static_cast<const double *>(data);
  for (int64_t i = 0; i < count; ++i)
    if (element.isF64()) {
      buffer[i] = float(doubles[i]);
    } else if (element.isBF16()) {
      buffer[i] = llvm::bit_cast<float>(uint32_t(words[i]) << 16);
    } else {
      _Float16 half;
      std::memcpy(&half, words + i, sizeof half);
      buffer[i] = float(half);
    }
  return buffer.data();
}

void Stream::measure(Value value, const void *data, int64_t count) {
  auto found = moments.find(value);
  if (found == moments.end())
    return;
  auto &[sum, part] = found->second;
  auto type = cast<RankedTensorType>(value.getType());
  int64_t C = type.getShape().back(), rows = count / C;
  std::vector<float> buffer;
  View<const float> x{widened(type.getElementType(), data, count, buffer), rows,
                      C, C};
  part.assign(C * C, 0);
  multiplyAdd(value.getContext(), 1.0f, x.transposed(), x,
              View<float>{part.data(), C, C, C}, /*upper=*/true);
  double scale = 2.0 / samples.count;
  for (int64_t r = 0; r < C; ++r)
    for (int64_t c = r; c < C; ++c)
      sum(r, c) += scale * part[r * C + c];
}

LogicalResult Stream::runBatch(Executable &code, int64_t level, int64_t batch,
                               ArrayRef<Value> inputs,
                               ArrayRef<Value> outputs) {
  int64_t atOnce = std::max<int64_t>(1, rowsAtOnce / samples.length);
  int64_t first = batch * atOnce;
  int64_t sequences = std::min(atOnce, samples.count - first);
  SmallVector<const void *> in{samples.ids.data() + first * samples.length};
  for (Value input : inputs.drop_front())
    in.push_back(stored[input][batch]);
  SmallVector<void *> out;
  for (Value output : outputs) {
    auto type = cast<RankedTensorType>(output.getType());
    int64_t width = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    out.push_back(store.allocate(elementsOf(output, sequences) * width));
    stored[output].push_back(out.back());
  }
  if (failed(code.run({sequences, samples.length}, in, out)))
    return failure();
  for (auto [output, data] : llvm::zip_equal(outputs, out)) {
    measure(output, data, elementsOf(output, sequences));
    store.rest(data);
  }
  // A level that runs later may read what this one only passed by.
  for (auto &[value, batches] : stored)
    if (lastUse.lookup(value) <= level && batches.size() > size_t(batch))
      if (void *&data = batches[batch]) {
        store.release(data);
        data = nullptr;
      }
  return success();
}

LogicalResult Stream::runSegment(int64_t level, ArrayRef<Value> outputs) {
  SmallVector<Value> inputs;
  auto segment =
      cutSegment(function, *dims, this->level, level, inputs, outputs);
  auto code = executor.compile(std::move(segment), folder);
  if (failed(code))
    return failure();
  int64_t atOnce = std::max<int64_t>(1, rowsAtOnce / samples.length);
  for (int64_t batch = 0; batch * atOnce < samples.count; ++batch)
    if (failed(runBatch(**code, level, batch, inputs, outputs)))
      return failure();
  return success();
}

LogicalResult Stream::advance(int64_t target, bool measured) {
  plan();
  moments.clear();
  for (; reached < target - 1; ++reached) {
    int64_t next = reached + 1;
    if (measured && next == target - 1)
      for (int64_t index : layersOf(target)) {
        Value input = layers[index].getInput();
        int64_t C = cast<RankedTensorType>(input.getType()).getShape().back();
        moments[input].sum = Matrix(C, C);
      }
    if (failed(runSegment(next, outputsOf(next))))
      return failure();
  }
  for (auto &[value, moment] : moments)
    for (int64_t r = 1; r < moment.sum.rows; ++r)
      for (int64_t c = 0; c < r; ++c)
        moment.sum(r, c) = moment.sum(c, r);
  return success();
}

void Stream::quantize(int64_t index, lowbit::SchemeAttr scheme) {
  nn::LinearOp op = layers[index];
  OpBuilder b(op);
  auto codes =
      lowbit::QuantizeOp::create(b, op.getLoc(), op.getWeight(), scheme);
  op.getWeightMutable().assign(lowbit::DequantizeOp::create(
      b, op.getLoc(), cast<RankedTensorType>(op.getWeight().getType()),
      codes.getCodes(), codes.getScales(), codes.getZeros(), scheme));
}

/// The moment as T tokens tell it has C^2 elements, many of them large only by
/// chance where T is not many times C; codes that fit chance are worse on other
/// text. So it moves to its diagonal as far as C more tokens would move it
/// whose inputs have nothing to do with each other (Schaefer and Strimmer's
/// target, 2005). The number C is measured: of C / 4 .. 4 C about the best for
/// tokens that were held out (SmolLM2, 4096 and 16384 tokens).
Matrix Stream::momentOf(int64_t index) const {
  nn::LinearOp op = layers[index];
  Matrix moment = moments.find(op.getInput())->second.sum;
  int64_t C = moment.rows;
  double tokens = double(samples.count) * double(samples.length);
  double kept = tokens / (tokens + double(C));
  for (int64_t r = 0; r < C; ++r)
    for (int64_t c = 0; c < C; ++c)
      moment(r, c) *= r == c ? 1 : kept;
  return moment;
}

} // namespace qopt::calibrate
