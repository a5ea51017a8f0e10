"""The generated pages in the tree are those that the sources give today.

    docs.py BUILD           compares; the repair is the docs target
    docs.py BUILD --write   what the docs target runs
"""

import difflib
import pathlib
import subprocess
import sys

import tree

build = pathlib.Path(sys.argv[1])


def tablegen(page):
    if not (build / page).exists():
        return "not built yet\n"
    # [TOC] is markup of MLIR's own web site.
    return (build / page).read_text().replace("[TOC]\n\n", "")


def pages():
    """(path in the tree, text) of every generated page."""
    for dialect in sorted(path.parent for path in tree.files("dialects", suffixes={".td"})
                          if path.name.endswith("Dialect.td")):
        yield dialect / "OPS.md", tablegen(dialect / "OPS.md")
    yield "passes/PASSES.md", tablegen("passes/PASSES.md")
    yield "frontends/onnx/SUPPORTED.md", subprocess.run(
        [build / "bin/qopt-list-onnx"], check=True, capture_output=True, text=True).stdout


problems = []
for path, fresh in pages():
    if "--write" in sys.argv:
        (tree.root / path).write_text(fresh)
        continue
    stored = tree.text(path) if (tree.root / path).exists() else ""
    if stored != fresh:
        problems += [f"{path} is stale:"]
        problems += list(difflib.unified_diff(
            stored.splitlines(), fresh.splitlines(), "tree", "sources", n=1, lineterm=""))[:20]

tree.finish(problems, f"cmake --build {build} --target docs, and commit the pages.")
