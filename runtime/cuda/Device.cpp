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
/// Graphs that are kept.
static constexpr size_t mostGraphs = 16;

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
    while (Graph *graph = device->graphs) {
      device->graphs = graph->next;
      graph->destroy(driver);
    }
    for (Handle event : device->events)
      driver.destroyEvent(event);
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
  uint64_t rounded = roundUp(bytes);
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
  if (self.profile)
    self.profile->add(size_t(kernel), args);
  if (blocks <= 0 || self.failed)
    return;
  Handle function = self.functions[size_t(kernel)];
  if (sharedBytes > plainShared)
    self.failed =
        self.driver.setFunction(function, mostDynamicShared, int(sharedBytes));
  if (self.failed)
    self.failedKernel = kernel;
  self.queue.push({kernel, function, unsigned(blocks), unsigned(threads),
                   unsigned(sharedBytes), 0, size_t(count)},
                  args);
}

qopt_status Device::begin(qopt_error *error) {
  failed = 0;
  queue.clear();
  return check(driver.setContext(context), "a step", error);
}

/// The graph of the entry at these sizes, which is the first from now on; with
/// many, the one that was not used for longest becomes it. Null: no memory.
Graph *Device::graphOf(const qopt_entry &entry, const int64_t *symbols) {
  Graph **found = nullptr, **oldest = nullptr;
  size_t count = 0;
  for (Graph **at = &graphs; *at; at = &(*at)->next) {
    if ((*at)->isOf(entry, symbols) &&
        (!found || (*at)->isPreparedFor(symbols)))
      found = at;
    if (&(*at)->of() == &entry)
      oldest = at;
    ++count;
  }
  if (!found && count >= mostGraphs)
    found = oldest;
  if (!found) {
    Graph *made = Graph::make(entry, symbols);
    if (made) {
      made->next = graphs;
      graphs = made;
    }
    return made;
  }
  Graph *graph = *found;
  *found = graph->next;
  graph->next = graphs;
  graphs = graph;
  graph->rename(symbols);
  return graph;
}

Code Device::record(size_t number) {
  Code code = 0;
  while (!code && events.size() <= number) {
    Handle event = nullptr;
    code = driver.createEvent(&event, 0);
    if (!code)
      events.push(event);
    if (events.failed())
      code = outOfMemory;
  }
  return code ? code : driver.record(events[number], stream);
}

/// Adds the seconds between event `first` and the next one.
Code Device::secondsBetween(size_t first, double *out) {
  float milliseconds = 0;
  Code code = driver.elapsed(&milliseconds, events[first], events[first + 1]);
  *out += 1e-3 * double(milliseconds);
  return code;
}

Code Device::launchGraph(Graph &graph) {
  Code code = graph.prepare(driver, queue);
  if (!code && timed)
    code = record(0);
  if (!code)
    code = graph.launch(driver, stream);
  return !code && timed ? record(1) : code;
}

/// Each launch between two events of its own.
Code Device::runProfiled() {
  size_t n = queue.launches.size();
  Code code = 0;
  for (size_t i = 0; !code && i < n; ++i) {
    const Queue::Launch &launch = queue.launches[i];
    code = places.resize(launch.count + 1) ? record(2 * i) : outOfMemory;
    if (code)
      break;
    for (size_t k = 0; k < launch.count; ++k)
      places[k] = &queue.words[launch.first + k];
    code =
        driver.launch(launch.function, launch.blocks, 1, 1, launch.threads, 1,
                      1, launch.sharedBytes, stream, places.begin(), nullptr);
    if (!code)
      code = record(2 * i + 1);
  }
  if (!code)
    code = driver.synchronize(stream);
  for (size_t i = 0; !code && i < n; ++i) {
    double took = 0;
    code = secondsBetween(2 * i, &took);
    profile->time(size_t(queue.launches[i].kernel), took);
    seconds += took;
  }
  return code;
}

qopt_status Device::start(const qopt_entry &entry, const int64_t *symbols,
                          qopt_error *error) {
  if (failed)
    return check(failed, kernels->kernels[failedKernel], error);
  if (queue.failed())
    return failMemory(error, "a step", queue.launches.size());
  if (profile)
    return check(runProfiled(), entry.name, error);
  Graph *graph = graphOf(entry, symbols);
  return graph ? check(launchGraph(*graph), entry.name, error)
               : failMemory(error, "a step", sizeof(Graph));
}

void Device::prepare(const qopt_entry &entry, const int64_t *symbols) {
  // Where this fails the step itself will see why.
  if (failed || queue.failed() || !graphs)
    return;
  Graph *other = graphs->next; // the first one runs
  while (other && !other->isOf(entry, symbols))
    other = other->next;
  if (!other) {
    other = Graph::make(entry, symbols);
    if (!other)
      return;
    other->next = graphs->next;
    graphs->next = other;
  }
  other->rename(symbols);
  other->prepare(driver, queue);
}

qopt_status Device::finish(const qopt_entry &entry, qopt_error *error) {
  Code code = driver.synchronize(stream);
  if (!code && timed && !profile)
    code = secondsBetween(0, &seconds);
  return check(code, entry.name, error);
}

} // namespace qopt::runtime::cuda
