"""Every error and remark of a verifier or a pass occurs in a test.

A literal of three words or more in dialects/ and passes/ is taken for a text
that people read; adjacent literals are one.
"""

import re

import tree

token = re.compile(r'//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"', flags=re.S)

# What needs no test, and why.
exempt = {
    "the halves of its rotation do not come to rest": "each pattern moves a half on, none back",
    "expects ranked tensors, got": "parsers and ODS types refuse others first",
    "the mask cannot be written for all heads": "a guard: no mask is known that cannot",
    "recognise the layers of a model": "what --help says of a pipeline",
    "expects a tool that can run programs: use qopt, qopt-opt, or mlir-opt with the plugin":
        "for tools of others: all of ours run programs",
    "falls back to rounding to nearest: the moment of its inputs is not positive":
        "no program leads there; test/passes/calibrate/solve.test does",
    "build the entries of the executable from raised layers": "likewise",
    "build the entries that train from raised layers": "likewise",
    "parameters that are trained": "what --help says of an option of qopt-train",
    "names that are trained": "likewise",
    "states of the optimizer": "likewise",
    "parts that are computed again": "likewise",
    "of the teacher's divergence": "likewise",
    "of the cross-entropy beside it": "likewise",
}


def literals(code):
    """(line, text) of the literals; neighbours are joined as C++ joins them."""
    found, end = [], None
    for match in token.finditer(code):
        if match[1] is None:
            continue
        if found and end is not None and not code[end:match.start()].strip():
            found[-1][1] += match[1]
        else:
            found.append([code.count("\n", 0, match.start()) + 1, match[1]])
        end = match.end()
    return found


tests = "\n".join(
    tree.text(path) for path in tree.files("test", suffixes={".mlir", ".test", ".py", ".cpp"})
    if path.parts[:2] != ("test", "meta"))
tests = re.sub(r"\\\n// RUN:", "", tests)

problems = []
for path in tree.files("dialects", "passes", suffixes={".cpp", ".h"}):
    for line, message in literals(tree.text(path)):
        message = message.replace('\\"', '"').strip(" ('[,:")
        if len(message.split()) < 3 or message in exempt:
            continue
        if message not in tests:
            problems.append(f"{path}:{line}: '{message}' is in no test")

tree.finish(problems,
            "add a case that provokes it, to test/dialects/<d>/invalid*.mlir or to "
            "test/passes/<area>/<pass>-kept.mlir.")
