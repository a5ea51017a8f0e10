"""Seconds that cuBLAS takes for a product in bf16: `gpu_cublas.py SIDE BYTES TOKENS...`.

The weights are squares of that side, at least so many bytes of them, each its own; time
is that of the fastest pass over all of them, by events of the driver, for one product.
Prints JSON, by tokens. Needs nothing but the driver and libcublas, of the toolkit or of
the package nvidia-cublas.
"""

import ctypes
import glob
import json
import random
import sys

passes = 20
# Of cublas_api.h and library_types.h.
transposed, plain, bf16, sumsOfF32, anyAlgorithm = 1, 0, 14, 68, -1
Pointer = ctypes.c_void_p


def library():
    places = ["/usr/local/cuda/lib64/", "/usr/local/cuda/targets/x86_64-linux/lib/"]
    places += [f"{place}/nvidia/*/lib/" for place in sys.path if place]
    names = ["libcublas.so.13", "libcublas.so.12", "libcublas.so"]
    for name in names + [path for place in places for end in names for path in glob.glob(place + end)]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    sys.exit("no libcublas here")


driver = ctypes.CDLL("libcuda.so.1")


def check(code, doing):
    if code:
        sys.exit(f"{doing}: code {code}")


def ask(function, kind, *arguments):
    value = kind()
    check(getattr(driver, function)(ctypes.byref(value), *arguments), function)
    return value


def filled(numbers, source):
    """Memory of the device with numbers, the bytes of source repeated."""
    address = ask("cuMemAlloc_v2", ctypes.c_uint64, ctypes.c_size_t(2 * numbers))
    for begin in range(0, 2 * numbers, len(source)):
        count = min(len(source), 2 * numbers - begin)
        check(driver.cuMemcpyHtoD_v2(ctypes.c_uint64(address.value + begin), source, ctypes.c_size_t(count)), "a copy")
    return address.value


def main():
    side, size, tokens = int(sys.argv[1]), int(sys.argv[2]), [int(word) for word in sys.argv[3:]]
    check(driver.cuInit(0), "cuInit")
    context = ask("cuDevicePrimaryCtxRetain", Pointer, ctypes.c_int(0))
    check(driver.cuCtxSetCurrent(context), "cuCtxSetCurrent")
    stream = ask("cuStreamCreate", Pointer, 0)
    begin, end = (ask("cuEventCreate", Pointer, 0) for _ in range(2))
    cublas = library()
    handle = Pointer()
    check(cublas.cublasCreate_v2(ctypes.byref(handle)), "cublasCreate")
    check(cublas.cublasSetStream_v2(handle, stream), "cublasSetStream")
    # bf16 of 1/128 to 1 and their negatives: half of a bf16's bits are the exponent.
    random.seed(0)
    source = b"".join(bytes((random.randrange(256), random.choice((0x3C, 0x3D, 0x3E, 0xBC, 0xBD, 0xBE))))
                      for _ in range(1 << 19))
    layers = max(2, -(-size // (2 * side * side)))
    weights = [filled(side * side, source) for _ in range(layers)]
    x, y = filled(side * max(tokens), source), filled(side * max(tokens), source)
    one, zero = ctypes.c_float(1), ctypes.c_float(0)

    def product(weight, count):
        # Column-major, so y^T [side, count] = (w of [side, side] rows) x^T.
        check(cublas.cublasGemmEx(handle, transposed, plain, side, count, side, ctypes.byref(one), Pointer(weight),
                                  bf16, side, Pointer(x), bf16, side, ctypes.byref(zero), Pointer(y), bf16, side,
                                  sumsOfF32, anyAlgorithm), "cublasGemmEx")

    seconds = {}
    for count in tokens:
        best = float("inf")
        for _ in range(passes):
            check(driver.cuEventRecord(begin, stream), "an event")
            for weight in weights:
                product(weight, count)
            check(driver.cuEventRecord(end, stream), "an event")
            check(driver.cuStreamSynchronize(stream), "waiting")
            best = min(best, ask("cuEventElapsedTime", ctypes.c_float, begin, end).value)
        seconds[count] = 1e-3 * best / layers
    print(json.dumps(seconds))


main()
