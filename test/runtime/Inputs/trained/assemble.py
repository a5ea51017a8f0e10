"""Makes a program of program.c what `qopt` would have made of it.

    assemble.py OUT SOURCE... --include DIR --bundle DIR [--define NAME=VALUE]
                [--hash H] [--recipe R] [--tokenizer COMPILED]

Compiles and links, then appends weights, initial values (w begins as 0, 0.001,
0.002, ...), the tokenizer of another compiled file, description and footer.
"""

import argparse
import json
import pathlib
import re
import struct
import subprocess

FOOTER = struct.Struct("<9QII8s")

parser = argparse.ArgumentParser()
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("sources", nargs="*")
parser.add_argument("--define", action="append", default=[])
parser.add_argument("--include", required=True)
parser.add_argument("--bundle", required=True)
parser.add_argument("--hash", default="xxh64:0123456789abcdef")
parser.add_argument("--recipe", default="ternary")
parser.add_argument("--tokenizer", type=pathlib.Path)
args = parser.parse_args()


def xxh64(data):
    """The hash of runtime/Hash.h, by its specification."""
    p1, p2, p3, p4, p5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                          0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
    mask = 2**64 - 1

    def rotate(x, r):
        return (x << r | x >> (64 - r)) & mask

    def mix(acc, lane):
        return rotate((acc + lane * p2) & mask, 31) * p1 & mask

    size, at = len(data), 0
    if size >= 32:
        acc = [(p1 + p2) & mask, p2, 0, -p1 & mask]
        while size - at >= 32:
            for i in range(4):
                acc[i] = mix(acc[i], int.from_bytes(data[at:at + 8], "little"))
                at += 8
        h = sum(rotate(a, r) for a, r in zip(acc, (1, 7, 12, 18))) & mask
        for a in acc:
            h = ((h ^ mix(0, a)) * p1 + p4) & mask
    else:
        h = p5
    h = (h + size) & mask
    while size - at >= 8:
        h = (rotate(h ^ mix(0, int.from_bytes(data[at:at + 8], "little")), 27) * p1 + p4) & mask
        at += 8
    if size - at >= 4:
        h = (rotate(h ^ int.from_bytes(data[at:at + 4], "little") * p1 & mask, 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ byte * p5 & mask, 11) * p1 & mask
    for shift, factor in ((33, p2), (29, p3), (32, 1)):
        h = (h ^ h >> shift) * factor & mask
    return h


info = json.dumps({
    "name": "trained", "source": "program.c", "source_hash": args.hash, "recipe": args.recipe,
    "parameters": 40, "max_batch": 4, "max_seq": 64, "cpus": [{"name": "plain"}],
    "entries": [], "layers": []}).encode()
folder = pathlib.Path(__file__).parent
common = ["-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-I", args.include]
defines = ["-D" + define for define in args.define] + [f"-DINFO_HASH={xxh64(info)}ull"]
program = str(args.out) + ".o"
subprocess.run(["clang", "-std=c99", *common, *defines, "-c", folder / "program.c", "-o", program],
               check=True)
inputs = [program] + args.sources
archives = [args.bundle + "/" + name for name in ("libqopt_cli.a", "libqopt_runtime.a")]
subprocess.run(["clang", "-fuse-ld=lld", *common, "-I", args.bundle, *inputs, *archives, "-o", args.out, "-lm",
                "-lpthread"], check=True)

tokenizer = b""
if args.tokenizer:
    other = args.tokenizer.read_bytes()
    fields = FOOTER.unpack(other[-FOOTER.size:])
    tokenizer = other[fields[4]:fields[4] + fields[5]]
words = int(dict(define.split("=") for define in args.define).get("VOCABULARY", 40))
initial = struct.pack(f"<{words}f", *(i / 1000 for i in range(words)))
abi = (pathlib.Path(args.include) / "qopt/runtime/abi.h").read_text()
version = int(re.search(r"#define QOPT_ABI_VERSION (\d+)u", abi)[1])
fields = []
with args.out.open("ab") as file:
    for part in (bytes(64), initial, tokenizer, info):
        file.write(bytes(-file.tell() % 4096))
        fields += [file.tell(), len(part)]
        file.write(part)
    file.write(FOOTER.pack(*fields, xxh64(info), version, 0, b"qoptbin\n"))
