"""How `generate` ends when somebody ends it: streams.py MODEL.

Ctrl-C ends the line and gives 130; a reader that has gone gives 1 without a
word. MODEL never ends by itself. Errors have a colour on a terminal, unless
NO_COLOR says no.
"""

import fcntl
import os
import pty
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


def on_terminal(**environment):
    terminal, other = pty.openpty()
    subprocess.run([sys.argv[1], "train"], stderr=other, env={**environment})
    os.close(other)
    said = os.read(terminal, 200)
    os.close(terminal)
    return said


assert on_terminal().startswith(b"\033[1;31merror:\033[0m "), on_terminal()
assert on_terminal(NO_COLOR="1").startswith(b"error: this model"), on_terminal(NO_COLOR="1")
