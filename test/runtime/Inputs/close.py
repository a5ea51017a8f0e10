"""Runs a model 300 times for one token on two threads: close.py MODEL"""
import subprocess
import sys

ended = 0
for _ in range(300):
    try:
        subprocess.run([sys.argv[1], "generate", "--ids", "--threads", "2", "-p", "1 2", "-n", "1"],
                       check=True, capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        continue
    ended += 1
print(f"{ended} of 300 ended")
