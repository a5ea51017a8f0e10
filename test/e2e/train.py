"""Training in the interpreter against PyTorch: `train.py FOLDER [MODEL]`.

Gradients of a tiny Llama, or without them stories260K (MODEL); losses, gradient
norms and final weights of ten steps agree to 1e-4. PyTorch's are in Inputs,
where train_goldens.py put them.
"""

import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402

bound = 1e-4
folder = pathlib.Path(sys.argv[1])


def tool(*command):
    subprocess.run([str(word) for word in command], check=True)


def close(what, got, want):
    error = np.abs(got - want).max() / np.abs(want).max()
    print(f"{what}: relative error {error:.1e}", flush=True)
    if not error <= bound:
        sys.exit(f"{what}: expects at most {bound}, got {got} for {want}")


def literal(array):
    return "[" + ", ".join(map(literal, array)) + "]" if array.ndim else repr(array.item())


def constant(name, array, element):
    shape = "".join(f"{size}x" for size in array.shape)
    return f"    %{name} = arith.constant dense<{literal(array)}> : tensor<{shape}{element}>\n"


def addSteps(program, options):
    """A function that calls train_step ten times and returns all it gives."""
    text = program.read_text()
    signature = re.search(r"func.func @train_step\((.*)\) -> \(", text)[1]
    arguments = re.findall(r"%arg\d+: (tensor<.*?>) \{.*?nn\.name = \"(\w+)\"\}", signature)
    ids, targets = case.batches(options)
    steps, batch, tokens = ids.shape
    body = "".join(constant(name, np.float32(value), "f32") for name, value in case.run.items())
    body += f"    %batch = arith.constant {batch} : index\n    %tokens = arith.constant {tokens} : index\n"
    results = []
    for step in range(steps):
        values = {"step": (np.array(step + 1), "i64"),
                  "weight": (np.float32(1 / (targets[step] >= 0).sum()), "f32")}
        for name, data in (("input_ids", ids), ("targets", targets)):
            body += constant(f"{name}.static{step}", data[step], "i64")
            body += (f"    %{name}{step} = nn.reshape %{name}.static{step}[%batch, %tokens]"
                     f" : tensor<{batch}x{tokens}xi64> -> tensor<?x?xi64>\n")
        for name, (value, element) in values.items():
            body += constant(f"{name}{step}", value, element)
        operands = ", ".join("%" + (name if name in case.run else f"{name}{step}") for _, name in arguments)
        types = ", ".join(type for type, _ in arguments)
        body += (f"    %loss{step}, %norm{step} = func.call @train_step({operands})"
                 f" : ({types}) -> (tensor<f32>, tensor<f32>)\n")
        results += [(f"loss{step}", "tensor<f32>"), (f"norm{step}", "tensor<f32>")]
    for name, type in re.findall(r"global private mutable @([\w.]+\.weight)\(.* : (tensor<[\dx]+f32>) \{", text):
        body += f"    %{name} = ml_program.global_load @{name} : {type}\n"
        results.append((name, type))
    types = ", ".join(f'{type} {{nn.name = "{name}"}}' for name, type in results)
    body += "    return " + ", ".join("%" + name for name, _ in results) + " : "
    body += ", ".join(type for _, type in results)
    end = text.rindex("}")
    program.write_text(f"{text[:end]}  func.func @steps() -> ({types}) {{\n{body}\n  }}\n}}\n")
    return [name for name, _ in results if name.endswith("weight")]


def checkTied(tied, heads, parameters):
    """A table that the head shares is one parameter; its gradient is the sum of both."""
    model, raised, program = (folder / f"{tied}{end}" for end in (".onnx", ".raised.mlir", ".mlir"))
    tool(sys.executable, here.parent / "support/tiny_llama.py", model, "--hidden=16", "--inner=24",
         "--vocabulary=31", f"--tied={tied}", f"--kv-heads={heads}")
    tool("qopt", model, "--stop-after=raise", "-o", raised)
    tool("qopt-opt", raised, "--qopt-tie", "--canonicalize", "--qopt-decode",
         "--qopt-differentiate=entry=nll", "-o", program)
    found = len(re.findall(r'nn.name = "[\w.]+\.grad"', program.read_text()))
    if found != parameters:
        sys.exit(f"{tied}: expects {parameters} gradients, got {found}")
    tool("qopt-interpret", program, "--check-gradients", "--tolerance=1e-6")


def checkRecomputed(kept):
    """A layer that is computed again gives the same bits."""
    program = folder / "recomputed.mlir"
    tool("qopt-opt", folder / "entries.mlir", "--qopt-differentiate=entry=nll recompute=2", "--cse", "-o", program)
    found = program.read_text().count("train.recompute")
    if found != case.tiny["layers"]:
        sys.exit(f"expects to compute {case.tiny['layers']} layers again, got {found}")
    tool("qopt-interpret", kept, "--compare", program)


def checkGradients(entries, golden):
    program = folder / "gradient.mlir"
    tool("qopt-opt", entries, "--qopt-differentiate=entry=nll", "-o", program)
    for name, value in zip(("input_ids", "targets"), case.gradientBatch()):
        np.save(folder / f"{name}.npy", value)
    tool("qopt-interpret", program, "--entry=nll.grad", "--output-dir", folder / "gradient",
         *(f"--input={name}={folder / name}.npy" for name in ("input_ids", "targets")))
    names = [name.removeprefix("grad:") for name in golden.files if name.startswith("grad:")]
    for name in names:
        close(f"gradient of {name}", np.load(folder / "gradient" / f"{name}.grad.npy"), golden[f"grad:{name}"])
    tool("qopt-interpret", program, "--check-gradients", "--tolerance=1e-6")
    checkRecomputed(program)
    for tied, heads in (("once", 4), ("twice", 2)):
        checkTied(tied, heads, len(names) - 1)


def checkSteps(entries, optim, options, golden):
    program, out = folder / f"{optim}.mlir", folder / optim
    fused = ["--qopt-fuse-loss"] if optim == "muon" else []  # both forms of the loss
    tool("qopt-opt", entries, *fused, f"--qopt-add-train-step=optim={optim}", "-o", program)
    trained = addSteps(program, options)
    names = [name.removeprefix(f"{optim}:") for name in golden.files if name.startswith(optim) and "weight" in name]
    if sorted(trained) != sorted(names):
        sys.exit(f"expects {names} to be trained, got {trained}")
    tool("qopt-interpret", program, "--entry=steps", "--output-dir", out)
    for what, short in (("loss", "loss"), ("grad_norm", "norm")):
        close(f"{optim} {what}", np.array([np.load(out / f"{short}{step}.npy") for step in range(10)]),
              golden[f"{optim}:{what}"])
    for name in names:
        got, want = np.load(out / f"{name}.npy"), golden[f"{optim}:{name}"]
        close(f"{optim} {name}", got if got.shape == want.shape else case.projections(got), want)


def main():
    folder.mkdir(parents=True, exist_ok=True)
    stories = len(sys.argv) > 2
    options, model = (case.stories, sys.argv[2]) if stories else (case.tiny, folder / "m.onnx")
    golden = np.load(here / ("Inputs/train-stories.npz" if stories else "Inputs/train.npz"))
    if not stories:
        onnx.save(case.model(), model)
    entries = folder / "entries.mlir"
    tool("qopt", model, "--stop-after=raise", "-o", folder / "raised.mlir")
    tool("qopt-opt", folder / "raised.mlir", "--qopt-tie", "--canonicalize", "--qopt-decode", "-o", entries)
    if not stories:
        checkGradients(entries, golden)
    for optim in ("adamw", "muon"):
        checkSteps(entries, optim, options, golden)


if __name__ == "__main__":
    main()
