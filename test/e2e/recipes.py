"""What the recipes cost on a model of real weights: `recipes.py MODEL TOKENIZER TEXT FOLDER`.

Each recipe is compiled as a user would, codes chosen by the text's first half
where it takes data, and `eval` measures nll on the second. A recipe may lose so
much against the float model (nats a token: about one and a half times what was
measured), and less than the one it is there to improve on.
"""
import json
import pathlib
import subprocess
import sys

model, tokenizer = sys.argv[1:3]
text, folder = pathlib.Path(sys.argv[3]).read_text()[:60000], pathlib.Path(sys.argv[4])
first, second = folder / "first.txt", folder / "second.txt"
first.write_text(text[:30000])
second.write_text(text[30000:])
calib = ["--calib", first, "--calib-samples", 32, "--calib-seq", 128]
recipes = pathlib.Path(__file__).resolve().parents[2] / "passes/recipes"
plain = folder / "w4a4kv8.recipe"
plain.write_text("\n".join(line for line in (recipes / "w4a4kv8-quarot.recipe").read_text().splitlines()
                           if "qopt-rotate" not in line))

# name: flags, most that is lost, what loses more
ways = {
    "w8a8": (["--recipe=w8a8"], 0.003, None),
    "w8a8-rotated": (["--recipe=w8a8-rotated"], 0.002, "w8a8"),
    "w4a16": (["--recipe=w4a16"], 0.09, None),
    "w4a16 by GPTQ": (["--recipe=w4a16", *calib], 0.04, "w4a16"),
    "w4a8": (["--recipe=w4a8"], 0.09, None),
    "w4a8-rotated": (["--recipe=w4a8-rotated"], 0.09, None),
    "w4a4kv8": (["--recipe", plain], 0.5, None),
    "w4a4kv8-quarot": (["--recipe=w4a4kv8-quarot"], 0.3, "w4a4kv8"),
    "w2a16": (["--weights=i2", "--group=32", *calib], 1.2, None),
    "w2a16-lora": (["--recipe=w2a16-lora", "--group=32", *calib], 0.6, "w2a16"),
}


def nll(*flags):
    binary = folder / "model"
    subprocess.run(list(map(str, ["qopt", model, "--tokenizer", tokenizer, "-q", *flags, "-o", binary])), check=True)
    out = subprocess.run([binary, "eval", "--data", second, "--seq", "128", "--json"], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)["nll"]


base, lost = nll(), {}
print(f"float: {base:.4f}", flush=True)
for name, (flags, most, more) in ways.items():
    lost[name] = nll(*flags) - base
    print(f"{name}: {lost[name]:+.4f}", flush=True)
    if not lost[name] <= most:
        sys.exit(f"{name}: expects to lose at most {most}, got {lost[name]:.4f}")
    if more and not lost[name] < lost[more]:
        sys.exit(f"{name}: expects to lose less than {more} ({lost[more]:.4f}), got {lost[name]:.4f}")
