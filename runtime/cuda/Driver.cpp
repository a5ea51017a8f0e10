// Finds the functions of NVIDIA's driver.

#include "qopt/runtime/cuda/Driver.h"

#include <dlfcn.h>

namespace qopt::runtime::cuda {

static constexpr const char *libraryName = "libcuda.so.1";
static constexpr int oldestVersion = 12000; ///< as the driver tells it

qopt_status Driver::open(qopt_error *error) {
  library = dlopen(libraryName, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(error, QOPT_UNAVAILABLE,
                "the model was compiled for NVIDIA GPUs, and this machine has "
                "no driver for them (%s); compile it with --target=cpu to run "
                "it here",
                libraryName);
  int version = 0;
  auto *ask =
      reinterpret_cast<Code (*)(int *)>(dlsym(library, "cuDriverGetVersion"));
  if (!ask || ask(&version) || version < oldestVersion)
    return fail(error, QOPT_UNAVAILABLE,
                "the NVIDIA driver of this machine is of CUDA %d.%d, and the "
                "model needs one of CUDA 12 or newer; update it, or compile "
                "with --target=cpu to run it here",
                version / 1000, version % 1000 / 10);
#define QOPT_CUDA_FIND(symbol, name, parameters)                               \
  name = reinterpret_cast<Code(*) parameters>(dlsym(library, #symbol));        \
  if (!name)                                                                   \
    return fail(error, QOPT_UNAVAILABLE,                                       \
                "the NVIDIA driver of this machine has no %s: expects the "    \
                "driver of CUDA 12 or newer",                                  \
                #symbol);
  QOPT_CUDA_FUNCTIONS(QOPT_CUDA_FIND)
#undef QOPT_CUDA_FIND
  int count = 0;
  Code code = init(0);
  if (!code)
    code = deviceCount(&count);
  if (code || !count)
    return fail(error, QOPT_UNAVAILABLE,
                "the model was compiled for NVIDIA GPUs, and the driver finds "
                "none (%s); compile it with --target=cpu to run it here",
                code ? text(code) : "0 devices");
  return QOPT_OK;
}

void Driver::close() {
  if (library)
    dlclose(library);
  library = nullptr;
}

const char *Driver::text(Code code) const {
  const char *words = nullptr;
  return !errorString(code, &words) && words ? words : "unknown error";
}

} // namespace qopt::runtime::cuda
