"""Texts and JSONL as training data: data.py MODEL ENCODE FOLDER

ENCODE prints the token ids of a text, then the token that ends one. The loss of
a step of one window tells what its targets were.
"""

import json
import math
import pathlib
import subprocess
import sys

model, encoder, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])


def encode(text):
    said = subprocess.run([encoder, text], check=True, capture_output=True, text=True).stdout
    ids, end = said.splitlines()
    return list(map(int, ids.split())), int(end)


def train(*paths, seq, steps=1):
    log = folder / "log.jsonl"
    flags = [flag for path in paths for flag in ("--data", path)]
    result = subprocess.run([model, "train", *flags, f"--steps={steps}", f"--seq={seq}", "--batch=1",
                             "--lr=0", "--lambda=0", "--order=sequential", "--log", log],
                            capture_output=True, text=True)
    if result.returncode:
        return result
    return [json.loads(line)["loss"] for line in log.read_text().splitlines()]


def write(name, lines):
    path = folder / name
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n"
                            for line in lines))
    return path


def expect(losses, stream, seq):
    """stream: (token, whether it is learned)"""
    wanted = []
    for k in range((len(stream) - 1) // seq):
        each = [0.5 * (stream[i][0] / 1000 - stream[i + 1][0] / 10) ** 2
                for i in range(k * seq, k * seq + seq) if stream[i + 1][1]]
        if each:
            wanted.append(sum(each) / len(each))
    # One more step sees the first window again.
    wanted.append(wanted[0])
    assert len(losses) == len(wanted), (len(losses), len(wanted))
    assert all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(losses, wanted)), (losses, wanted)
    return len(wanted)


def count(stream, seq):
    return sum(any(stream[i + 1][1] for i in range(k * seq, k * seq + seq))
               for k in range((len(stream) - 1) // seq)) + 1


def learned(ids, known=1):
    return [(token, i >= known) for i, token in enumerate(ids)]


text = "Lily was sad. The cat ran to the hill and it was fun.\n" * 5
path = folder / "some.txt"
path.write_text(text)
ids, end = encode(text)
assert end == 521 and ids[0] == 520, "begin-of-text, once"
stream = learned(ids)
expect(train(path, seq=9, steps=count(stream, 9)), stream, 9)
stream = stream + stream
expect(train(path, path, seq=9, steps=count(stream, 9)), stream, 9)

# Documents end with end-of-text, and nothing predicts how they begin.
one, two = "The cat was big.", "Lily ran."
path = write("text.jsonl", [{"text": one}, "\n", {"id": 3, "text": two}, '  {"text": "\\u00e9"}'])
stream = [pair for each in (one, two, "é") for pair in learned(encode(each)[0] + [end])]
expect(train(path, seq=5, steps=count(stream, 5)), stream, 5)

# The loss is on the response and its end only, and windows without one are left out.
pairs = [("The cat was a big cat that ran to the hill and sat on it.", " Lily said no."), (two, "")]
path = write("pairs.jsonl", [{"prompt": p, "response": r} for p, r in pairs])
stream = []
for prompt, response in pairs:
    alone, both = encode(prompt)[0], encode(prompt + response)[0]
    assert both[:len(alone)] == alone
    stream += learned(both + [end], len(alone))
assert sum(kept for _, kept in stream) == len(encode(pairs[0][0] + pairs[0][1])[0]) - len(
    encode(pairs[0][0])[0]) + 2
assert count(stream, 5) < 1 + (len(stream) - 1) // 5
expect(train(path, seq=5, steps=count(stream, 5)), stream, 5)


def fails(what, lines, seq=5):
    result = train(write("bad.jsonl", lines), seq=seq)
    assert result.returncode == 1 and what in result.stderr, result


form = ', line 2: expects {"text": ...} or {"prompt": ..., "response": ...}, got '
fails(form + "no JSON", [{"text": one}, "{'text': 3}\n"])
fails(form + "no JSON", [{"text": one}, '{"text": "' + "\n"])
fails(form + "other JSON", [{"text": one}, {"prompt": "x"}])
fails(form + "other JSON", [{"text": one}, {"text": 3}])
fails(form + "other JSON", [{"text": one}, ["text", "prompt"]])
fails("the data has 0 tokens, expects more than a sequence of 5", ["\n", "  \n"])
fails("the data has no token to learn: expects a response that reaches into a whole sequence of 5 "
      "tokens", [{"prompt": one, "response": ""}])
print("all is well")
