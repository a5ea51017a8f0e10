"""The models, data and settings that training is compared with PyTorch on."""

import argparse

import numpy as np
import tiny_llama

tiny = {"layers": 2, "hidden": 16, "inner": 24, "heads": 4, "kv-heads": 2, "vocabulary": 31}
# Its table is the head, which the exporter stored again, transposed.
stories = {"layers": 5, "hidden": 64, "inner": 172, "heads": 8, "kv-heads": 4, "vocabulary": 512}
run = {"clip": 1.0, "lr": 0.01, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "momentum": 0.95, "weight_decay": 0.1}


def model():
    names = {name.replace("-", "_"): value for name, value in tiny.items()}
    return tiny_llama.build(argparse.Namespace(**names, seed=0, past=False, f16=False))


def batches(options, steps=10, batch=2, tokens=9):
    """ids and targets [steps, batch, tokens]; some targets do not count."""
    rng = np.random.default_rng(1)
    text = rng.integers(0, options["vocabulary"], (steps, batch, tokens + 1))
    ids, targets = text[..., :-1].copy(), text[..., 1:].copy()
    targets[rng.random(targets.shape) < 0.2] = -100
    return ids, targets


def gradientBatch():
    ids, targets = batches(tiny)
    return ids[0], np.where(targets[0] < 0, 7, targets[0])


def projections(weight):
    """What a large weight is compared by: its products with four directions."""
    rng = np.random.default_rng(2)
    return np.array([(rng.standard_normal(weight.shape) * weight).sum() for _ in range(4)])
