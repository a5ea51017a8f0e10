"""What all meta tests share: the files of the tree, and how a test fails."""

import os
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[2]

# What is ours and is compiled, interpreted or run.
sources = {".c", ".cpp", ".h", ".td", ".py", ".mlir", ".test", ".cmake"}


def files(*folders, suffixes=None):
    """Paths below the folders, relative to the root and in order; no builds."""
    found = []
    for folder in folders or ("",):
        for parent, names, leaves in os.walk(root / folder):
            names[:] = sorted(
                name for name in names
                if not name.startswith("build") and name not in (".git", "__pycache__"))
            for leaf in sorted(leaves):
                path = pathlib.Path(parent, leaf)
                if suffixes is None or path.suffix in suffixes:
                    found.append(path.relative_to(root))
    return found


def text(path):
    return (root / path).read_text(encoding="utf-8")


def lines(path):
    """(number, line) of a text file; nothing for a binary one."""
    try:
        return list(enumerate(text(path).splitlines(), 1))
    except UnicodeDecodeError:
        return []


def finish(problems, repair):
    """Ends the test: what is wrong, a line each, and what to do about it."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"\n{len(problems)} problem(s). Repair: {repair}")
    sys.exit(1 if problems else 0)
