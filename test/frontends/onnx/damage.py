"""Damages a model in seeded ways: `damage.py MODEL COUNT -- COMMAND...`.

COMMAND is run on each damaged file. It must accept the file, or refuse it with
exit status 1 and a message that says error, within 10 s and 1 GB.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile

import onnx

SECONDS = 10
BYTES = 1 << 30


def flip(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 4, 32])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def cut(data, rng):
    return data[: rng.randrange(len(data))]


def repeat(data, rng):
    start = rng.randrange(len(data))
    return data[:start] + data[max(0, start - rng.randrange(1, 200)) :]


def a_node(model, rng):
    return rng.choice(model.graph.node)


def sizes(model, rng):
    huge = rng.choice([-1, 0, 3, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63)])
    tensor = rng.choice(model.graph.initializer)
    if tensor.dims and rng.random() < 0.7:
        tensor.dims[rng.randrange(len(tensor.dims))] = huge
    else:
        tensor.dims.append(huge)


def input_sizes(model, rng):
    dims = rng.choice(model.graph.input).type.tensor_type.shape.dim
    if rng.random() < 0.3 or not dims:
        dims.add().dim_value = rng.choice([-1, 0, 5, 1 << 62])
    elif rng.random() < 0.5:
        rng.choice(dims).dim_value = rng.choice([-5, 0, 7, 1 << 62])
    else:
        rng.choice(dims).dim_param = rng.choice(["batch", "a + b + a", "+", "seq + seq"])


def types(model, rng):
    code = rng.choice([0, 1, 6, 7, 8, 9, 11, 16, 21, 99])
    if rng.random() < 0.5:
        rng.choice(model.graph.initializer).data_type = code
    else:
        rng.choice(model.graph.input).type.tensor_type.elem_type = code


def names(model, rng):
    node = a_node(model, rng)
    other = a_node(model, rng)
    if node.output and other.output:
        node.output[rng.randrange(len(node.output))] = rng.choice(
            [other.output[0], "", model.graph.input[0].name])


def edges(model, rng):
    node = a_node(model, rng)
    if not node.input:
        return
    sources = [n.output[0] for n in model.graph.node if n.output]
    sources += [t.name for t in model.graph.initializer] + ["", "nowhere"]
    if rng.random() < 0.2:
        del node.input[rng.randrange(len(node.input)) :]
    else:
        node.input[rng.randrange(len(node.input))] = rng.choice(sources)


def attributes(model, rng):
    nodes = [n for n in model.graph.node if n.attribute]
    if not nodes:
        return
    attribute = rng.choice(rng.choice(nodes).attribute)
    number = rng.choice([-1, 0, 2, 100, 1 << 40, -(1 << 63), (1 << 63) - 1])
    attribute.i = number
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = number
    if attribute.HasField("t") and attribute.t.raw_data:
        value = bytearray(attribute.t.raw_data)
        value[rng.randrange(len(value))] ^= 0xFF
        attribute.t.raw_data = bytes(value)
    if rng.random() < 0.2:
        attribute.type = rng.randrange(0, 12)


def ops(model, rng):
    node = a_node(model, rng)
    node.op_type = rng.choice([n.op_type for n in model.graph.node] + ["Nothing", ""])
    node.domain = rng.choice(["", "", "com.microsoft", "ai.onnx", "nowhere"])


def opsets(model, rng):
    model.opset_import[0].version = rng.choice([0, -1, 1, 7, 11, 13, 18, 26, 1 << 40])


def order(model, rng):
    nodes = list(model.graph.node)
    a, b = rng.randrange(len(nodes)), rng.randrange(len(nodes))
    nodes[a], nodes[b] = nodes[b], nodes[a]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def constants(model, rng):
    tensors = [t for t in model.graph.initializer if t.raw_data]
    if not tensors:
        return
    tensor = rng.choice(tensors)
    if rng.random() < 0.4:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data))]
    else:
        value = bytearray(tensor.raw_data)
        for _ in range(4):
            value[rng.randrange(len(value))] = rng.randrange(256)
        tensor.raw_data = bytes(value)


def external(model, rng):
    tensor = rng.choice(model.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    location = rng.choice(["/etc/passwd", "../model.onnx", "missing", "", "a\0b", "."])
    for key, value in [("location", location),
                       ("offset", rng.choice(["0", "-1", "9" * 30, "x"])),
                       ("length", rng.choice(["4", "-4", "9" * 18]))]:
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def functions(model, rng):
    function = model.functions.add()
    function.name, function.domain = a_node(model, rng).op_type, ""
    function.input.append("x")
    function.output.append("y")
    function.node.add(op_type=function.name, input=["x"], output=["y"])
    function.opset_import.add().version = model.opset_import[0].version


OF_BYTES = [flip, cut, repeat]
OF_FIELDS = [sizes, input_sizes, types, names, edges, attributes, ops, opsets,
             order, constants, external, functions]


def damaged(data, seed):
    rng = random.Random(seed)
    if seed % 4 == 0:
        return rng.choice(OF_BYTES)(data, rng)
    model = onnx.ModelProto.FromString(data)
    for _ in range(rng.choice([1, 1, 2])):
        rng.choice(OF_FIELDS)(model, rng)
    return model.SerializeToString()


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def main():
    path, count, command = sys.argv[1], int(sys.argv[2]), sys.argv[4:]
    # A sanitizer reserves more addresses than any limit.
    bounded = None if os.environ.get("QOPT_NO_MEMORY_LIMIT") else limit
    with open(path, "rb") as file:
        data = file.read()
    refused = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        victim = os.path.join(folder, "model.onnx")
        for seed in range(count):
            with open(victim, "wb") as file:
                file.write(damaged(data, seed))
            try:
                run = subprocess.run(command + [victim], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, timeout=SECONDS,
                                     preexec_fn=bounded)
                code, text = run.returncode, run.stderr.decode(errors="replace")
            except subprocess.TimeoutExpired:
                code, text = "timeout", ""
            if code == 0 or (code == 1 and "error:" in text):
                refused += code
                continue
            failures += 1
            print(f"seed {seed}: status {code}: {text[-600:]}")
    print(f"{refused} of {count} refused, {failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
