"""Damages small GGUF files in seeded ways: `damage.py FOLDER COUNT -- CONVERTER...`.

The converter must write a model, or refuse the file with exit status 1 and one
line, within 10 s and 1 GB, and then leave nothing behind.
"""

import os
import random
import resource
import shutil
import struct
import subprocess
import sys

import gguf_file
import models
import tokenizers

SECONDS = 10
BYTES = 1 << 30
HERE = os.path.dirname(os.path.abspath(__file__))


def bases(folder):
    """A model with a byte-level tokenizer, and one with SentencePiece's."""
    library = os.path.join(HERE, "../tokenizer/Inputs/llama3")
    for name, pairs in [
            ("bytes", tokenizers.of_library(library, "llama-bpe")[0]),
            ("pieces", tokenizers.of_pieces(os.path.join(HERE, "Inputs/llama-spm.json"))[0])]:
        tokens = len(pairs["tokenizer.ggml.tokens"])
        model = models.Model("Q5_1", layers=1, V=tokens, biases=True, factors=True,
                             pairs=pairs | {"tokenizer.chat_template": "<|im_start|>"})
        path = os.path.join(folder, name + ".gguf")
        model.write(path)
        yield gguf_file.Reader(path)


def flip(file, data, rng):
    begin = len(data) - rng.choice([0, 20000])  # in the data, too
    for _ in range(rng.choice([1, 4, 32])):
        data[rng.randrange(max(begin, 1))] ^= 1 << rng.randrange(8)


def cut(file, data, rng):
    del data[rng.randrange(len(data)):]


def repeat(file, data, rng):
    start = rng.randrange(len(data))
    data[start:start] = data[max(0, start - rng.randrange(1, 200)):start]


def fields(file, data, rng):
    """Numbers of the header, those of strings and arrays of tokens less often."""
    rare = rng.random() < 0.2
    places = file.fields if rare else file.fields[:60] + file.fields[-150:]
    for _ in range(rng.choice([1, 1, 2])):
        at, letter = rng.choice(places)
        size = struct.calcsize("<" + letter)
        number = rng.choice([0, 1, 2, 3, 7, 9, 13, 64, 255, 1 << 16, (1 << 31) - 1, 1 << 31,
                             (1 << 32) - 1, 1 << 40, 1 << 61, 1 << 63, (1 << 64) - 1])
        data[at:at + size] = (number & (1 << 8 * size) - 1).to_bytes(size, "little")


def names(file, data, rng):
    """One key or tensor gets the name of another of the same length."""
    words = [word for word in (b"attn_q", b"attn_k", b"ffn_up", b"blk.0", b"blk.1", b"gpt2",
                               b"llama", b"bert0", b"token_embd", b"tokens", b"scores", b"merges")
             if word in data]
    old = rng.choice(words)
    new = rng.choice([word for word in words if len(word) == len(old)] + [bytes(len(old)), b"\xff" * len(old)])
    at = data.find(old, rng.randrange(len(data) // 2))
    if at >= 0:
        data[at:at + len(old)] = new


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def problem(command, victim, target):
    """(whether it was refused, what is wrong with that)."""
    # A sanitizer reserves more addresses than any limit.
    bounded = None if os.environ.get("QOPT_NO_MEMORY_LIMIT") else limit
    try:
        run = subprocess.run(command + [victim, target], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, timeout=SECONDS, preexec_fn=bounded)
    except subprocess.TimeoutExpired:
        return False, "timeout"
    text = run.stderr.decode(errors="replace")
    left = sorted(os.listdir(target)) if os.path.exists(target) else []
    if run.returncode == 0 and not text and "model.onnx" in left:
        return False, "temporary file" if any(name.endswith(".tmp") for name in left) else ""
    if run.returncode == 1 and ": error: " in text and text.count("\n") == 1 and not left:
        return True, ""
    return False, f"status {run.returncode}, left {left}: {text[-600:]}"


def main():
    folder, count, command = sys.argv[1], int(sys.argv[2]), sys.argv[4:]
    os.makedirs(folder, exist_ok=True)
    victim, target = os.path.join(folder, "victim.gguf"), os.path.join(folder, "out")
    refused = failures = 0
    files = list(bases(folder))
    for seed in range(count):
        rng = random.Random(seed)
        file = files[seed % len(files)]
        data = bytearray(file.data)
        rng.choice([flip, cut, repeat, fields, fields, fields, names])(file, data, rng)
        with open(victim, "wb") as out:
            out.write(data)
        shutil.rmtree(target, ignore_errors=True)
        was_refused, wrong = problem(command, victim, target)
        refused += was_refused
        if wrong:
            failures += 1
            print(f"seed {seed}: {wrong}")
    print(f"{refused} of {count} refused, {failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
