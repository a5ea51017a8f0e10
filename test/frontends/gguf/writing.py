"""Whether a conversion that fails leaves things as they were.

`writing.py FOLDER CONVERTER`: a disk that fills up, at several points, and a
signal while the weights are written; with an older model in the folder, and
without a folder.
"""

import os
import resource
import signal
import subprocess
import sys
import time

import models


def contents(folder):
    result = {}
    for name in sorted(os.listdir(folder)) if os.path.exists(folder) else []:
        with open(os.path.join(folder, name), "rb") as file:
            result[name] = file.read()
    return result


def full_disk(limit):
    def prepare():
        # A full disk says so without a signal.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXFSZ])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return prepare


def check(what, fine):
    if not fine:
        sys.exit("wrong: " + what)


def fill(source, target, command):
    before = contents(target)
    for limit in (0, 5000, 1 << 20):
        run = subprocess.run(command + [source, target], capture_output=True, text=True,
                             preexec_fn=full_disk(limit))
        check(f"{limit} bytes: {run.stderr}", run.returncode == 1 and run.stderr.count("\n") == 1 and
              ": cannot write '" in run.stderr and "File too large" in run.stderr)
        check(f"{limit} bytes: files are left", contents(target) == before)
        check(f"{limit} bytes: the folder is left", bool(before) == os.path.exists(target))


def is_written(target):
    try:
        return any(name.endswith(".tmp") and os.path.getsize(os.path.join(target, name)) > 1 << 22
                   for name in os.listdir(target))
    except FileNotFoundError:  # not made yet, or renamed under our eyes
        return False


def interrupt(source, target, command):
    """True if the signal came while the weights were written."""
    before = contents(target)
    process = subprocess.Popen(command + [source, target], stderr=subprocess.DEVNULL)
    while process.poll() is None and not is_written(target):
        time.sleep(0.001)
    process.terminate()
    if process.wait() == 0:
        return False  # it was faster
    after = contents(target)
    check(f"signal: {sorted(after)}", after == before)
    return True


def main():
    folder, *command = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    small, large = os.path.join(folder, "small.gguf"), os.path.join(folder, "large.gguf")
    models.CASES["F32"]().write(small)
    models.CASES["parts"]().write(large)
    old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
    subprocess.run(command + [small, old], check=True)
    for target in old, new:
        fill(large, target, command)
    check("no signal came in time", any(interrupt(large, old, command) for _ in range(20)))
    print("nothing is left, nothing is lost")


if __name__ == "__main__":
    main()
