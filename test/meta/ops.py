"""Every op is specified, and its specification is tested.

An op's page has Meaning, Gradient and Example. Each constraint (Cn) has a case
named <op>_c<n>... in test/dialects/<d>/invalid*.mlir; each Example stands word
for word in test/dialects/<d>/ops*.mlir, which parse. test/numeric runs the op.
"""

import re

import tree

# What is outlined, planned and launched has been differentiated before, and is
# run by the tests of kernels.
withoutGradient = withoutNumbers = {"kernel"}


def unindented(code):
    return "\n".join(line.strip() for line in code.strip().splitlines())


def cases(dialect, pattern):
    folder = tree.root / "test/dialects" / dialect
    return "\n".join(path.read_text() for path in sorted(folder.glob(pattern)))


numeric = "\n".join(map(tree.text, tree.files("test/numeric", suffixes={".mlir"})))

problems = []
for page in tree.files("dialects", suffixes={".md"}):
    if page.name != "OPS.md":
        continue
    dialect = page.parent.name
    invalid = cases(dialect, "invalid*.mlir")
    valid = unindented(cases(dialect, "ops*.mlir"))
    # Headings of ops are `d.op`; those of attributes and types begin otherwise.
    sections = re.split(r"^### `" + dialect + r"\.(\w+)` \(", tree.text(page), flags=re.M)[1:]
    for op, description in zip(sections[::2], sections[1::2]):
        description = description.split("\n## ")[0]
        where = f"{dialect}.{op}: "
        for heading in ("Meaning", "Gradient", "Example"):
            if heading == "Gradient" and dialect in withoutGradient:
                continue
            if f"**{heading}" not in description:
                problems.append(where + f"has no {heading}")
        if dialect not in withoutNumbers and not re.search(rf"\b{dialect}\.{op}\b", numeric):
            problems.append(where + "is in no program of test/numeric")
        labels = re.findall(r"^- \(C(\d+)\)", description, flags=re.M)
        if labels != [str(n + 1) for n in range(len(labels))]:
            problems.append(where + f"numbers its constraints {', '.join(labels)}")
        for n in labels:
            if not re.search(rf"@{op}_c{n}(_\w+)?\b", invalid):
                problems.append(where + f"(C{n}) has no case @{op}_c{n}_... in "
                                f"test/dialects/{dialect}/invalid*.mlir")
        for label in re.findall(rf"@{op}_c(\d+)(?:_\w+)?\b", invalid):
            if label not in labels:
                problems.append(where + f"a case breaks (C{label}), which is not documented")
        for example in re.findall(r"\*\*Example\*\*\n```mlir\n(.*?)```", description, flags=re.S):
            # Statements may stand apart in the test: an op and its operands are one.
            for statement in re.split(r"\n(?=%)", example.strip()):
                if unindented(statement) not in valid:
                    problems.append(where + f"the example is not in test/dialects/{dialect}"
                                    f"/ops*.mlir:\n    {statement}")

# What a dialect's README shows parses too.
for page in tree.files("dialects", suffixes={".md"}):
    if page.name != "README.md":
        continue
    tests = unindented(cases(page.parent.name, "*.mlir"))
    for block in re.findall(r"```mlir\n(.*?)```", tree.text(page), flags=re.S):
        if unindented(block) not in tests:
            problems.append(f"{page}: not in test/dialects/{page.parent.name}:\n{block}")

tree.finish(problems,
            "complete the description in dialects/<d>/*Ops.td (and build the docs "
            "target), or add the case; CONTRIBUTING.md shows both for a new op.")
