"""Training steps of a compiled model through its C API (runtime/qopt.h)."""

import ctypes
import json
import pathlib
import subprocess
import sys

import numpy as np


class Error(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint64), ("message", ctypes.c_char * 256)]


class Options(ctypes.Structure):
    _fields_ = ([("size", ctypes.c_uint64)]
                + [(name, ctypes.c_float) for name in ("lr", "clip", "beta1", "beta2", "eps", "weight_decay", "momentum")]
                + [("step", ctypes.c_uint64), ("seed", ctypes.c_uint64), ("lambda_", ctypes.c_void_p),
                   ("lambda_count", ctypes.c_uint64)])


class Batch(ctypes.Structure):
    _fields_ = [("ids", ctypes.c_void_p), ("targets", ctypes.c_void_p), ("batch", ctypes.c_uint64),
                ("count", ctypes.c_uint64)]


class Result(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint64), ("targets", ctypes.c_uint64), ("loss", ctypes.c_double),
                ("grad_norm", ctypes.c_double)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint64), ("threads", ctypes.c_uint32), ("max_batch", ctypes.c_uint32),
                ("max_seq", ctypes.c_uint32), ("device", ctypes.c_int32), ("state", ctypes.c_char_p)]


class State(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint64), ("step", ctypes.c_uint64), ("seed", ctypes.c_uint64),
                ("data_position", ctypes.c_uint64), ("data", ctypes.c_char * 128)]


class Trainer:
    """A context of a library that `qopt --train --emit=lib` wrote."""

    def __init__(self, library, threads=0):
        self.lib = ctypes.CDLL(str(library))
        self.error = Error(ctypes.sizeof(Error))
        self.model, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.lib.qopt_model_open(str(library).encode(), ctypes.byref(self.model), self.reason()))
        options = ContextOptions(ctypes.sizeof(ContextOptions), threads)
        self.check(self.lib.qopt_context_open(self.model, ctypes.byref(options), ctypes.byref(self.context),
                                              self.reason()))
        self.lib.qopt_model_lambda_count.restype = ctypes.c_uint64
        self.lambdaCount = self.lib.qopt_model_lambda_count(self.model)

    def close(self):
        self.lib.qopt_context_close(self.context)
        self.lib.qopt_model_close(self.model)

    def reason(self):
        return ctypes.byref(self.error)

    def check(self, status):
        if status:
            raise RuntimeError(self.error.message.decode())

    def step(self, batches, step, lambdas=None, **numbers):
        """One step on micro-batches (ids, targets); loss and gradient norm."""
        arrays = [tuple(np.ascontiguousarray(x, np.int64) for x in pair) for pair in batches]
        micro = (Batch * len(arrays))(*(Batch(i.ctypes.data, t.ctypes.data, *i.shape) for i, t in arrays))
        options = Options(ctypes.sizeof(Options))
        self.check(self.lib.qopt_train_defaults(ctypes.byref(options), self.reason()))
        options.step = step
        for name, value in numbers.items():
            setattr(options, name, value)
        if lambdas is not None:
            lambdas = np.ascontiguousarray(lambdas, np.float32)
            options.lambda_, options.lambda_count = lambdas.ctypes.data, lambdas.size
        result = Result(ctypes.sizeof(Result))
        self.check(self.lib.qopt_train_step(self.context, micro, ctypes.c_uint64(len(arrays)), ctypes.byref(options),
                                            ctypes.byref(result), self.reason()))
        return result.loss, result.grad_norm

    def save(self, path):
        """Writes the state; its tensors by name."""
        state = State(ctypes.sizeof(State))
        self.check(self.lib.qopt_state_save(self.context, str(path).encode(), ctypes.byref(state), self.reason()))
        return tensors(path)


def interpreted(folder, model, flags, batch, numbers, lambdas=None):
    """Loss and gradient norm of the step that `qopt model flags` makes, in double precision."""
    program, results = folder / "step.mlir", folder / "results"
    run("qopt", model, *flags, "--stop-after=train", "-o", program)
    return interpretedProgram(program, results, batch, numbers, lambdas)


def interpretedProgram(program, results, batch, numbers, lambdas=None):
    """The same of a program that is there already."""
    folder = program.parent
    ids, targets = batch
    values = {"weight": np.float32(1 / (targets >= 0).sum()), "step": np.int64(1), "input_ids": ids, "targets": targets}
    if lambdas is not None:
        values["lambda"] = np.float32(lambdas)
    names = ("clip", "lr", "beta1", "beta2", "eps", "weight_decay")
    inputs = []
    for name, value in (values | {name: np.float32(numbers[name]) for name in names}).items():
        np.save(folder / f"{name}.npy", value)
        inputs += ["--input", f"{name}={folder / name}.npy"]
    run("qopt-interpret", program, "--entry", "train_step", *inputs, "--output-dir", results)
    return np.load(results / "loss.npy"), np.load(results / "grad_norm.npy")


def run(*command, fails=""):
    """stdout of a command, which must fail with a text where one is given."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if (done.returncode != 0) != bool(fails) or fails not in done.stderr:
        sys.exit(f"{command}: exit code {done.returncode}, expects '{fails}' in\n{done.stderr}")
    return done.stdout


def tensors(path):
    """What a safetensors file holds."""
    data = pathlib.Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    types = {"F32": np.float32, "I8": np.int8, "I64": np.int64, "F16": np.float16, "BF16": np.uint16}
    found = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return found
