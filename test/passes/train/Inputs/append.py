"""Adds functions at the end of a program: `append.py PROGRAM FUNCTIONS`."""

import pathlib
import sys

program, functions = map(pathlib.Path, sys.argv[1:])
text = program.read_text()
end = text.rindex("}")
program.write_text(text[:end] + functions.read_text() + "}\n")
