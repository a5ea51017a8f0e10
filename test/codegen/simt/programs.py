"""Kernels of the LLVM dialect as text, run in the simulator on arrays."""

import pathlib
import subprocess

import numpy as np


def kernel(name, parameters, body, threads=32):
    """A kernel of pointers %NAME; registers %t, the thread, is there."""
    listed = ", ".join(f"%{parameter}: !llvm.ptr" for parameter in parameters)
    return (f"llvm.func @{name}({listed}) attributes {{gpu.kernel, nvvm.kernel, "
            f"nvvm.reqntid = array<i32: {threads}>}} {{\n"
            f"  %t = nvvm.read.ptx.sreg.tid.x : i32\n{body}  llvm.return\n}}\n")


def module(*kernels, shared=0):
    space = (f"llvm.mlir.global internal @shared() {{addr_space = 3 : i32, alignment = 16 : i64}}"
             f" : !llvm.array<{shared} x i8>\n" if shared else "")
    return "gpu.module @qopt_kernels {\n" + space + "".join(kernels) + "}\n"


def load(result, pointer, index, kind):
    """Loads element `index` (a register) of a buffer."""
    return (f"  %{result}_p = llvm.getelementptr %{pointer}[%{index}] : (!llvm.ptr, i32) -> !llvm.ptr, {kind}\n"
            f"  %{result} = llvm.load %{result}_p : !llvm.ptr -> {kind}\n")


def store(value, pointer, index, kind, offset=0):
    """Stores at element index + offset."""
    name = f"{value}_{pointer}_{offset}"
    return (f"  %{name}_b = llvm.getelementptr %{pointer}[{offset}] : (!llvm.ptr) -> !llvm.ptr, {kind}\n"
            f"  %{name}_p = llvm.getelementptr %{name}_b[%{index}] : (!llvm.ptr, i32) -> !llvm.ptr, {kind}\n"
            f"  llvm.store %{value}, %{name}_p : {kind}, !llvm.ptr\n")


class Folder:
    """Files of a test, and its runs."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def run(self, text, name, inputs, results, changed={}, flags=()):
        """Launches a kernel: `inputs` by name, `results` as NAME: "f32[4]", then what it changes;
        gives what it wrote."""
        program = self.path / "program.mlir"
        program.write_text(text)
        command = ["qopt-interpret", "--simt", str(program), "--kernel", name,
                   "--output-dir", str(self.path), *flags]
        for key, array in inputs.items():
            np.save(self.path / f"{key}.npy", array)
            command += ["--arg", f"{key}={self.path / key}.npy"]
        for key, shape in results.items():
            command += ["--arg", f"{key}={shape}"]
        for key, array in changed.items():
            np.save(self.path / f"{key}.npy", array)
            command += ["--arg", f"{key}+={self.path / key}.npy"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return {key: np.load(self.path / f"{key}.npy") for key in [*results, *changed]}
