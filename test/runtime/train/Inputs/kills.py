"""Kills a run again and again, and lets it go on: kills.py MODEL FOLDER KILLS STEPS FLAG...

Whatever the moment, in a step or while a state is written, the next run goes on
from a whole state, and in the end all is as in a run that nobody killed: state
file and log, but for speeds.
"""

import json
import pathlib
import random
import subprocess
import sys
import time

import numpy as np

model, folder, kills, steps = sys.argv[1], pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:5])
np.save(folder / "data.npy", np.random.RandomState(1).randint(0, 38, 3000))
state, log = folder / "run.safetensors", folder / "run.jsonl"
command = [model, "train", "--data", folder / "data.npy", f"--steps={steps}", "--save-every=3",
           "--seq=16", "--batch=2", "--accumulate=2", "--lr=0.01", "--schedule=cosine",
           "--state", state, "--log", log, *sys.argv[5:]]


def lines():
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for row in rows:
        row.pop("tokens_per_s")
    return rows


began = time.monotonic()
subprocess.run(command, check=True, capture_output=True)
whole = time.monotonic() - began
wanted, wantedLines = state.read_bytes(), lines()
assert [row["step"] for row in wantedLines] == list(range(1, steps + 1))
state.unlink()
log.unlink()

chance = random.Random(7)
done = killed = resumed = parts = code = 0
while killed < kills or code != 0:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if killed < kills:
        time.sleep(chance.uniform(0, whole / 10))
        process.kill()
    said = process.stderr.read().decode()
    code = process.wait()
    resumed += "goes on from" in said
    if code == 0:
        assert state.read_bytes() == wanted, "another state"
        assert lines() == wantedLines, "another log"
        done += 1
        if killed < kills:
            state.unlink()
            log.unlink()
        continue
    assert code == -9, (code, said)
    killed += 1
    parts += pathlib.Path(f"{state}.part").exists()
names = sorted(path.name for path in folder.iterdir())
assert names == ["data.npy", "run.jsonl", "run.safetensors", "run.svg"], names
print(f"{killed} kills, {parts} of them while a state was written; {resumed} runs went on, "
      f"{done} came to the end: the same bits")
assert resumed > 0  # how many, a busy machine decides
