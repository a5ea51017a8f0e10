// A step of training: what an entry is called with, and in which order.
//
// One micro-batch is one call of `train_step`. Several are summed by
// `train_accumulate` and used up by `train_update`. All that can fail comes
// before the first of them.

#include "qopt/runtime/Context.h"
#include "qopt/runtime/cuda/Execute.h"

#include <math.h>
#include <string.h>

namespace qopt::runtime {

namespace {

/// What the entries call it, in f32 and i64.
struct Numbers {
  float weight, clip, lr, beta1, beta2, eps, weight_decay, momentum;
  int64_t step, seed;
  float loss, norm; ///< results
};

/// One call of qopt_train_step.
class TrainStep {
public:
  TrainStep(qopt_context &context, const qopt_micro_batch *batches,
            uint64_t count, qopt_error *error)
      : context(context), model(*context.model), batches(batches), count(count),
        error(error) {}

  qopt_status run(const qopt_train_options &options, qopt_train_result &result);

private:
  qopt_status checkEntries();
  qopt_status checkBatches();
  qopt_status checkIds(const qopt_micro_batch &batch);
  qopt_status setNumbers(const qopt_train_options &options);
  qopt_status prepare();
  qopt_status setSizes(const qopt_entry &entry, const qopt_micro_batch &batch);
  qopt_status bind(const qopt_entry &entry, const qopt_micro_batch &batch);
  const void *numberOf(const qopt_tensor_spec &input) const;
  const void *tokensOf(const qopt_tensor_spec &input, const int64_t *tokens,
                       const qopt_micro_batch &batch, uint8_t *room) const;
  qopt_status call(const qopt_entry &entry, const qopt_micro_batch &batch);
  void clearSums();

  qopt_context &context;
  const qopt_model &model;
  const qopt_micro_batch *batches;
  uint64_t count;
  qopt_error *error;
  uint64_t counted = 0, mostTokens = 0;
  Numbers numbers = {};
  Growing<float> lambda;
};

} // namespace

static unsigned long long wide(uint64_t value) { return value; }

/// train_update has no tokens.
static constexpr qopt_micro_batch noTokens = {nullptr, nullptr, 0, 0};

qopt_status TrainStep::checkEntries() {
  bool sums = model.trainAccumulate && model.trainUpdate;
  if (!model.trainStep && !sums)
    return fail(error, QOPT_NOT_FOUND,
                "the model has no training entry; compile it with qopt "
                "--train");
  if (!count || !batches)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected at least one micro-batch");
  if (count > 1 && !sums)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected one micro-batch, got %llu: the model cannot sum "
                "gradients, it was compiled without train_accumulate",
                wide(count));
  return QOPT_OK;
}

qopt_status TrainStep::checkIds(const qopt_micro_batch &batch) {
  int64_t vocabulary = model.program->vocabulary;
  for (uint64_t i = 0; i < batch.batch * batch.count; ++i) {
    int64_t id = batch.ids[i], target = batch.targets[i];
    bool isId = id >= 0 && id < vocabulary;
    if (!isId || target >= vocabulary)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected %s from 0 to %lld, got %lld at [%llu, %llu]",
                  isId ? "targets" : "tokens",
                  static_cast<long long>(vocabulary - 1),
                  static_cast<long long>(isId ? target : id),
                  wide(i / batch.count), wide(i % batch.count));
    counted += target >= 0;
  }
  return QOPT_OK;
}

qopt_status TrainStep::checkBatches() {
  for (uint64_t i = 0; i < count; ++i) {
    const qopt_micro_batch &batch = batches[i];
    if (!batch.ids || !batch.targets)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected tokens and targets, got NULL");
    if (!batch.batch || batch.batch > context.maxBatch || !batch.count ||
        batch.count > context.maxSeq)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected a micro-batch of at most [%llu, %llu] (max_batch, "
                  "max_seq), got [%llu, %llu]",
                  wide(context.maxBatch), wide(context.maxSeq),
                  wide(batch.batch), wide(batch.count));
    uint64_t tokens = batch.batch * batch.count;
    mostTokens = tokens > mostTokens ? tokens : mostTokens;
    if (qopt_status status = checkIds(batch))
      return status;
  }
  if (!counted)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a target that counts, got none of 0 or more");
  return QOPT_OK;
}

qopt_status TrainStep::setNumbers(const qopt_train_options &options) {
  const float finite[] = {options.lr,      options.clip, options.beta1,
                          options.beta2,   options.eps,  options.weight_decay,
                          options.momentum};
  const char *const names[] = {"lr",  "clip",         "beta1",   "beta2",
                               "eps", "weight_decay", "momentum"};
  for (size_t i = 0; i < sizeof finite / sizeof *finite; ++i)
    if (!(finite[i] >= 0 && finite[i] <= 3e38f))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected %s of 0 or more, got %g", names[i],
                  double(finite[i]));
  if (!options.step || options.step > INT64_MAX)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected steps from 1 on, got %llu", wide(options.step));
  numbers.weight = 1.0f / float(counted);
  numbers.clip = options.clip;
  numbers.lr = options.lr;
  numbers.beta1 = options.beta1;
  numbers.beta2 = options.beta2;
  numbers.eps = options.eps;
  numbers.weight_decay = options.weight_decay;
  numbers.momentum = options.momentum;
  numbers.step = int64_t(options.step);
  numbers.seed = int64_t(options.seed);

  uint64_t sites = context.lambda.size();
  if (options.lambda && options.lambda_count != sites)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected %llu values of lambda, one a site, got %llu",
                wide(sites), wide(options.lambda_count));
  if (!lambda.resize(sites))
    return failMemory(error, "lambda", sites * sizeof(float));
  for (uint64_t i = 0; i < sites; ++i) {
    lambda[i] = options.lambda ? options.lambda[i] : 1;
    if (!(lambda[i] >= 0 && lambda[i] <= 1))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected lambda from 0 to 1, got %g for site %llu",
                  double(lambda[i]), wide(i));
  }
  return QOPT_OK;
}

//===----------------------------------------------------------------------===//
// Inputs and outputs, by name
//===----------------------------------------------------------------------===//

const void *TrainStep::numberOf(const qopt_tensor_spec &input) const {
  struct Named {
    const char *name;
    uint32_t type;
    const void *value;
  };
  const Named table[] = {{"weight", QOPT_F32, &numbers.weight},
                         {"clip", QOPT_F32, &numbers.clip},
                         {"lr", QOPT_F32, &numbers.lr},
                         {"beta1", QOPT_F32, &numbers.beta1},
                         {"beta2", QOPT_F32, &numbers.beta2},
                         {"eps", QOPT_F32, &numbers.eps},
                         {"weight_decay", QOPT_F32, &numbers.weight_decay},
                         {"momentum", QOPT_F32, &numbers.momentum},
                         {"step", QOPT_I64, &numbers.step},
                         {"seed", QOPT_I64, &numbers.seed}};
  for (const Named &named : table)
    if (input.type == named.type && !input.rank &&
        !strcmp(input.name, named.name))
      return named.value;
  bool isLambda = input.type == QOPT_F32 && !strcmp(input.name, "lambda");
  return isLambda ? lambda.begin() : nullptr;
}

/// Tokens in the type of the entry; narrow ones are written to `room`.
const void *TrainStep::tokensOf(const qopt_tensor_spec &input,
                                const int64_t *tokens,
                                const qopt_micro_batch &batch,
                                uint8_t *room) const {
  if (input.type == QOPT_I64)
    return tokens;
  auto *narrow = reinterpret_cast<int32_t *>(room);
  for (uint64_t i = 0; i < batch.batch * batch.count; ++i)
    narrow[i] = tokens[i] < 0 ? -1 : int32_t(tokens[i]);
  return narrow;
}

qopt_status TrainStep::bind(const qopt_entry &entry,
                            const qopt_micro_batch &batch) {
  auto unknown = [&](const char *kind, const char *name) {
    return fail(error, QOPT_CORRUPT,
                "entry '%.20s' has an unknown %s '%.40s'; compile the model "
                "again",
                entry.name, kind, name);
  };
  uint64_t idRoom = (mostTokens * sizeof(int32_t) + 63) & ~63ull;
  if (!context.staging.reserve(2 * idRoom) ||
      !context.inputs.resize(entry.input_count + 1) ||
      !context.outputs.resize(entry.output_count + 1) ||
      !context.states.resize(1))
    return failMemory(error, "tokens", 2 * idRoom);
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const qopt_tensor_spec &input = entry.inputs[i];
    bool isTokens =
        input.rank == 2 && (input.type == QOPT_I64 || input.type == QOPT_I32);
    bool isTargets = isTokens && !strcmp(input.name, "targets");
    if (isTargets)
      context.inputs[i] =
          tokensOf(input, batch.targets, batch, context.staging.get() + idRoom);
    else if (isTokens && !strcmp(input.name, "input_ids"))
      context.inputs[i] =
          tokensOf(input, batch.ids, batch, context.staging.get());
    else
      context.inputs[i] = numberOf(input);
    if (!context.inputs[i])
      return unknown("input", input.name);
  }
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    const qopt_tensor_spec &output = entry.outputs[i];
    bool isLoss = !strcmp(output.name, "loss"),
         isNorm = !strcmp(output.name, "grad_norm");
    if (output.rank || output.type != QOPT_F32 || (!isLoss && !isNorm))
      return unknown("output", output.name);
    context.outputs[i] = isLoss ? &numbers.loss : &numbers.norm;
  }
  return entry.state_count ? unknown("state", entry.states[0].name) : QOPT_OK;
}

//===----------------------------------------------------------------------===//
// The step
//===----------------------------------------------------------------------===//

qopt_status TrainStep::setSizes(const qopt_entry &entry,
                                const qopt_micro_batch &batch) {
  return setSymbols(context, entry, batch.batch, batch.count, 0, 0, error);
}

/// Finds out whether all calls can be made, and makes room for them.
qopt_status TrainStep::prepare() {
  if (qopt_status status = context.variables.openTeacher(model, error))
    return status;
  bool sums = count > 1 || !model.trainStep;
  const qopt_entry &first = sums ? *model.trainAccumulate : *model.trainStep;
  auto prepareOne = [&](const qopt_entry &entry,
                        const qopt_micro_batch &batch) {
    qopt_status status = setSizes(entry, batch);
    if (!status)
      status = reserveArena(context, entry, error);
    return status ? status : bind(entry, batch);
  };
  for (uint64_t i = 0; i < count; ++i)
    if (qopt_status status = prepareOne(first, batches[i]))
      return status;
  return sums ? prepareOne(*model.trainUpdate, noTokens) : QOPT_OK;
}

qopt_status TrainStep::call(const qopt_entry &entry,
                            const qopt_micro_batch &batch) {
  qopt_status status = setSizes(entry, batch);
  if (!status)
    status = bind(entry, batch);
  return status ? status : execute(context, entry, error);
}

/// Gradients that nobody uses up must not be in the next step.
void TrainStep::clearSums() {
  const qopt_program &program = *model.program;
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const qopt_variable &variable = program.variables[i];
    if (roleOf(program, variable) == VariableRole::sum)
      memset(context.variables.get() + variable.offset, 0, bytesOf(variable));
  }
}

qopt_status TrainStep::run(const qopt_train_options &options,
                           qopt_train_result &result) {
  qopt_status status = checkEntries();
  if (!status)
    status = checkBatches();
  if (!status)
    status = setNumbers(options);
  if (!status)
    status = prepare();
  if (status)
    return status;
  context.variables.own(model, /*values=*/true);

  double loss = 0;
  if (count == 1 && model.trainStep) {
    status = call(*model.trainStep, batches[0]);
    loss = double(numbers.loss);
  } else {
    for (uint64_t i = 0; !status && i < count; ++i) {
      status = call(*model.trainAccumulate, batches[i]);
      loss += double(numbers.loss);
    }
    if (!status)
      status = call(*model.trainUpdate, noTokens);
    if (status && !cuda::beforeRead(context, nullptr)) {
      clearSums();
      cuda::afterWrite(context);
    }
  }
  if (status)
    return status;
  context.position = 0;
  for (uint64_t i = 0; i < lambda.size(); ++i)
    context.lambda[i] = lambda[i];
  result.targets = counted;
  result.loss = loss;
  result.grad_norm = double(numbers.norm);
  return QOPT_OK;
}

} // namespace qopt::runtime

using namespace qopt::runtime;

const char *qopt_model_trainable(const qopt_model *model, uint32_t index) {
  const qopt_program &program = *model->program;
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const qopt_variable &variable = program.variables[i];
    if (roleOf(program, variable) == VariableRole::parameter && !index--)
      return variable.name;
  }
  return nullptr;
}

uint64_t qopt_model_lambda_count(const qopt_model *model) {
  return lambdaCount(model->variant);
}

qopt_status qopt_context_variable(qopt_context *context, const char *name,
                                  qopt_tensor *tensor, qopt_error *error) {
  if (!context || !name || !tensor)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context, a name and a place for the tensor");
  const qopt_variable *variable = findVariable(*context->model->program, name);
  if (!variable)
    return fail(error, QOPT_NOT_FOUND,
                "the model trains no '%.120s'; qopt_model_trainable lists what "
                "it trains",
                name);
  if (qopt_status status = cuda::beforeRead(*context, error))
    return status;
  cuda::afterWrite(*context); // the caller may
  *tensor = {context->variables.get() + variable->offset,
             1,
             0,
             int32_t(variable->rank),
             dtypeOf(variable->type),
             const_cast<int64_t *>(variable->dims),
             nullptr,
             0};
  return QOPT_OK;
}

qopt_status qopt_train_defaults(qopt_train_options *options,
                                qopt_error *error) {
  if (!options || options->size < sizeof *options)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected options with their size set");
  uint64_t size = options->size;
  *options = {};
  options->size = size;
  options->lr = 1e-4f;
  options->clip = 1;
  options->beta1 = 0.9f;
  options->beta2 = 0.999f;
  options->eps = 1e-8f;
  options->step = 1;
  return QOPT_OK;
}

qopt_status qopt_train_step(qopt_context *context,
                            const qopt_micro_batch *batches, uint64_t count,
                            const qopt_train_options *options,
                            qopt_train_result *result, qopt_error *error) {
  if (!context || !options || options->size < sizeof *options ||
      (result && result->size < sizeof *result))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context, and options and result with their sizes "
                "set");
  qopt_train_result ignored = {};
  return TrainStep(*context, batches, count, error)
      .run(*options, result ? *result : ignored);
}
