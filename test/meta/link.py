"""Of MLIR and LLVM only libMLIR.so and libLLVM.so are linked, and LLD.

A static component beside them registers its options a second time.
"""

import pathlib
import re
import sys

import tree

allowed = {"MLIR", "LLVM", "LLVM-22", "lldELF", "lldCommon"}

problems = []
for path in tree.files(suffixes={".txt", ".cmake"}):
    code = re.sub(r"#[^\n]*", "", tree.text(path))
    for call in re.finditer(r"(?:target_link_libraries|qopt_add_\w+)\s*\(([^)]*)\)", code):
        for word in re.findall(r"\b(?:MLIR|LLVM|lld|clang)\w*", call[1]):
            if word not in allowed:
                problems.append(f"{path}: links {word}")

# What CMake made of it, dependencies of dependencies included.
seen = set()
for line in pathlib.Path(sys.argv[1], "build.ninja").open():
    if "LINK_LIBRARIES" in line:
        for name in re.findall(r"\blib((?:MLIR|LLVM|lld)[\w-]*)\.(?:a|so)\b|-l((?:MLIR|LLVM|lld)\w*)", line):
            seen.add("".join(name))
if not seen:
    problems.append("build.ninja links neither MLIR nor LLVM: expects LINK_LIBRARIES")
problems += [f"build.ninja links {name}" for name in sorted(seen - allowed)]

tree.finish(problems, "link MLIR and LLVM, which qopt_add_library does, and drop the component.")
