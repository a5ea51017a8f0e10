"""Compares a greedy generation with a stored one: greedy.py GREEDY_JSON EXECUTABLE
[--text]; with --text the executable has the tokenizer, too.
"""

import json
import subprocess
import sys

stored = json.load(open(sys.argv[1]))
ids = stored["greedy_ids"]


def generate(*words):
    result = subprocess.run([sys.argv[2], "generate", "-n", str(len(ids) - 1), *words],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


for threads in "1", "2":
    out = generate("--ids", "-p", str(ids[0]), "--threads", threads)
    assert list(map(int, out.split())) == ids[1:], out
if sys.argv[3:] == ["--text"]:
    out = generate("-p", "")
    assert out.rstrip("\n") == stored["greedy_text"], out
print(len(ids) - 1, "greedy ids are equal")
