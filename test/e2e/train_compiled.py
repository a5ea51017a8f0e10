"""Training of compiled models against PyTorch: `train_compiled.py FOLDER [MODEL]`.

Losses, gradient norms and final weights of ten steps of AdamW and of Muon, of a
tiny Llama or of stories260K (MODEL), agree to 1e-4 with the goldens in Inputs.
With any number of threads they are the same bits; gradients of micro-batches add
up to those of the batch.
"""

import pathlib
import subprocess
import sys

import numpy as np
import onnx

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import train_case as case  # noqa: E402
from qopt_train import Trainer  # noqa: E402

bound = 1e-4
folder = pathlib.Path(sys.argv[1])


def close(what, got, want, within=bound):
    error = np.abs(got - want).max() / np.abs(want).max()
    print(f"{what}: relative error {error:.1e}", flush=True)
    if not error <= within:
        sys.exit(f"{what}: expects at most {within}, got {got} for {want}")


def steps(library, options, threads, parts=1):
    """Losses and norms of ten steps, and the state behind them."""
    trainer = Trainer(library, threads)
    found = []
    for step, (ids, targets) in enumerate(zip(*case.batches(options))):
        micro = list(zip(np.array_split(ids, parts), np.array_split(targets, parts)))
        found.append(trainer.step(micro, step + 1, **case.run))
    state = trainer.save(folder / "state.safetensors")
    trainer.close()
    return np.array(found).T, state


def main():
    folder.mkdir(parents=True, exist_ok=True)
    stories = len(sys.argv) > 2
    options, model = (case.stories, sys.argv[2]) if stories else (case.tiny, folder / "m.onnx")
    golden = np.load(here / ("Inputs/train-stories.npz" if stories else "Inputs/train.npz"))
    if not stories:
        onnx.save(case.model(), model)
    for optim in ("adamw", "muon"):
        library = folder / f"{optim}.so"
        subprocess.run(["qopt", str(model), "--train", f"--optim={optim}", "--emit=lib", "-o", str(library)], check=True)
        (losses, norms), state = steps(library, options, 1)
        close(f"{optim} loss", losses, golden[f"{optim}:loss"])
        close(f"{optim} grad_norm", norms, golden[f"{optim}:grad_norm"])
        names = [name.removeprefix(f"{optim}:") for name in golden.files if name.startswith(optim) and "weight" in name]
        trained = [name for name in state if ".adamw." not in name and ".muon." not in name]
        if sorted(trained) != sorted(names):
            sys.exit(f"expects {names} to be trained, got {trained}")
        for name in names:
            got, want = state[name], golden[f"{optim}:{name}"]
            close(f"{optim} {name}", got if got.shape == want.shape else case.projections(got), want)
        (others, _), same = steps(library, options, 2)
        if (others != losses).any() or any((same[name] != state[name]).any() for name in state):
            sys.exit(f"{optim}: two threads give other bits than one")
        (accumulated, _), summed = steps(library, options, 1, parts=2)
        close(f"{optim} loss of two micro-batches", accumulated, losses)
        for name in names:
            close(f"{optim} {name} of two micro-batches", summed[name], state[name])


main()
