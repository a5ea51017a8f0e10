"""A pass that runs a second time changes nothing."""

import pathlib
import re
import subprocess
import sys

import tree

opt = pathlib.Path(sys.argv[1], "bin/qopt-opt")

problems = []
names = re.findall(r"^### `-qopt-([\w-]+)`\n", tree.text("passes/PASSES.md"), flags=re.M)
for test in tree.files("test/passes", suffixes={".mlir"}):
    name = test.stem
    if name not in names:
        continue
    # What the test itself runs, up to the pass.
    run = re.search(rf"^// RUN: qopt-opt .*(?:\\\n.*)*--qopt-{name}\b\S*", tree.text(test), flags=re.M)
    flags = re.findall(r"--\S+", run[0]) if run else [f"--qopt-{name}"]
    command = [opt, tree.root / test] + flags

    def output(*more):
        return subprocess.run(command + list(more), capture_output=True, text=True)

    # A pass leaves dead code to others.
    once = output("--canonicalize")
    twice = output("--canonicalize", flags[-1], "--canonicalize")
    if once.returncode or twice.returncode:
        problems.append(f"{test}: {flags[-1]} fails:\n{once.stderr or twice.stderr}")
    elif once.stdout != twice.stdout:
        problems.append(f"{test}: {flags[-1]} changes what it made itself:\n    "
                        + " ".join(map(str, twice.args)))
    names.remove(name)

tree.finish(problems, "match the shape that the pass leaves, and leave it alone.")
