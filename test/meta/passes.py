"""Every pass is documented and tested, and one word names all that it is.

`--qopt-insert-rms-norm` is InsertRmsNorm in passes/<area>/InsertRmsNorm.cpp and
is tested by test/passes/<area>/insert-rms-norm.mlir, before and after, and by
its twin insert-rms-norm-kept.mlir: what it leaves alone.
"""

import re

import tree

headings = ["Preconditions", "Postconditions", "Numbers", "Not handled"]

# No `-kept` twin, and why.
withoutTwin = {
    "assign-roles": "it leaves nothing alone for a reason of its own",
    "raise-rope": "nothing is refused with a reason; its test has what is no rope",
    "raise-swiglu": "nothing is refused with a reason; its test has other gates",
}

# No run before and after in the test, and why.
withoutRun = {
    "assign-roles": "attributes only",
}

problems = []
page = tree.text("passes/PASSES.md")
sections = re.split(r"^### `-qopt-([\w-]+)`\n", page, flags=re.M)[1:]
for name, description in zip(sections[::2], sections[1::2]):
    where = f"--qopt-{name}: "
    word = "".join(part.capitalize() for part in name.split("-"))
    if not re.match(r"\n_.+_\n", description):
        problems.append(where + "has no summary")
    if not re.search(r"```mlir\n.*?^\s*// ==>\n.*?```", description, flags=re.S | re.M):
        problems.append(where + "has no example with '// ==>' between before and after")
    for heading in headings:
        if f"**{heading}.**" not in description:
            problems.append(where + f"has no **{heading}.**")
    code = [path for path in tree.files("passes") if path.name == f"{word}.cpp"]
    if not code:
        problems.append(where + f"expects passes/<area>/{word}.cpp")
        continue
    area = code[0].parent.name
    test = f"test/passes/{area}/{name}.mlir"
    if not (tree.root / test).exists():
        problems.append(where + f"has no test, expects {test}")
    else:
        run = " ".join(re.findall(r"^// RUN: (.*)", tree.text(test), flags=re.M))
        if name not in withoutRun and "qopt-interpret" not in run:
            problems.append(where + f"{test} does not run the program before and after")
    twin = test.replace(".mlir", "-kept.mlir")
    if (tree.root / twin).exists() == (name in withoutTwin):
        problems.append(where + (f"has {twin} and a reason for having none" if name in withoutTwin
                                 else f"has no twin, expects {twin}"))

tree.finish(problems,
            "complete it in passes/Passes.td (and build the docs target), or add the "
            "test; a reason for having none goes into a table of test/meta/passes.py.")
