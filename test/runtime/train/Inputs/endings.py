"""How runs end that somebody or something ends: endings.py MODEL LARGE FOLDER

LARGE has a state of 240 KB.
"""

import fcntl
import json
import pathlib
import resource
import signal
import subprocess
import sys
import time

import numpy as np

model, large, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
state, log = folder / "state.safetensors", folder / "log.jsonl"
data = folder / "data.npy"
np.save(data, np.random.RandomState(1).randint(0, 38, 3000))


def train(*flags, program=model, **how):
    return subprocess.run([program, "train", "--seq=16", "--batch=2", *map(str, flags)],
                          capture_output=True, text=True, timeout=60, **how)


def fails(text, *flags, code=1, **how):
    result = train(*flags, **how)
    assert result.returncode == code and "error: " + text in result.stderr, result
    return result


def clean():
    state.unlink(missing_ok=True)
    log.unlink(missing_ok=True)


# Signals end a run after a step; the same command goes on, to the same end.
usual = ["--data", data, "--steps=200", "--lr=0.1", "--state", state]
assert train(*usual).returncode == 0
wanted = state.read_bytes()
for number in (signal.SIGINT, signal.SIGTERM):
    clean()
    # So many steps take an hour.
    process = subprocess.Popen([model, "train", "--seq=16", "--batch=2", *usual,
                                "--steps=100000000", "--log", log], stderr=subprocess.PIPE)
    while not log.exists() or log.stat().st_size < 20000:
        time.sleep(0.01)
    process.send_signal(number)
    said = process.stderr.read().decode()
    assert process.wait(timeout=20) == 130, said
    assert "note: stopped after step" in said and "the same command goes on from there" in said
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert f"stopped after step {rows[-1]['step']};" in said, said
    assert state.exists() and not pathlib.Path(f"{state}.part").exists()
clean()
for steps in (70, 110, 200, 200):
    result = train(*usual, f"--steps={steps}", "--lambda=linear:100", "--log", log)
    assert result.returncode == 0, result
assert "note: '" in result.stderr and "has 200 steps already: there is nothing to do" in result.stderr
assert state.read_bytes() == wanted
assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 201))

# A line that a killed run left half, and lines behind the state, are written anew.
clean()
assert train(*usual, "--steps=50", "--log", log).returncode == 0
text = log.read_text()
log.write_text(text + text.splitlines()[-1].replace('"step": 50', '"step": 51') + '\n{"step": 52, "lo')
result = train(*usual, "--lambda=linear:100", "--log", log)
assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 201))

# Another seed is another run; other data begin with their first sequence.
fails(f"'{state}' was trained with --seed 0, got --seed 7", *usual, "--steps=300", "--seed=7")
assert state.read_bytes() != b"" and train(*usual, "--steps=210", "--seed=0").returncode == 0
result = train(*usual, "--steps=220", "--seq=32")
assert "the data, --seq or --order are others than before" in result.stderr, result
result = train(*usual, "--steps=230", "--seq=32")
assert "are others" not in result.stderr, result

# Gradients that are not finite: skipped, and too many of them end the run.
clean()
some = np.random.RandomState(2).randint(0, 38, 3000)
some[::700] = 39
np.save(folder / "some.npy", some)
result = train("--data", folder / "some.npy", "--steps=100", "--state", state, "--log", log)
assert result.returncode == 0, result
assert "the gradients are not finite, nothing was changed" in result.stderr, result
rows = [json.loads(line) for line in log.read_text().splitlines()]
skipped = [row for row in rows if row["grad_norm"] is None]
assert 3 <= len(skipped) <= 10 and len(rows) == 100
assert f"{len(skipped)} of 100 steps were skipped" in result.stderr, result
clean()
np.save(folder / "all.npy", np.full(1000, 39))
fails("the gradients of 10 steps in a row were not finite: use a smaller --lr",
      "--data", folder / "all.npy", "--steps=100", "--state", state, "--log", log)
assert len(log.read_text().splitlines()) == 10 and state.exists()

# A disk without room: what was there stays, and the run says so.
clean()
full = ["--data", data, "--lr=0.1", "--lambda=linear:10", "--save-every=10", "--state", state, "--log", log]


def little(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


assert train(*full, "--steps=20", program=large).returncode == 0
before = state.read_bytes()
result = fails(f"cannot write '{state}': File too large; what was there before is as it was",
               *full, "--steps=60", program=large, preexec_fn=little(100000))
assert result.stderr.count("cannot write") == 4, result  # at 30, 40, 50 and the end
assert state.read_bytes() == before and not pathlib.Path(f"{state}.part").exists()
assert train(*full, "--steps=60", program=large).returncode == 0
after = state.read_bytes()
clean()
assert train(*full, "--steps=60", program=large).returncode == 0 and state.read_bytes() == after
clean()
result = train(*full, "--steps=200", preexec_fn=little(8000))
assert result.returncode == 0 and result.stderr.count("the run goes on without a log") == 1, result
rows = [json.loads(line) for line in log.read_text().split("\n")[:-1]]
assert 10 < len(rows) < 200

# Two runs with one state file.
clean()
with open(f"{state}.part", "wb") as held:
    fcntl.flock(held, fcntl.LOCK_EX)
    fails("cannot write '" + str(state) + "': another program is writing it; give each run a state "
          "file of its own", *usual)
assert pathlib.Path(f"{state}.part").exists() and not state.exists()
pathlib.Path(f"{state}.part").unlink()
result = train("--data", data, "--steps=5", "--state", folder / "no/such/folder/x.safetensors")
assert result.returncode == 1 and "No such file or directory" in result.stderr, result
result = train("--data", data, "--steps=5", "--log", folder / "no/such/log")
assert result.returncode == 1 and "cannot write" in result.stderr, result
assert "nothing of what is trained is kept" in train("--data", data, "--steps=5").stderr

# What is wrong with data.
np.save(folder / "short.npy", np.arange(16))
np.save(folder / "exact.npy", np.arange(17))
np.save(folder / "outside.npy", np.arange(60))
np.save(folder / "floats.npy", np.arange(60) / 2)
np.save(folder / "table.npy", np.zeros((9, 9), int))
(folder / "empty.npy").write_bytes(b"")
fails("the data has 16 tokens, expects more than a sequence of 16: give more of it, or a smaller "
      "--seq", "--data", folder / "short.npy", "--steps=3")
assert train("--data", folder / "exact.npy", "--steps=3").returncode == 0
fails(f"'{folder}/outside.npy': expects tokens from 0 to 39, got 40 (its token 40)",
      "--data", folder / "outside.npy", "--steps=3")
fails(f"'{folder}/floats.npy' holds f64, expects token ids", "--data", folder / "floats.npy",
      "--steps=3")
fails(f"'{folder}/table.npy' has more than one axis", "--data", folder / "table.npy", "--steps=3")
fails("cannot read", "--data", folder / "missing.npy", "--steps=3")
fails("the model has no tokenizer", "--data", folder / "empty.npy", "--steps=3")
# What is wrong with flags.
fails("train expects data: --data FILE", "--steps=3", code=2)
fails("train expects how long to train: --steps N", "--data", data, code=2)
for flag, text in {
        "--lambda=1.5": "--lambda expects a number from 0 to 1, linear:N or layers:N, got '1.5'",
        "--lambda=-1": "--lambda expects a number from 0 to 1", "--lambda=nan": "--lambda expects",
        "--lambda=linear:0": "--lambda expects", "--lambda=steps:4": "--lambda expects",
        "--schedule=step": "--schedule expects constant, linear or cosine, got 'step'",
        "--order=any": "--order expects shuffled or sequential, got 'any'",
        "--lr=x": "--lr expects a number", "--accumulate=0": "--accumulate expects"}.items():
    fails(text, "--data", data, "--steps=3", flag, code=2)
fails("--batch 5 is more than the model was compiled for, 4; compile it with --max-batch 5",
      "--data", data, "--steps=3", "--batch=5")
fails("--seq 65 is more than the model was compiled for, 64; compile it with --max-seq 65",
      "--data", data, "--steps=3", "--seq=65")
print("all is well")
