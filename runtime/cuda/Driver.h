// NVIDIA's driver, loaded when a model asks for it: a binary starts anywhere.
//
// The declarations are those of cuda.h, as far as they are used here; its
// functions take and give the same on every driver since CUDA 12.
#ifndef QOPT_RUNTIME_CUDA_DRIVER_H
#define QOPT_RUNTIME_CUDA_DRIVER_H

#include "qopt/runtime/Error.h"

#include <stddef.h>

namespace qopt::runtime::cuda {

using Code = int; ///< CUresult; 0: fine
constexpr Code outOfMemory = 2;
using Address = uint64_t;
using Handle = void *; ///< CUcontext, CUmodule, CUfunction, CUstream, ...

/// CUDA_KERNEL_NODE_PARAMS_v2.
struct NodeParameters {
  Handle function;
  unsigned blocks, blocksY, blocksZ;
  unsigned threads, threadsY, threadsZ;
  unsigned sharedBytes;
  void **parameters, **extra;
  Handle kernel, context;
};
static_assert(sizeof(NodeParameters) == 72, "layout of cuda.h");

// The driver's name of a function, ours, and its parameters.
#define QOPT_CUDA_FUNCTIONS(X)                                                 \
  X(cuInit, init, (unsigned))                                                  \
  X(cuGetErrorString, errorString, (Code, const char **))                      \
  X(cuDeviceGetCount, deviceCount, (int *))                                    \
  X(cuDeviceGet, device, (int *, int))                                         \
  X(cuDeviceGetName, deviceName, (char *, int, int))                           \
  X(cuDeviceGetAttribute, attribute, (int *, int, int))                        \
  X(cuDevicePrimaryCtxRetain, retainContext, (Handle *, int))                  \
  X(cuDevicePrimaryCtxRelease_v2, releaseContext, (int))                       \
  X(cuCtxSetCurrent, setContext, (Handle))                                     \
  X(cuModuleLoadData, loadModule, (Handle *, const void *))                    \
  X(cuModuleUnload, unloadModule, (Handle))                                    \
  X(cuModuleGetFunction, function, (Handle *, Handle, const char *))           \
  X(cuFuncSetAttribute, setFunction, (Handle, int, int))                       \
  X(cuMemGetInfo_v2, memoryInfo, (size_t *, size_t *))                         \
  X(cuMemAlloc_v2, allocate, (Address *, size_t))                              \
  X(cuMemFree_v2, free, (Address))                                             \
  X(cuMemcpyHtoD_v2, toDevice, (Address, const void *, size_t))                \
  X(cuMemcpyDtoH_v2, toHost, (void *, Address, size_t))                        \
  X(cuMemcpyDtoDAsync_v2, copy, (Address, Address, size_t, Handle))            \
  X(cuStreamCreate, createStream, (Handle *, unsigned))                        \
  X(cuStreamDestroy_v2, destroyStream, (Handle))                               \
  X(cuStreamSynchronize, synchronize, (Handle))                                \
  X(cuGraphCreate, createGraph, (Handle *, unsigned))                          \
  X(cuGraphAddKernelNode_v2, addNode,                                          \
    (Handle *, Handle, const Handle *, size_t, const NodeParameters *))        \
  X(cuGraphInstantiateWithFlags, instantiate, (Handle *, Handle, uint64_t))    \
  X(cuGraphExecKernelNodeSetParams_v2, setNode,                                \
    (Handle, Handle, const NodeParameters *))                                  \
  X(cuGraphLaunch, launchGraph, (Handle, Handle))                              \
  X(cuGraphDestroy, destroyGraph, (Handle))                                    \
  X(cuGraphExecDestroy, destroyExecutable, (Handle))                           \
  X(cuEventCreate, createEvent, (Handle *, unsigned))                          \
  X(cuEventRecord, record, (Handle, Handle))                                   \
  X(cuEventElapsedTime, elapsed, (float *, Handle, Handle))                    \
  X(cuEventDestroy_v2, destroyEvent, (Handle))                                 \
  X(cuLaunchKernel, launch,                                                    \
    (Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,       \
     unsigned, Handle, void **, void **))

/// The functions of the driver.
struct Driver {
#define QOPT_CUDA_FIELD(symbol, name, parameters) Code(*name) parameters;
  QOPT_CUDA_FUNCTIONS(QOPT_CUDA_FIELD)
#undef QOPT_CUDA_FIELD
  void *library;

  /// Loads and starts it. Refused: no driver, one too old, no GPU.
  qopt_status open(qopt_error *error);
  void close();
  /// The driver's words for a code.
  const char *text(Code code) const;
};

// Values of CUdevice_attribute and CUfunction_attribute.
constexpr int majorVersion = 75, minorVersion = 76;
constexpr int mostDynamicShared = 8;
/// A stream that waits for copies, which return while they are under way.
constexpr unsigned blockingStream = 0;

} // namespace qopt::runtime::cuda

#endif // QOPT_RUNTIME_CUDA_DRIVER_H
