"""Compiles a program for each kind of CPU and compares what the result says is
emulated with the instructions that the system lists."""
import json
import re
import subprocess
import sys

AVX2 = {"avx2", "fma", "f16c", "bmi1", "bmi2"}
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
KINDS = {
    "plain": set(),
    "avx2": AVX2,
    "avxvnni": AVX2 | {"avx_vnni"},
    "avx512": AVX512,
    "avx512vnni": AVX512 | {"avx512_vnni"},
    "avx512bf16": AVX512 | {"avx512_vnni", "avx512_bf16"},
}

with open("/proc/cpuinfo") as lines:
    has = set(re.search(r"^flags\s*:(.*)$", lines.read(), re.M)[1].split())

for kind, needs in KINDS.items():
    subprocess.run(["qopt", sys.argv[1], "-q", f"--mcpu={kind}", "--emulate-isa", "-o", f"{kind}.bin"], check=True)
    info = json.loads(subprocess.run([f"./{kind}.bin", "info", "--json"], check=True, capture_output=True).stdout)
    cpu = info["cpus"][0]
    verdict = "right" if cpu["name"] == kind and cpu["emulated"] == (not needs <= has) else "wrong"
    print(f"{kind}: {verdict}: {cpu}")
print(len(KINDS), "kinds of CPU")
