"""A pass that runs a second time changes nothing."""

import pathlib
import re
import shlex
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
    run = re.search(rf"^// RUN: (qopt-opt .*(?:\\\n.*)*--qopt-{name}\b.*)", tree.text(test), flags=re.M)
    words = shlex.split(re.sub(r"\\(\n// RUN:)?", "", run[1]).replace("%%", "%")) if run else [f"--qopt-{name}"]
    passes = [i for i, word in enumerate(words) if re.match(rf"--qopt-{name}\b", word)]
    flags = [word for word in words[:passes[0] + 1] if word.startswith("--")]
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
