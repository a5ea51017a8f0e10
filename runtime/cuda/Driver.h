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
using Address = uint64_t;
using Handle = void *; ///< CUcontext, CUmodule, CUfunction, CUstream, ...

/// CUgraphExecUpdateResultInfo.
struct UpdateResult {
  int result;
  Handle errorNode, errorFromNode;
};

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
  X(cuStreamBeginCapture_v2, beginCapture, (Handle, int))                      \
  X(cuStreamEndCapture, endCapture, (Handle, Handle *))                        \
  X(cuGraphInstantiateWithFlags, instantiate, (Handle *, Handle, uint64_t))    \
  X(cuGraphExecUpdate_v2, update, (Handle, Handle, UpdateResult *))            \
  X(cuGraphLaunch, launchGraph, (Handle, Handle))                              \
  X(cuGraphDestroy, destroyGraph, (Handle))                                    \
  X(cuGraphExecDestroy, destroyExecutable, (Handle))                           \
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

// Values of CUdevice_attribute, CUfunction_attribute and CUstreamCaptureMode.
constexpr int majorVersion = 75, minorVersion = 76;
constexpr int mostDynamicShared = 8;
constexpr int captureRelaxed = 2;
/// A stream that waits for copies, which return while they are under way.
constexpr unsigned blockingStream = 0;

} // namespace qopt::runtime::cuda

#endif // QOPT_RUNTIME_CUDA_DRIVER_H
