"""Kills a calibration once some layers are found, and resumes it.

    killed.py OUT COMMAND...    COMMAND writes OUT; its spill lies beside it

Says how many layers were found when it died; the rest must not be lost.
"""

import json
import pathlib
import signal
import struct
import subprocess
import sys
import time

out = pathlib.Path(sys.argv[1])
command = sys.argv[2:]
spill = pathlib.Path(str(out) + ".calibration.safetensors")


def finished():
    try:
        with open(spill, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            begin, end = json.loads(file.read(length))["finished"]["data_offsets"]
            file.seek(8 + length + begin)
            return list(file.read(end - begin))
    except (OSError, ValueError, struct.error):
        return []


process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
while process.poll() is None and sum(finished()) < 5:
    time.sleep(0.001)
assert process.poll() is None, "it ended before it could be killed"
process.send_signal(signal.SIGKILL)
process.wait()
marks = finished()
assert 5 <= sum(marks) < len(marks), marks
assert not out.exists()
# Data that is other than before is refused, and nothing is lost by that.
other = subprocess.run(command + ["--resume", "--calib-samples=3"], capture_output=True, text=True)
assert other.returncode == 1 and "cannot resume from" in other.stderr, other.stderr
assert finished() == marks
subprocess.run(command + ["--resume", "-q"], check=True)
assert not spill.exists(), "what is linked needs no spill"
print("resumed")
