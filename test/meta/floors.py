"""Arrows point down: what each floor may include, and the runtime's rule.

    5  tools
    4  codegen      frontends        never see each other
    3  passes
    2  dialects
    1  runtime                       no MLIR, no LLVM, no protobuf
    0  runtime/abi.h                 includes nothing of ours

test/support stands beside the tools and sees all but them.
"""

import re

import tree

below = {
    "runtime": [],
    "dialects": [],
    "passes": ["dialects"],
    "codegen": ["passes", "dialects"],
    "frontends": ["passes", "dialects"],
    "tools": ["codegen", "frontends", "passes", "dialects", "runtime"],
    "test": ["codegen", "frontends", "passes", "dialects", "runtime"],
}

# What else a file may include, and why.
allowed = [
    # The only headers both worlds include: plain structs, no code.
    ("", r"runtime/abi\.h"),
    ("frontends/tokenizer/", r"runtime/tokenizer/Format\.h"),
    # qopt-interpret runs the ops that tests compare numbers with.
    ("tools/qopt-interpret/", r"test/support/check/Check\.h"),
]

include = re.compile(r'\s*(?:#\s*)?include\s+(?:"([^"]+)"|<([^>]+)>)')
foreign = re.compile(r"(mlir|mlir-c|llvm|llvm-c|lld|google|onnx|Eigen)/")


def may(path, header):
    """Whether a file may include a header of ours."""
    floor, target = path.parts[0], header.split("/")[0]
    if path.as_posix() == "runtime/abi.h":
        return False
    if target == floor or target in below[floor]:
        return True
    return any(str(path).startswith(prefix) and re.fullmatch(pattern, header)
               for prefix, pattern in allowed)


problems = []
for path in tree.files(*below, suffixes={".c", ".cpp", ".h", ".td"}):
    for number, line in tree.lines(path):
        match = include.match(line)
        if not match:
            continue
        header = match[1] or match[2]
        where = f"{path}:{number}: "
        if header.startswith("qopt/"):
            header = header.removeprefix("qopt/")
            if header.split("/")[0] not in below:
                problems.append(where + f"includes '{header}', which is on no floor")
            elif not may(path, header):
                problems.append(where + f"includes '{header}', which its floor may not see")
        elif (match[1] and "Inputs" not in path.parts  # programs of users
              and (tree.root / path.parent / header).exists()):
            problems.append(where + f"includes '{header}', expects "
                            f"'qopt/{path.parent.as_posix()}/{header}'")
        elif path.parts[0] == "runtime" and foreign.match(header):
            problems.append(where + f"includes '{header}' in the runtime")

tree.finish(problems,
            "declare an interface on the lower floor and implement it above "
            "(passes/Executor.h is one), or move what both need down.")
