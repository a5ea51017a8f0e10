// The functions of NVIDIA's driver that the runtime calls, on the SIMT
// interpreter: what qopt writes for GPUs runs, with its own runtime, where
// there is none.
//
// The code that is loaded is not looked at. It is taken from what `qopt
// --target=cuda --stop-after=generate` wrote of the same model: `program.mlir`
// in the folder where the library was found, which may be a link to it. There,
// too, `chip` is the version of the GPU (90), `megabytes` its memory (1024), a
// number each. Launches must be recorded into a graph, as the runtime does.

#include <dlfcn.h>

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "qopt/codegen/simt/Simulator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qopt;

namespace {

using Code = int;
using Address = uint64_t;
using Handle = void *;

// Values of CUresult.
constexpr Code fine = 0, invalidValue = 1, outOfMemory = 2, notFound = 500,
               launchFailed = 719, updateFailed = 910, notSupported = 801;

struct Launch {
  LLVM::LLVMFuncOp kernel;
  simt::Grid grid;
  std::vector<uint64_t> words;
};
using Graph = std::vector<Launch>;

/// The one device.
struct Machine {
  MLIRContext context;
  llvm::SourceMgr sources;
  std::unique_ptr<SourceMgrDiagnosticHandler> diagnostics;
  OwningOpRef<ModuleOp> program;
  std::unique_ptr<simt::Simulator> simulator;
  bool capturing = false;
  Graph recorded;
  uint64_t used = 0;

  /// A file beside the library, as it was found.
  static std::string pathOf(StringRef name) {
    Dl_info own = {};
    dladdr(reinterpret_cast<void *>(pathOf), &own);
    SmallString<256> path(llvm::sys::path::parent_path(own.dli_fname));
    llvm::sys::path::append(path, name);
    return path.str().str();
  }
  static uint64_t setting(StringRef name, uint64_t otherwise) {
    auto file = llvm::MemoryBuffer::getFile(pathOf(name));
    uint64_t value = otherwise;
    if (file)
      (*file)->getBuffer().trim().getAsInteger(10, value);
    return value;
  }
  uint64_t bytes() const { return setting("megabytes", 1024) << 20; }

  Code load() {
    DialectRegistry registry;
    registry.insert<DLTIDialect, gpu::GPUDialect, LLVM::LLVMDialect,
                    NVVM::NVVMDialect>();
    context.appendDialectRegistry(registry);
    diagnostics =
        std::make_unique<SourceMgrDiagnosticHandler>(sources, &context);
    program =
        parseSourceFile<ModuleOp>(pathOf("program.mlir"), sources, &context);
    if (!program)
      return notFound;
    simulator = std::make_unique<simt::Simulator>(*program, simt::Options());
    return fine;
  }
};

Machine &machine() {
  static Machine machine;
  return machine;
}

} // namespace

#define DRIVER extern "C" __attribute__((visibility("default"))) Code

DRIVER cuInit(unsigned) { return fine; }

DRIVER cuGetErrorString(Code code, const char **text) {
  switch (code) {
  case outOfMemory:
    *text = "out of memory";
    break;
  case notFound:
    *text = "named symbol not found";
    break;
  case launchFailed:
    *text = "unspecified launch failure";
    break;
  default:
    *text = "invalid argument";
  }
  return fine;
}

DRIVER cuDriverGetVersion(int *version) {
  *version = 12000;
  return fine;
}

DRIVER cuDeviceGetCount(int *count) {
  *count = 1;
  return fine;
}

DRIVER cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? fine : invalidValue;
}

DRIVER cuDeviceGetName(char *name, int room, int) {
  snprintf(name, size_t(room), "simulated GPU");
  return fine;
}

DRIVER cuDeviceGetAttribute(int *value, int attribute, int) {
  constexpr int major = 75, minor = 76;
  uint64_t chip = Machine::setting("chip", 90);
  if (attribute != major && attribute != minor)
    return notSupported;
  *value = int(attribute == major ? chip / 10 : chip % 10);
  return fine;
}

DRIVER cuDeviceTotalMem_v2(size_t *bytes, int) {
  *bytes = machine().bytes();
  return fine;
}

DRIVER cuDevicePrimaryCtxRetain(Handle *context, int) {
  *context = &machine();
  return fine;
}
DRIVER cuDevicePrimaryCtxRelease_v2(int) { return fine; }
DRIVER cuCtxSetCurrent(Handle) { return fine; }

DRIVER cuModuleLoadData(Handle *module, const void *) {
  *module = &machine();
  return machine().load();
}
DRIVER cuModuleUnload(Handle) { return fine; }

DRIVER cuModuleGetFunction(Handle *function, Handle, const char *name) {
  LLVM::LLVMFuncOp kernel = machine().simulator->kernel(StringRef(name));
  *function = kernel ? kernel.getOperation() : nullptr;
  return kernel ? fine : notFound;
}
DRIVER cuFuncSetAttribute(Handle, int, int) { return fine; }

DRIVER cuMemGetInfo_v2(size_t *left, size_t *all) {
  *all = machine().bytes();
  *left = *all - machine().used;
  return fine;
}

DRIVER cuMemAlloc_v2(Address *address, size_t bytes) {
  Machine &self = machine();
  if (self.used + bytes > self.bytes())
    return outOfMemory;
  self.used += bytes;
  *address = self.simulator->memory()
                 .allocate("memory", bytes, simt::Contents::fresh)
                 .address;
  return fine;
}

DRIVER cuMemFree_v2(Address address) {
  simt::Memory &memory = machine().simulator->memory();
  simt::Allocation *found = memory.find(address);
  if (!found || found->address != address)
    return invalidValue;
  machine().used -= found->bytes;
  memory.free(*found);
  return fine;
}

/// Bytes that no launch writes: none of them races with it.
static Code write(Address to, const void *from, size_t bytes) {
  simt::Memory &memory = machine().simulator->memory();
  char *data = memory.at(to, bytes);
  if (!data)
    return invalidValue;
  std::memcpy(data, from, bytes);
  simt::Allocation &into = *memory.find(to);
  for (size_t i = 0; i < bytes; i += 4)
    into.shadow->access(to - into.address + i,
                        unsigned(std::min<size_t>(4, bytes - i)),
                        simt::Access::write, {}, 0, false);
  return fine;
}

DRIVER cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) {
  return write(to, from, bytes);
}

DRIVER cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Handle) {
  const char *data = machine().simulator->memory().at(from, bytes);
  return data ? write(to, data, bytes) : invalidValue;
}

DRIVER cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) {
  const char *data = machine().simulator->memory().at(from, bytes);
  if (!data)
    return invalidValue;
  std::memcpy(to, data, bytes);
  return fine;
}

DRIVER cuStreamCreate(Handle *stream, unsigned) {
  *stream = &machine();
  return fine;
}
DRIVER cuStreamDestroy_v2(Handle) { return fine; }
DRIVER cuStreamSynchronize(Handle) { return fine; }

DRIVER cuStreamBeginCapture_v2(Handle, int) {
  if (std::exchange(machine().capturing, true))
    return invalidValue;
  machine().recorded.clear();
  return fine;
}

DRIVER cuLaunchKernel(Handle function, unsigned x, unsigned y, unsigned z,
                      unsigned threads, unsigned threadsY, unsigned threadsZ,
                      unsigned shared, Handle, void **parameters,
                      void **extra) {
  Machine &self = machine();
  if (!self.capturing || y != 1 || z != 1 || threadsY != 1 || threadsZ != 1 ||
      extra || !function)
    return invalidValue;
  auto kernel = cast<LLVM::LLVMFuncOp>(static_cast<Operation *>(function));
  Launch launch{kernel, {x, threads, shared}, {}};
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
    launch.words.push_back(*static_cast<uint64_t *>(parameters[i]));
  self.recorded.push_back(std::move(launch));
  return fine;
}

DRIVER cuStreamEndCapture(Handle, Handle *graph) {
  if (!std::exchange(machine().capturing, false))
    return invalidValue;
  *graph = new Graph(std::move(machine().recorded));
  return fine;
}

DRIVER cuGraphInstantiateWithFlags(Handle *executable, Handle graph, uint64_t) {
  *executable = new Graph(*static_cast<Graph *>(graph));
  return fine;
}

DRIVER cuGraphExecUpdate_v2(Handle executable, Handle graph, void *) {
  auto &old = *static_cast<Graph *>(executable);
  auto &now = *static_cast<Graph *>(graph);
  bool isAlike = old.size() == now.size();
  for (size_t i = 0; isAlike && i < old.size(); ++i)
    isAlike = old[i].kernel == now[i].kernel;
  if (!isAlike)
    return updateFailed;
  old = now;
  return fine;
}

DRIVER cuGraphLaunch(Handle executable, Handle) {
  Machine &self = machine();
  for (const Launch &launch : *static_cast<Graph *>(executable))
    if (failed(self.simulator->launch(*self.program, launch.kernel,
                                      launch.words, launch.grid)))
      return launchFailed;
  return fine;
}

DRIVER cuGraphDestroy(Handle graph) {
  delete static_cast<Graph *>(graph);
  return fine;
}
DRIVER cuGraphExecDestroy(Handle executable) {
  delete static_cast<Graph *>(executable);
  return fine;
}
