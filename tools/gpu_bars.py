"""The programs by which single kernels are measured on a GPU, and what they are to reach.

`prepare` compiles them; that needs qopt, and a Python with numpy and onnx. A folder
that it made holds executables only, packed, and is all that a machine with a GPU needs,
beside this tree: tools/gpu-check --prepared FOLDER. Their weights repeat a pattern, so
that they pack well; in memory each layer has its own.
"""

import dataclasses
import gzip
import json
import pathlib
import shutil
import subprocess

# Bits of a code, by the name of the scheme.
schemes = {"ternary": 2, "i4": 4, "i8": 8}
pattern = 256  # numbers after which weights repeat
# Of 1e9, the bytes that a row and its codes should be: beyond every cache, as weights.
largeBytes = 512 << 20


@dataclasses.dataclass
class Bar:
    """A line of the table: at least, or at most, `bar`, and better `goal`."""
    what: str
    bar: float
    goal: float
    unit: str = ""
    atMost: bool = False
    measured: float = None
    note: str = "not run"

    def result(self):
        if self.measured is None:
            return "not run"
        fine = self.measured <= self.bar if self.atMost else self.measured >= self.bar
        return "PASS" if fine else "FAIL"

    def row(self):
        def text(value):
            return f"{value:.3g}{self.unit}"
        sign = "≤ " if self.atMost else "≥ "
        goal = f" → {text(self.goal)}" if self.goal != self.bar else ""
        here = "-" if self.measured is None else text(self.measured)
        return f"| {self.what} | {sign}{text(self.bar)}{goal} | {here} | {self.result()} | {self.note} |"


def bars():
    """By the key that a measurement has."""
    table = {}
    for scheme, bits in schemes.items():
        table["gemv", scheme] = Bar(f"GEMV, {bits} bits, share of copy bandwidth", 65, 80, " %")
    for scheme, tokens, bar, goal in (("i4", 1, 2.5, 3.2), ("ternary", 1, 4, 5.5), ("i4", 16, 1.5, 2.7),
                                      ("i4", 64, 0.8, 1.5)):
        table["speedup", scheme, tokens] = Bar(
            f"time of cuBLAS bf16 ÷ ours, {schemes[scheme]} bits, tokens: {tokens}", bar, goal)
    table["row"] = Bar("norm, Hadamard and quantize in one, share of copy bandwidth", 70, 85, " %")
    table["adamw"] = Bar("AdamW, share of copy bandwidth", 70, 85, " %")
    table["logits"] = Bar("SmolLM2 f32, logits, largest difference of CPU and GPU", 1e-3, 1e-3, atMost=True)
    table["losses"] = Bar("SmolLM2 f32, ten losses, relative difference", 1e-3, 1e-3, atMost=True)
    table["tokens"] = Bar("SmolLM2 f32, greedy tokens that are the CPU's but for near ties", 100, 100)
    return table


@dataclasses.dataclass
class Shapes:
    """Sizes of what is measured; those of the bars unless a test asks for less."""
    side: int = 8192
    bytes: int = largeBytes  # of distinct weights, and of rows

    def layers(self, scheme):
        each = self.side * self.side * schemes[scheme] // 8
        return max(2, -(-self.bytes // each))

    def rows(self):
        return max(1, self.bytes // (4 * self.side))


def writeProducts(path, side, layers):
    """y_i = x W_i. All weights are one file of theirs; each is a layer of its own."""
    import numpy as np
    import onnx
    from onnx import TensorProto as T
    from onnx import helper
    numbers = np.random.default_rng(0).standard_normal(pattern) * side**-0.5
    k, n = np.ogrid[:side, :side]
    numbers.astype(np.float16)[(k + 37 * n) % pattern].tofile(path.with_suffix(".data"))
    weights = []
    for i in range(layers):
        weight = T(name=f"layer{i}.weight", dims=[side, side], data_type=T.FLOAT16, data_location=T.EXTERNAL)
        for key, value in (("location", path.with_suffix(".data").name), ("offset", 0), ("length", 2 * side * side)):
            weight.external_data.add(key=key, value=str(value))
        weights.append(weight)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", weight.name], [f"y{i}"]) for i, weight in enumerate(weights)], "products",
        [value("x", T.FLOAT16, ["batch", "sequence", side])],
        [value(f"y{i}", T.FLOAT16, ["batch", "sequence", side]) for i in range(layers)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())


def writeRows(path, side):
    """A program of one kernel, at the stage that a recipe leaves."""
    path.write_text(f"""module {{
  func.func @run(%x: tensor<?x?x{side}xf32> {{nn.dims = affine_map<()[s0, s1] -> (s0, s1, {side})>, nn.name = "x"}})
      -> (tensor<?x?x{side}xi8> {{nn.name = "codes"}}, tensor<?x?xf32> {{nn.name = "scales"}})
      attributes {{nn.symbols = ["batch", "sequence"]}} {{
    %n = nn.rms_norm %x eps 1.0e-6 : tensor<?x?x{side}xf32>
    %h = lowbit.hadamard %n axis 2 orders [{side}] seed 7 : tensor<?x?x{side}xf32>
    %c, %s = lowbit.quantize %h scheme <sym, bits = 8, per = token>
        : tensor<?x?x{side}xf32> -> tensor<?x?x{side}xi8>, tensor<?x?xf32>
    return %c, %s : tensor<?x?x{side}xi8>, tensor<?x?xf32>
  }}
}}
""")


def writeTrained(path, side, layers, tiny_llama):
    """A Llama with large layers, for the steps of its optimizer."""
    import argparse

    import numpy as np
    import onnx

    class Repeating(tiny_llama.Graph):
        def weight(self, name, *shape, mean=0.0, scale=None):
            scale = shape[-2] ** -0.5 if scale is None else scale
            numbers = mean + scale * self.rng.standard_normal(pattern)
            return self.keep(np.resize(numbers, shape).astype(self.dtype), name)

    sizes = argparse.Namespace(past=False, f16=False, tied="no", layers=layers, hidden=side // 4, inner=side,
                               heads=4, kv_heads=4, vocabulary=256, seed=0)
    onnx.save(tiny_llama.build(sizes, Repeating(np.float32, 0)), path)


class Prepared:
    """A folder of packed executables, and what they were made with."""

    def __init__(self, folder, simulated=None):
        self.folder = pathlib.Path(folder)
        self.simulated = simulated  # the driver that stands for a GPU
        self.unpacked = None

    def prepare(self, qopt, shapes, tiny_llama):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "shapes.json").write_text(json.dumps(dataclasses.asdict(shapes)))
        for scheme in schemes:
            model = self.folder / f"products-{scheme}.onnx"
            writeProducts(model, shapes.side, shapes.layers(scheme))
            self.compile(qopt, model, "--recipe=w8a8", f"--override=.*={scheme}", "--max-batch=1", "--max-seq=64")
            model.with_suffix(".data").unlink()
        rows = self.folder / "row.mlir"
        writeRows(rows, shapes.side)
        self.compile(qopt, rows, "--max-batch=1", f"--max-seq={shapes.rows()}")
        # 1 / 12 of the numbers: a step moves 28 bytes for each that is trained.
        trained = self.folder / "adamw.onnx"
        writeTrained(trained, shapes.side, 1, tiny_llama)
        self.compile(qopt, trained, "--train", "--max-batch=1", "--max-seq=64")

    def compile(self, qopt, model, *flags):
        command = [qopt, model, "-q", "--target=cuda", *flags]
        path = model.with_suffix("")
        subprocess.run([*command, "-o", path], check=True)
        if self.simulated:
            machine = model.with_suffix(".machine")
            machine.mkdir(exist_ok=True)
            (machine / "libcuda.so.1").unlink(missing_ok=True)
            (machine / "libcuda.so.1").symlink_to(self.simulated / "libcuda.so.1")
            (machine / "megabytes").write_text("12")  # a copy of a quarter is simulated
            subprocess.run([*command, "--stop-after=generate", "-o", machine / "program.mlir"], check=True)
        with open(path, "rb") as source, gzip.open(f"{path}.gz", "wb", compresslevel=6) as to:
            shutil.copyfileobj(source, to, 1 << 22)
        path.unlink()
        model.unlink()

    def shapes(self):
        return Shapes(**json.loads((self.folder / "shapes.json").read_text()))

    def unpack(self, name, work):
        """The executable, and the environment that it runs in."""
        path = work / name
        if not path.exists():
            with gzip.open(self.folder / f"{name}.gz") as source, open(path, "wb") as to:
                shutil.copyfileobj(source, to, 1 << 22)
            path.chmod(0o755)
        machine = self.folder / f"{name}.machine"
        return path, {"LD_LIBRARY_PATH": str(machine.resolve())} if self.simulated else {}
