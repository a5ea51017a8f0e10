"""Compares a greedy generation with a stored one: greedy.py GREEDY_JSON EXECUTABLE."""

import json
import subprocess
import sys

ids = json.load(open(sys.argv[1]))["greedy_ids"]
for threads in "1", "2":
    result = subprocess.run([sys.argv[2], "generate", "--ids", "-p", str(ids[0]), "-n", str(len(ids) - 1),
                             "--threads", threads], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert list(map(int, result.stdout.split())) == ids[1:], result.stdout
print(len(ids) - 1, "greedy ids are equal")
