// The functions of NVIDIA's driver that the runtime calls, on the SIMT
// interpreter: what qopt writes for GPUs runs, with its own runtime, where
// there is none.
//
// The code that is loaded is not looked at. It is taken from what `qopt
// --target=cuda --stop-after=generate` wrote of the same model: `program.mlir`
// in the folder where the library was found, which may be a link to it. There,
// too, `chip` is the version of the GPU (90), `megabytes` its memory (1024),
// `cuda` the version of the driver (12000), `devices` how many there are (1), a
// number each; and if there is a file `calls`, the name of each function that
// is called is written to it, a line each. The nodes of a graph must be a
// chain, as the runtime makes them: without it launches could overtake one
// another.

#include <chrono>
#include <dlfcn.h>
#include <map>

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "qopt/codegen/simt/Simulator.h"
#include "llvm/Support/FileSystem.h"
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
constexpr Code fine = 0, invalidValue = 1, outOfMemory = 2, noDevice = 100,
               notFound = 500, launchFailed = 719, notSupported = 801;

struct Launch {
  LLVM::LLVMFuncOp kernel;
  simt::Grid grid;
  std::vector<uint64_t> words;
};
/// Nodes are handles, and those of an executable those of its graph.
struct Graph {
  std::map<Handle, Launch> launches;
  std::vector<Handle> order;
};
using Clock = std::chrono::steady_clock;

/// CUDA_KERNEL_NODE_PARAMS_v2.
struct NodeParameters {
  Handle function;
  unsigned grid[3], block[3], shared;
  void **parameters, **extra;
  Handle kernel, context;
};

/// The one device.
struct Machine {
  MLIRContext context;
  llvm::SourceMgr sources;
  std::unique_ptr<SourceMgrDiagnosticHandler> diagnostics;
  OwningOpRef<ModuleOp> program;
  std::unique_ptr<simt::Simulator> simulator;
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
  static void log(const char *function) {
    static std::unique_ptr<llvm::raw_fd_ostream> calls = open();
    if (calls)
      (*calls << function << '\n').flush();
  }
  static std::unique_ptr<llvm::raw_fd_ostream> open() {
    std::error_code code;
    if (!llvm::sys::fs::exists(pathOf("calls")))
      return nullptr;
    return std::make_unique<llvm::raw_fd_ostream>(pathOf("calls"), code,
                                                  llvm::sys::fs::OF_Append);
  }
  uint64_t bytes() const { return setting("megabytes", 1024) << 20; }

  /// Memory is there before any program, for who copies only.
  simt::Memory &memory() {
    if (!simulator) {
      program = ModuleOp::create(UnknownLoc::get(&context));
      simulator = std::make_unique<simt::Simulator>(*program, simt::Options());
    }
    return simulator->memory();
  }

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
#define CALLED() Machine::log(__func__)

DRIVER cuInit(unsigned) {
  return Machine::setting("devices", 1) ? fine : noDevice;
}

DRIVER cuGetErrorString(Code code, const char **text) {
  switch (code) {
  case outOfMemory:
    *text = "out of memory";
    break;
  case noDevice:
    *text = "no CUDA-capable device is detected";
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
  *version = int(Machine::setting("cuda", 12000));
  return fine;
}

DRIVER cuDeviceGetCount(int *count) {
  *count = int(Machine::setting("devices", 1));
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
  CALLED();
  Machine &self = machine();
  if (self.used + bytes > self.bytes())
    return outOfMemory;
  self.used += bytes;
  *address =
      self.memory().allocate("memory", bytes, simt::Contents::fresh).address;
  return fine;
}

DRIVER cuMemFree_v2(Address address) {
  simt::Memory &memory = machine().memory();
  simt::Allocation *found = memory.find(address);
  if (!found || found->address != address)
    return invalidValue;
  machine().used -= found->bytes;
  memory.free(*found);
  return fine;
}

/// Bytes that no launch writes: none of them races with it.
static Code write(Address to, const void *from, size_t bytes) {
  simt::Memory &memory = machine().memory();
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
  CALLED();
  return write(to, from, bytes);
}

DRIVER cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Handle) {
  const char *data = machine().memory().at(from, bytes);
  return data ? write(to, data, bytes) : invalidValue;
}

DRIVER cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) {
  CALLED();
  const char *data = machine().memory().at(from, bytes);
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
DRIVER cuStreamSynchronize(Handle) {
  CALLED();
  return fine;
}

/// A launch as it is asked for; without a kernel where it cannot be.
static Launch launchOf(Handle function, const unsigned (&grid)[3],
                       const unsigned (&block)[3], unsigned shared,
                       void **parameters, void **extra) {
  if (!function || !grid[0] || grid[1] != 1 || grid[2] != 1 || block[1] != 1 ||
      block[2] != 1 || extra)
    return {};
  auto kernel = cast<LLVM::LLVMFuncOp>(static_cast<Operation *>(function));
  Launch launch{kernel, {grid[0], block[0], shared}, {}};
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
    launch.words.push_back(*static_cast<uint64_t *>(parameters[i]));
  return launch;
}

static Code run(const Launch &launch) {
  Machine &self = machine();
  return succeeded(self.simulator->launch(*self.program, launch.kernel,
                                          launch.words, launch.grid))
             ? fine
             : launchFailed;
}

DRIVER cuLaunchKernel(Handle function, unsigned x, unsigned y, unsigned z,
                      unsigned threads, unsigned threadsY, unsigned threadsZ,
                      unsigned shared, Handle, void **parameters,
                      void **extra) {
  CALLED();
  Launch launch = launchOf(function, {x, y, z}, {threads, threadsY, threadsZ},
                           shared, parameters, extra);
  return launch.kernel ? run(launch) : invalidValue;
}

DRIVER cuEventCreate(Handle *event, unsigned) {
  *event = new Clock::time_point();
  return fine;
}
DRIVER cuEventRecord(Handle event, Handle) {
  *static_cast<Clock::time_point *>(event) = Clock::now();
  return fine;
}
DRIVER cuEventElapsedTime(float *milliseconds, Handle from, Handle to) {
  std::chrono::duration<float, std::milli> span =
      *static_cast<Clock::time_point *>(to) -
      *static_cast<Clock::time_point *>(from);
  *milliseconds = span.count();
  return fine;
}
DRIVER cuEventDestroy_v2(Handle event) {
  delete static_cast<Clock::time_point *>(event);
  return fine;
}

DRIVER cuGraphCreate(Handle *graph, unsigned) {
  CALLED();
  *graph = new Graph;
  return fine;
}

DRIVER cuGraphAddKernelNode_v2(Handle *node, Handle handle,
                               const Handle *behind, size_t count,
                               const NodeParameters *p) {
  CALLED();
  auto &graph = *static_cast<Graph *>(handle);
  bool isChain = graph.order.empty()
                     ? count == 0
                     : count == 1 && behind[0] == graph.order.back();
  Launch launch = launchOf(p->function, p->grid, p->block, p->shared,
                           p->parameters, p->extra);
  if (!isChain || !launch.kernel)
    return invalidValue;
  *node = reinterpret_cast<Handle>(graph.order.size() + 1);
  graph.order.push_back(*node);
  graph.launches[*node] = std::move(launch);
  return fine;
}

DRIVER cuGraphInstantiateWithFlags(Handle *executable, Handle graph, uint64_t) {
  CALLED();
  *executable = new Graph(*static_cast<Graph *>(graph));
  return fine;
}

DRIVER cuGraphExecKernelNodeSetParams_v2(Handle handle, Handle node,
                                         const NodeParameters *p) {
  CALLED();
  auto &executable = *static_cast<Graph *>(handle);
  auto found = executable.launches.find(node);
  Launch launch = launchOf(p->function, p->grid, p->block, p->shared,
                           p->parameters, p->extra);
  if (found == executable.launches.end() || !launch.kernel)
    return invalidValue;
  found->second = std::move(launch);
  return fine;
}

DRIVER cuGraphLaunch(Handle executable, Handle) {
  CALLED();
  auto &graph = *static_cast<Graph *>(executable);
  for (Handle node : graph.order)
    if (Code code = run(graph.launches.at(node)))
      return code;
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
