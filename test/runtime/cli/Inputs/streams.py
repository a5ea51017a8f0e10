"""How `generate` ends when somebody ends it: streams.py MODEL.

Ctrl-C ends the line and gives 130; a reader that has gone gives 1 without a
word. MODEL never ends by itself.
"""

import fcntl
import os
import signal
import subprocess
import sys

command = [sys.argv[1], "generate", "--ids", "-p", "520", "-n", "4000"]

# A small pipe that nobody reads at first: the model cannot come to 4000 tokens.
reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
process = subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE)
os.close(writer)
text = os.read(reader, 4)
process.send_signal(signal.SIGINT)
with os.fdopen(reader, "rb") as rest:
    text += rest.read()
said = process.stderr.read()
assert process.wait() == 130, process.returncode
assert text.startswith(b"516") and text.endswith(b"\n") and len(text) < 15000, text
assert b"prompt 1 tokens" in said, said

reader, writer = os.pipe()
os.close(reader)
result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE)
assert result.returncode == 1 and b"error" not in result.stderr, result
