"""The model, data and settings that training is compared with PyTorch on."""

import argparse

import numpy as np
import tiny_llama

options = {"layers": 2, "hidden": 16, "inner": 24, "heads": 4, "kv-heads": 2, "vocabulary": 31, "seed": 0}
run = {"clip": 1.0, "lr": 0.01, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "momentum": 0.95, "weight_decay": 0.1}


def model():
    names = {name.replace("-", "_"): value for name, value in options.items()}
    return tiny_llama.build(argparse.Namespace(**names, past=False, f16=False))


def batches(steps=10, batch=2, tokens=9):
    """ids and targets [steps, batch, tokens]; some targets do not count."""
    rng = np.random.default_rng(1)
    text = rng.integers(0, options["vocabulary"], (steps, batch, tokens + 1))
    ids, targets = text[..., :-1].copy(), text[..., 1:].copy()
    targets[rng.random(targets.shape) < 0.2] = -100
    return ids, targets


def gradientBatch():
    ids, targets = batches()
    return ids[0], np.where(targets[0] < 0, 7, targets[0])
