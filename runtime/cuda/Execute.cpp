// Brings the memory of a call to the GPU, runs it there, and brings back what
// came out.

#include "qopt/runtime/cuda/Execute.h"

#include "qopt/runtime/Teacher.h"

#include <string.h>

namespace qopt::runtime::cuda {

/// Inputs and outputs begin at multiples of this.
static constexpr uint64_t alignment = 256;
/// A teacher begins at a multiple of this.
static constexpr uint64_t page = 4096;

/// Up to so many bytes go in one copy, whatever is between them: a step of
/// training takes a dozen numbers, and each copy has to be waited for.
static constexpr uint64_t together = 1 << 20;

template <typename Pointer> static Pointer pointerAt(Address address) {
  return reinterpret_cast<Pointer>(address);
}

qopt_status open(qopt_context &context, int32_t index, qopt_error *error) {
  const qopt_model &model = *context.model;
  if (qopt_status status =
          Device::open(*model.program->device, index, &context.device, error))
    return status;
  uint64_t needs = model.weightsBytes + context.variables.bytes();
  uint64_t free = context.device->freeBytes();
  if (needs > free)
    return fail(error, QOPT_UNAVAILABLE,
                "the GPU (%.60s) has %llu MB free, and the model's weights and "
                "what it trains take %llu MB; compile it with fewer bits a "
                "weight, or free memory",
                context.device->name(),
                static_cast<unsigned long long>(free >> 20),
                static_cast<unsigned long long>(needs >> 20));
  return QOPT_OK;
}

void close(qopt_context &context) {
  if (!context.device)
    return;
  for (Mirror &mirror : context.mirrors.all)
    context.device->release(mirror.device);
  Device::close(context.device);
  context.device = nullptr;
}

qopt_status beforeRead(qopt_context &context, qopt_error *error) {
  if (!context.device)
    return QOPT_OK;
  qopt_status status = context.device->pull(context.mirrors.variables(), error);
  return status ? status
                : context.device->pull(context.mirrors.caches(), error);
}

void afterWrite(qopt_context &context) {
  for (Mirror &mirror : context.mirrors.all)
    mirror.state = Mirror::hostChanged;
}

namespace {

/// One call.
class Call {
public:
  Call(qopt_context &context, const qopt_entry &entry, qopt_error *error)
      : context(context), entry(entry), device(*context.device), error(error) {}

  qopt_status run();

private:
  struct Tensors;

  qopt_status mirror();
  qopt_status teach();
  qopt_status placeArguments();
  qopt_status copyInputs();
  qopt_status copyOutputs();
  void placeStates();
  void prepareNext(qopt_call call);
  Tensors inputsOf() const;
  Tensors outputsOf() const;
  /// The bytes of the next of the tensors whose sizes `dims` lists.
  uint64_t bytesOf(const qopt_tensor_spec &spec, const int64_t *&dims) const;

  qopt_context &context;
  const qopt_entry &entry;
  Device &device;
  qopt_error *error;
  Address outputsBegin = 0, outputsEnd = 0;
};

} // namespace

uint64_t Call::bytesOf(const qopt_tensor_spec &spec,
                       const int64_t *&dims) const {
  uint64_t elements = 0;
  countElements(dims, spec.rank, &elements);
  dims += spec.rank;
  return elements * sizeOf(spec.type);
}

/// Weights of a teacher lie behind the variables, as on the CPU.
qopt_status Call::teach() {
  const qopt_model &model = *context.model;
  uint64_t teacher = context.variables.areTaught() ? teacherBytes(model) : 0;
  Mirror &variables = context.mirrors.variables();
  uint64_t begin = (context.variables.bytes() + page - 1) / page * page;
  Address &taught = context.mirrors.teacher;
  if (!teacher || (taught && taught == variables.device.address + begin))
    return QOPT_OK;
  // Growing loses what is there.
  qopt_status status = device.pull(variables, error);
  if (!status)
    status = device.reserve(variables.device, begin + teacher,
                            "what is trained and the teacher", error);
  if (status)
    return status;
  variables.state = Mirror::hostChanged;
  struct Taker {
    Device &device;
    Address to;
  } taker{device, variables.device.address + begin};
  taught = 0;
  status = readTeacher(
      model,
      [](void *self, uint64_t at, const uint8_t *data, uint64_t bytes,
         qopt_error *error) {
        auto *taker = static_cast<Taker *>(self);
        return taker->device.upload(taker->to + at, data, bytes, error);
      },
      &taker, error);
  if (!status)
    taught = taker.to;
  return status;
}

/// Weights, variables and caches.
qopt_status Call::mirror() {
  Mirrors &mirrors = context.mirrors;
  auto push = [&](Mirror &mirror, const uint8_t *host, uint64_t bytes,
                  const char *what) {
    if (mirror.host != host || mirror.bytes != bytes)
      mirror.state = Mirror::hostChanged;
    mirror.host = const_cast<uint8_t *>(host);
    mirror.bytes = bytes;
    return device.push(mirror, what, error);
  };
  const uint8_t *weights =
      context.weights ? context.weights : context.model->weights;
  qopt_status status = push(mirrors.weights(), weights,
                            context.model->weightsBytes, "the weights");
  if (!status)
    status = teach();
  if (!status)
    status = push(mirrors.variables(), context.variables.get(),
                  context.variables.bytes(), "what is trained");
  if (!status && entry.state_count)
    status = push(mirrors.caches(), context.caches.get(), context.caches.size(),
                  "the cache of keys and values");
  return status;
}

/// Tells where inputs and outputs lie on the device.
qopt_status Call::placeArguments() {
  if (!device.inputs.resize(entry.input_count + 1) ||
      !device.outputs.resize(entry.output_count + 1) ||
      !device.states.resize(entry.state_count + 1))
    return failMemory(error, "the arguments of a call", 0);
  auto offsetBehind = [](uint64_t offset, uint64_t bytes) {
    return offset + (bytes + alignment - 1) / alignment * alignment;
  };
  const int64_t *dims = context.dims.begin();
  uint64_t total = alignment; // something, where all are empty
  for (uint32_t i = 0; i < entry.input_count; ++i)
    total = offsetBehind(total, bytesOf(entry.inputs[i], dims));
  for (uint32_t i = 0; i < entry.output_count; ++i)
    total = offsetBehind(total, bytesOf(entry.outputs[i], dims));
  if (qopt_status status =
          device.reserve(device.arguments, total, "inputs and outputs", error))
    return status;
  dims = context.dims.begin();
  uint64_t next = device.arguments.address;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    device.inputs[i] = pointerAt<const void *>(next);
    next = offsetBehind(next, bytesOf(entry.inputs[i], dims));
  }
  outputsBegin = next;
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    device.outputs[i] = pointerAt<void *>(next);
    next = offsetBehind(next, bytesOf(entry.outputs[i], dims));
  }
  outputsEnd = next;
  return QOPT_OK;
}

/// What is copied: the inputs, or the outputs, which lie one behind the other.
struct Call::Tensors {
  const qopt_tensor_spec *specs;
  uint32_t count;
  const int64_t *dims;
  Address begin, end;
};

Call::Tensors Call::inputsOf() const {
  return {entry.inputs, entry.input_count, context.dims.begin(),
          device.arguments.address, outputsBegin};
}

Call::Tensors Call::outputsOf() const {
  const int64_t *dims = context.dims.begin();
  for (uint32_t i = 0; i < entry.input_count; ++i)
    dims += entry.inputs[i].rank;
  return {entry.outputs, entry.output_count, dims, outputsBegin, outputsEnd};
}

qopt_status Call::copyInputs() {
  Tensors all = inputsOf();
  bool oneByOne = all.end - all.begin > together;
  if (!oneByOne && !device.staging.resize(all.end - all.begin))
    return failMemory(error, "inputs", all.end - all.begin);
  for (uint32_t i = 0; i < all.count; ++i) {
    uint64_t bytes = bytesOf(all.specs[i], all.dims);
    Address to = Address(device.inputs[i]);
    if (!oneByOne && bytes)
      memcpy(device.staging.begin() + (to - all.begin), context.inputs[i],
             bytes);
    else if (qopt_status status =
                 device.upload(to, context.inputs[i], bytes, error))
      return status;
  }
  return oneByOne ? QOPT_OK
                  : device.upload(all.begin, device.staging.begin(),
                                  all.end - all.begin, error);
}

qopt_status Call::copyOutputs() {
  Tensors all = outputsOf();
  bool oneByOne = all.count == 1 || all.end - all.begin > together;
  if (!oneByOne) {
    if (!device.staging.resize(all.end - all.begin))
      return failMemory(error, "outputs", all.end - all.begin);
    if (qopt_status status = device.download(device.staging.begin(), all.begin,
                                             all.end - all.begin, error))
      return status;
  }
  for (uint32_t i = 0; i < all.count; ++i) {
    uint64_t bytes = bytesOf(all.specs[i], all.dims);
    Address from = Address(device.outputs[i]);
    if (!oneByOne && bytes)
      memcpy(context.outputs[i], device.staging.begin() + (from - all.begin),
             bytes);
    else if (qopt_status status =
                 device.download(context.outputs[i], from, bytes, error))
      return status;
  }
  return QOPT_OK;
}

/// Caches lie in their mirror as in the memory of the host.
void Call::placeStates() {
  const Mirror &caches = context.mirrors.caches();
  for (uint32_t i = 0; i < entry.state_count; ++i) {
    auto *host = static_cast<const uint8_t *>(context.states[i]);
    device.states[i] =
        pointerAt<void *>(caches.device.address + uint64_t(host - caches.host));
  }
}

/// The next token differs in the positions that the caches hold, nearly always:
/// while this one is computed the launches of that one are made ready.
void Call::prepareNext(qopt_call call) {
  Growing<int64_t> &symbols = device.nextSymbols;
  if (!symbols.resize(entry.symbol_count + 1))
    return;
  for (uint32_t i = 0; i < entry.symbol_count; ++i)
    symbols[i] =
        context.symbols[i] + (strcmp(entry.symbols[i], "past") ? 0 : 1);
  call.symbols = symbols.begin();
  if (device.begin(nullptr))
    return;
  entry.run(&call);
  device.prepare(entry, symbols.begin());
}

qopt_status Call::run() {
  qopt_status status = mirror();
  if (!status)
    status = placeArguments();
  if (!status)
    status = copyInputs();
  if (!status)
    status = device.begin(error);
  if (status)
    return status;
  placeStates();
  Mirrors &mirrors = context.mirrors;
  qopt_call call = {
      pointerAt<const uint8_t *>(mirrors.weights().device.address),
      pointerAt<uint8_t *>(device.arena.address),
      context.symbols.begin(),
      device.inputs.begin(),
      device.outputs.begin(),
      device.states.begin(),
      &device,
      pointerAt<uint8_t *>(mirrors.variables().device.address),
      context.inputs.begin(),
  };
  entry.run(&call);
  status = device.start(entry, context.symbols.begin(), error);
  if (!status && &entry == context.model->decode && !device.profile)
    prepareNext(call);
  if (!status)
    status = device.finish(entry, error);
  if (status)
    return status;
  if (mirrors.variables().bytes)
    mirrors.variables().state = Mirror::deviceChanged;
  if (entry.state_count)
    mirrors.caches().state = Mirror::deviceChanged;
  return copyOutputs();
}

qopt_status execute(qopt_context &context, const qopt_entry &entry,
                    qopt_error *error) {
  return Call(context, entry, error).run();
}

} // namespace qopt::runtime::cuda
