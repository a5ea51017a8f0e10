"""What the comparisons with other programs share: timing qopt, naming the CPU."""

import json
import os
import statistics
import subprocess
import time

import numpy as np


def time_qopt(executable, threads, prompt, gen, all_logits=False):
    """Tokens per second of prefill and decode, and the share of the read
    bandwidth, in one round of the executable's own `bench`."""
    done = subprocess.run(
        [executable, "bench", "--json", "--rounds", "1", "--threads", str(threads),
         "--prompt", str(prompt), "--gen", str(gen)] + ["--all-logits"] * all_logits,
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    result = json.loads(done.stdout)
    return (result["prefill_tokens_per_s"], result["decode_tokens_per_s"],
            result.get("decode_bandwidth_share"))


def cpu():
    with open("/proc/cpuinfo") as info:
        text = info.read()
    name = next(l.split(":")[1].strip() for l in text.splitlines()
                if l.startswith("model name"))
    flags = next(l for l in text.splitlines() if l.startswith("flags")).split()
    kinds = [f for f in ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16") if f in flags]
    return f"{name}, {os.cpu_count()} cores, {' '.join(kinds)}"


def interleaved(rounds, programs):
    """Runs every program once a round, each alone on the machine: a list of
    what it returned for each."""
    results = [[] for _ in programs]
    for _ in range(rounds):
        for result, program in zip(results, programs):
            result.append(program())
    return results


def compare(ours, theirs, index):
    """Medians, bests and their ratios of one of the measured speeds."""
    a, b = [r[index] for r in ours], [r[index] for r in theirs]
    return {"qopt": statistics.median(a), "qopt_best": max(a),
            "peer": statistics.median(b), "peer_best": max(b),
            "ratio": statistics.median(a) / statistics.median(b),
            "ratio_best": max(a) / max(b)}


class OnnxRuntime:
    """A decoder of ONNX Runtime whose caches stay where they are (I/O binding)."""

    def __init__(self, path, threads):
        import onnxruntime
        self.ort = onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name: i for i in self.session.get_inputs()}
        self.outputs = [o.name for o in self.session.get_outputs()]
        self.pasts = [n for n in self.inputs if n.startswith("past")]
        self.presents = [n for n in self.outputs if n.startswith("present")]

    def empty(self):
        values = []
        for name in self.pasts:
            _, heads, _, size = self.inputs[name].shape
            kind = np.float16 if "16" in self.inputs[name].type else np.float32
            values.append(self.ort.OrtValue.ortvalue_from_numpy(
                np.zeros((1, heads, 0, size), kind)))
        return values

    def step(self, ids, position, caches):
        count = len(ids)
        binding = self.session.io_binding()
        binding.bind_cpu_input("input_ids", np.array([ids], np.int64))
        if "attention_mask" in self.inputs:
            binding.bind_cpu_input(
                "attention_mask", np.ones((1, position + count), np.int64))
        if "position_ids" in self.inputs:
            binding.bind_cpu_input(
                "position_ids", np.arange(position, position + count)[None])
        for name, value in zip(self.pasts, caches):
            binding.bind_ortvalue_input(name, value)
        for name in self.outputs:
            binding.bind_output(name)
        self.session.run_with_iobinding(binding)
        values = dict(zip(self.outputs, binding.get_outputs()))
        return values["logits"], [values[n] for n in self.presents]

    def round(self, prompt, gen):
        """Tokens per second of prefill and of greedy decode."""
        begin = time.perf_counter()
        logits, caches = self.step(prompt, 0, self.empty())
        middle = time.perf_counter()
        token = int(logits.numpy()[0, -1].argmax())
        start = time.perf_counter()
        for i in range(gen):
            logits, caches = self.step([token], len(prompt) + i, caches)
            token = int(logits.numpy()[0, -1].argmax())
        end = time.perf_counter()
        return len(prompt) / (middle - begin), gen / (end - start)
