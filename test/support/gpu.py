"""Asks the driver what GPU this machine has: `gpu.py` prints it, or why there is none."""

import ctypes
import sys

# Of CUdevice_attribute.
processors, major, minor = 16, 75, 76


def find():
    """Facts of the first GPU, and why there are none."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None, "this machine has no driver for NVIDIA GPUs (libcuda.so.1)"
    count = ctypes.c_int(0)
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code or not count.value:
        return None, f"the NVIDIA driver finds no GPU (code {code})"
    device, version, memory = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_size_t(0)
    name = ctypes.create_string_buffer(128)

    def attribute(number):
        value = ctypes.c_int(0)
        driver.cuDeviceGetAttribute(ctypes.byref(value), number, device)
        return value.value

    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDriverGetVersion(ctypes.byref(version))
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    chip = 10 * attribute(major) + attribute(minor)
    model = name.value.decode()
    if chip < 80:
        return None, f"the GPU of this machine ({model}) is sm_{chip}, and code is made for sm_80 and newer"
    return {"name": model, "chip": f"sm_{chip}", "bytes": memory.value,
            "processors": attribute(processors),
            "cuda": f"{version.value // 1000}.{version.value % 1000 // 10}"}, ""


if __name__ == "__main__":
    facts, why = find()
    print(facts or why)
    sys.exit(0 if facts else 1)
