"""Compares `eval` with numpy: nll.py MODEL TABLE. The model's logits after a token
are its row of the table. Leaves arrays for the refusals in the current folder.
"""

import json
import subprocess
import sys

import numpy as np

model = sys.argv[1]
table = np.load(sys.argv[2]).astype(np.float64)
losses = np.log(np.exp(table).sum(axis=1, keepdims=True)) - table


def reference(ids, window):
    picked = [losses[a, b] for begin in range(0, len(ids), window)
              for a, b in zip(ids[begin:begin + window], ids[begin + 1:begin + window])]
    return len(picked), np.mean(picked)


def check(path, ids, window, *words):
    """`words` say the window, or nothing where it is the default."""
    result = subprocess.run([model, "eval", "--data", path, "--json", *words],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    got = json.loads(result.stdout)
    tokens, nll = reference(ids, window)
    assert list(got) == ["tokens", "nll", "perplexity"], got
    assert got["tokens"] == tokens, (words, got, tokens)
    assert abs(got["nll"] - nll) < 1e-6 * nll, (words, got, nll)
    assert abs(got["perplexity"] - np.exp(got["nll"])) <= 1e-15 * got["perplexity"], got
    return result.stdout


ids = np.random.RandomState(0).randint(0, len(table), 1000)
np.save("ids.npy", ids.astype(np.int64))
np.save("ids32.npy", ids.astype(np.int32)[None, :])
check("ids.npy", ids, 64)  # the model's longest sequence
check("ids32.npy", ids, 64)
check("ids.npy", ids, 16, "--max-seq", "16")
for window in 2, 3, 37, 50:
    check("ids.npy", ids, window, "--seq", str(window))
# A last window of one token predicts nothing; one of two predicts one.
check("ids.npy", ids, 27, "--seq", "27")
np.save("short.npy", ids[:2])
check("short.npy", ids[:2], 64)
# Threads do not change a bit.
one = check("ids.npy", ids, 64, "--threads", "1")
assert one == check("ids.npy", ids, 64, "--threads", "2")

# A text begins with begin-of-text once, and may come from a pipe.
text = "Lily was sad, and the dog was here.\n" * 5
open("text", "w").write(text)
out = subprocess.run([model, "eval", "--data", "text", "--json"], capture_output=True, text=True)
piped = subprocess.run([model, "eval", "--data", "/dev/stdin", "--json"], input=text,
                       capture_output=True, text=True)
assert out.returncode == 0 and out.stdout == piped.stdout, (out, piped)

bad = ids.copy()
bad[7] = len(table)
np.save("outside.npy", bad)
bad[3] = -1
np.save("negative.npy", bad)
np.save("float.npy", ids.astype(np.float32))
np.save("table.npy", ids.reshape(10, 100))
np.save("was.npy", np.array([520, 516, 496, 1]))
print("all agree")
