"""No global state: options are declared by passes and tools, and nothing reads
the environment but NO_COLOR."""

import re

import tree

option = re.compile(r"\bcl::(opt|list|bits|alias|ParseCommandLineOptions)\b")
environment = re.compile(r'\b(?:secure_)?getenv\s*\(\s*("[^"]*")?|\bProcess::GetEnv\s*\(\s*("[^"]*")?|\benviron\b')

problems = []
for path in tree.files(suffixes={".c", ".cpp", ".h"}):
    if path.parts[0] == "test" and path.parts[1] != "support":
        continue
    mayDeclare = path.parts[0] == "tools" or path.parts[:2] == ("test", "support")
    for number, line in tree.lines(path):
        code = line.split("//")[0]
        where = f"{path}:{number}: "
        if not mayDeclare and option.search(code):
            problems.append(where + "declares a command-line option")
        match = environment.search(code)
        if match and (match[1] or match[2]) != '"NO_COLOR"':
            problems.append(where + "reads the environment")

tree.finish(problems,
            "make it an option of the pass (passes/Passes.td) or of the tool "
            "(tools/*/main.cpp), and hand it down in a struct.")
