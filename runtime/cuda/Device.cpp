// Opens a GPU, moves bytes, and records what an entry launches, see Device.h.

#include "qopt/runtime/cuda/Device.h"

#include <new>

extern "C" __attribute__((visibility("hidden"))) void
qopt_launch(qopt_pool *pool, int64_t kernel, const int64_t *args, int64_t count,
            int64_t blocks, int64_t threads, int64_t sharedBytes) {
  pool->launch(pool, kernel, args, count, blocks, threads, sharedBytes);
}

namespace qopt::runtime::cuda {

/// Shared memory that a kernel may have without being asked.
static constexpr int64_t plainShared = 48 << 10;
/// Memory grows in steps, so that growing sequences rarely ask for more.
static constexpr uint64_t unit = 2 << 20;

qopt_status Device::check(Code code, const char *doing,
                          qopt_error *error) const {
  if (!code)
    return QOPT_OK;
  return fail(error, QOPT_UNAVAILABLE, "the GPU (%.60s) fails at %s: %.120s",
              label, doing, driver.text(code));
}

/// The first code that runs on the chip.
qopt_status Device::choose(const qopt_device &program,
                           const qopt_device_code **out, qopt_error *error) {
  int major = 0, minor = 0;
  if (Code code = driver.attribute(&major, majorVersion, number))
    return check(code, "telling its version", error);
  if (Code code = driver.attribute(&minor, minorVersion, number))
    return check(code, "telling its version", error);
  uint32_t version = uint32_t(10 * major + minor);
  char chips[96] = "";
  size_t used = 0;
  for (uint32_t i = 0; i < program.code_count; ++i) {
    const qopt_device_code &code = program.codes[i];
    bool runs = code.kind == QOPT_CUBIN_OF_CHIP ? version == code.version
                : code.kind == QOPT_PTX         ? version >= code.version
                                                : version >= code.version &&
                                              version / 10 == code.version / 10;
    if (runs) {
      *out = &code;
      return QOPT_OK;
    }
    for (const char *c = used ? ", " : ""; *c && used + 1 < sizeof chips; ++c)
      chips[used++] = *c;
    for (const char *c = code.chip; *c && used + 1 < sizeof chips; ++c)
      chips[used++] = *c;
  }
  return fail(error, QOPT_UNAVAILABLE,
              "the GPU of this machine (%.60s) is sm_%u, and the model was "
              "compiled for %s; compile it with --cuda-arch=sm_%u",
              label, version, used ? chips : "no chip", version);
}

qopt_status Device::load(const qopt_device &program, int32_t index,
                         qopt_error *error) {
  if (qopt_status status = driver.open(error))
    return status;
  int count = 0, device = 0;
  driver.deviceCount(&count);
  if (index < 0 || index >= count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a device from 0 to %d, got %d", count - 1, index);
  if (qopt_status status =
          check(driver.device(&device, index), "being opened", error))
    return status;
  driver.deviceName(label, sizeof label, device);
  number = device;
  const qopt_device_code *code = nullptr;
  if (qopt_status status = choose(program, &code, error)) {
    number = -1;
    return status;
  }
  if (Code result = driver.retainContext(&context, device)) {
    number = -1;
    return check(result, "being opened", error);
  }
  qopt_status status = check(driver.setContext(context), "opening", error);
  if (!status)
    status = check(driver.loadModule(&module, code->data),
                   "loading the kernels", error);
  if (!status)
    status =
        check(driver.createStream(&stream, blockingStream), "opening", error);
  for (uint32_t i = 0; !status && i < program.kernel_count; ++i) {
    Handle function = nullptr;
    status = check(driver.function(&function, module, program.kernels[i]),
                   program.kernels[i], error);
    functions.push(function);
  }
  if (!status && functions.failed())
    status =
        failMemory(error, "the kernels", program.kernel_count * sizeof(Handle));
  kernels = &program;
  return status;
}

qopt_status Device::open(const qopt_device &program, int32_t index,
                         Device **out, qopt_error *error) {
  void *memory = malloc(sizeof(Device));
  if (!memory)
    return failMemory(error, "a device", sizeof(Device));
  auto *device = new (memory) Device;
  device->parallel = nullptr;
  device->launch = launchOne;
  if (qopt_status status = device->load(program, index, error)) {
    close(device);
    return status;
  }
  *out = device;
  return QOPT_OK;
}

void Device::close(Device *device) {
  if (!device)
    return;
  if (device->context) {
    Driver &driver = device->driver;
    driver.setContext(device->context);
    for (const Step &step : device->steps)
      driver.destroyExecutable(step.executable);
    device->release(device->arena);
    device->release(device->arguments);
    if (device->stream)
      driver.destroyStream(device->stream);
    if (device->module)
      driver.unloadModule(device->module);
    driver.releaseContext(device->number);
  }
  device->driver.close();
  device->~Device();
  free(device);
}

uint64_t Device::freeBytes() const {
  size_t left = 0, all = 0;
  return driver.memoryInfo(&left, &all) ? 0 : left;
}

qopt_status Device::reserve(Buffer &buffer, uint64_t bytes, const char *what,
                            qopt_error *error) {
  if (bytes <= buffer.size)
    return QOPT_OK;
  if (bytes > UINT64_MAX / 2)
    return failMemory(error, what, bytes);
  uint64_t rounded = (bytes + unit - 1) / unit * unit;
  driver.setContext(context); // the caller's thread may be another one
  release(buffer);
  if (driver.allocate(&buffer.address, rounded)) {
    buffer.address = 0;
    return fail(error, QOPT_UNAVAILABLE,
                "the GPU (%.60s) has no memory for %s: expected %llu MB, %llu "
                "MB are free; take a smaller batch or a shorter sequence",
                label, what, static_cast<unsigned long long>(rounded >> 20),
                static_cast<unsigned long long>(freeBytes() >> 20));
  }
  buffer.size = rounded;
  return QOPT_OK;
}

void Device::release(Buffer &buffer) {
  if (buffer.address)
    driver.free(buffer.address);
  buffer = {};
}

qopt_status Device::upload(Address to, const void *from, uint64_t bytes,
                           qopt_error *error) {
  if (!bytes)
    return QOPT_OK;
  driver.setContext(context);
  return check(driver.toDevice(to, from, bytes), "a copy to it", error);
}

qopt_status Device::download(void *to, Address from, uint64_t bytes,
                             qopt_error *error) {
  if (!bytes)
    return QOPT_OK;
  driver.setContext(context);
  return check(driver.toHost(to, from, bytes), "a copy from it", error);
}

qopt_status Device::copy(Address to, Address from, uint64_t bytes,
                         uint64_t times, qopt_error *error) {
  Code code = driver.setContext(context);
  for (uint64_t i = 0; !code && i < times; ++i)
    code = driver.copy(to, from, bytes, stream);
  if (!code)
    code = driver.synchronize(stream);
  return check(code, "a copy within it", error);
}

qopt_status Device::push(Mirror &mirror, const char *what, qopt_error *error) {
  if (mirror.state != Mirror::hostChanged)
    return QOPT_OK;
  qopt_status status = reserve(mirror.device, mirror.bytes, what, error);
  if (!status)
    status = upload(mirror.device.address, mirror.host, mirror.bytes, error);
  if (!status)
    mirror.state = Mirror::same;
  return status;
}

qopt_status Device::pull(Mirror &mirror, qopt_error *error) {
  if (mirror.state != Mirror::deviceChanged)
    return QOPT_OK;
  qopt_status status =
      download(mirror.host, mirror.device.address, mirror.bytes, error);
  if (!status)
    mirror.state = Mirror::same;
  return status;
}

void Device::launchOne(qopt_pool *pool, int64_t kernel, const int64_t *args,
                       int64_t count, int64_t blocks, int64_t threads,
                       int64_t sharedBytes) {
  auto &self = *static_cast<Device *>(pool);
  if (blocks <= 0 || self.failed)
    return;
  constexpr Code outOfMemory = 2; // CUDA_ERROR_OUT_OF_MEMORY
  Code code = self.parameters.resize(size_t(count) + 1) ? 0 : outOfMemory;
  for (int64_t i = 0; !code && i < count; ++i)
    self.parameters[size_t(i)] = const_cast<int64_t *>(args + i);
  Handle function = self.functions[size_t(kernel)];
  if (!code && sharedBytes > plainShared)
    code =
        self.driver.setFunction(function, mostDynamicShared, int(sharedBytes));
  if (!code)
    code = self.driver.launch(function, unsigned(blocks), 1, 1,
                              unsigned(threads), 1, 1, unsigned(sharedBytes),
                              self.stream, self.parameters.begin(), nullptr);
  if (code) {
    self.failed = code;
    self.failedKernel = kernel;
  }
}

qopt_status Device::begin(qopt_error *error) {
  failed = 0;
  if (qopt_status status = check(driver.setContext(context), "a step", error))
    return status;
  return check(driver.beginCapture(stream, captureRelaxed), "a step", error);
}

/// Runs a recorded graph to its end.
qopt_status Device::run(const qopt_entry &entry, Handle graph,
                        qopt_error *error) {
  Step *step = nullptr;
  for (Step &known : steps)
    if (known.entry == &entry)
      step = &known;
  if (!step) {
    steps.push({&entry, nullptr});
    if (steps.failed())
      return failMemory(error, "a step", sizeof(Step));
    step = &steps.back();
  }
  UpdateResult result = {};
  if (step->executable && driver.update(step->executable, graph, &result)) {
    driver.destroyExecutable(step->executable);
    step->executable = nullptr;
  }
  if (!step->executable)
    if (qopt_status status =
            check(driver.instantiate(&step->executable, graph, 0),
                  "preparing a step", error)) {
      step->executable = nullptr;
      return status;
    }
  Code code = driver.launchGraph(step->executable, stream);
  if (!code)
    code = driver.synchronize(stream);
  return check(code, entry.name, error);
}

qopt_status Device::finish(const qopt_entry &entry, qopt_error *error) {
  Handle graph = nullptr;
  Code code = driver.endCapture(stream, &graph);
  qopt_status status = QOPT_OK;
  if (failed)
    status = check(failed, kernels->kernels[failedKernel], error);
  else if (code)
    status = check(code, "recording a step", error);
  else
    status = run(entry, graph, error);
  if (graph)
    driver.destroyGraph(graph);
  return status;
}

} // namespace qopt::runtime::cuda
