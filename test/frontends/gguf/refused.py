"""Files that are refused, and why: `refused.py FOLDER CONVERTER`.

Each case changes one thing of a small Llama. The converter must exit with 1,
say the given words in one line, and leave nothing behind.
"""

import os
import struct
import subprocess
import sys

import numpy as np

import gguf_file
import models

L, T = "llama.", "tokenizer.ggml."
CASES = []


def case(words, change=None, data=None, **sizes):
    """`change` gets pairs and tensors, `data` the file's bytes."""
    CASES.append((words, change, data, sizes))


def pair(words, key, value, **sizes):
    case(words, lambda p, t: p.update({key: value}), **sizes)


def without(words, key):
    case(words, lambda p, t: (p if key in p else t).pop(key))


def tensor(words, name, shape, kind="F32", raw=None):
    size = int(np.prod(shape)) // gguf_file.TYPES[kind][1] * gguf_file.TYPES[kind][2]
    case(words, lambda p, t: t.update({name: (shape, kind, raw or bytes(size))}))


def patched(data, at, letter, number):
    size = struct.calcsize("<" + letter)
    return data[:at] + struct.pack("<" + letter, number) + data[at + size:]


def behind(data, name, skip, letter, number):
    """Changes a number behind a name."""
    return patched(data, data.index(name) + len(name) + skip, letter, number)


# The file itself.
case("it is empty, expects a GGUF file", data=lambda d: b"")
case("it begins with 'PK\\003\\004', expects 'GGUF': it is no GGUF file",
     data=lambda d: b"PK\3\4" + d[4:])
case("it ends within its header, at byte 16 of 16: it is damaged or only a part; fetch it again",
     data=lambda d: d[:16])
case("it has version 1, expects 2 or 3: convert the original model again",
     data=lambda d: patched(d, 4, "I", 1))
case("its numbers are big endian, expects little endian: convert it with gguf_convert_endian.py",
     data=lambda d: patched(d, 4, "I", 3 << 24))
case("values and 18446744073709551615 tensors, more than its",
     data=lambda d: patched(d, 8, "Q", (1 << 64) - 1))
case("it claims 4611686018427387904 values", data=lambda d: patched(d, 16, "Q", 1 << 62))
case("it ends within a key, at byte", data=lambda d: patched(d, 24, "Q", (1 << 64) - 1))
case("'llama.block_count' has the unknown type 13, expects one of 0 to 12",
     data=lambda d: behind(d, b"llama.block_count", 0, "I", 13))
case("it ends within 'general.architecture'",
     data=lambda d: behind(d, b"general.architecture", 4, "Q", 1 << 40))
case("it ends within 'a', which claims 2305843009213693952 elements",
     lambda p, t: p.update({"a": ("f64", [1.0])}), lambda d: behind(d, b"\0a", 8, "Q", 1 << 61))
case("'a' is an array of type 9, expects numbers, bools or strings",
     lambda p, t: p.update({"a": ("f64", [1.0])}), lambda d: behind(d, b"\0a", 4, "I", 9))
case("it has 'b' twice, expects each key once",
     lambda p, t: p.update({"a": "x", "b": "y"}), lambda d: d.replace(b"\0a\x08", b"\0b\x08"))
pair("'general.alignment' is 24, expects a power of two up to 1048576", "general.alignment", ("u32", 24))
# Tensors.
case("it ends within the list of its tensors", data=lambda d: d[:d.index(b"output_norm.weight")])
case("tensor 'output_norm.weight' has 9 dimensions, expects 1 to 4",
     data=lambda d: behind(d, b"output_norm.weight", 0, "I", 9))
case("tensor 'output_norm.weight' has the sizes 0, which no tensor has",
     data=lambda d: behind(d, b"output_norm.weight", 4, "Q", 0))
case("tensor 'token_embd.weight' has the sizes 64 x 9223372036854775808, which no tensor has",
     data=lambda d: behind(d, b"token_embd.weight", 12, "Q", 1 << 63))
case("tensor 'output_norm.weight' has type IQ4_XS, expects one of F32, F16, BF16, Q4_0, Q4_1, Q5_0, "
     "Q5_1, Q8_0, Q4_K, Q5_K, Q6_K: quantize the model to one of these",
     data=lambda d: behind(d, b"output_norm.weight", 12, "I", 23))
case("tensor 'output_norm.weight' has type 4711", data=lambda d: behind(d, b"output_norm.weight", 12, "I", 4711))
case("it has the tensor 'blk.1.attn_q.bias' twice",
     data=lambda d: d.replace(b"blk.1.attn_k.bias", b"blk.1.attn_q.bias"), biases=True)
case("tensor 'token_embd.weight' has rows of 72 elements, expects whole blocks of 32 for type Q8_0",
     data=lambda d: behind(d, b"token_embd.weight", 4, "Q", 72), kind="Q8_0")
case("tensor 'output_norm.weight' needs 256 bytes (64, F32) at offset 1099511627776 of the data, the file has",
     data=lambda d: behind(d, b"output_norm.weight", 16, "Q", 1 << 40))
case("it is damaged or only a part", data=lambda d: d[:-300])
# What is in it.
pair("it holds a model of architecture 'qwen2', expects 'llama': export the original model with optimum "
     "(optimum-cli export onnx) instead", "general.architecture", "qwen2")
pair("it holds a mixture of 8 experts, expects a dense model", L + "expert_count", ("u32", 8))
pair("its attention is not causal, expects a decoder", L + "attention.causal", ("bool", False))
pair("'llama.attention.causal' is of type u32, expects a bool", L + "attention.causal", ("u32", 0))
without("it has no 'general.architecture', which a model of its kind needs", "general.architecture")
without("it has no 'llama.block_count', which a model of its kind needs", L + "block_count")
pair("'general.architecture' is of type f32, expects a string", "general.architecture", ("f32", 1))
pair("'llama.block_count' is an array of type u32, expects a number", L + "block_count", ("u32", [2, 2]))
pair("'llama.block_count' is -1", L + "block_count", ("i32", -1))
pair("expects an integer that is not negative", L + "block_count", ("f32", 1.5))
pair("'llama.embedding_length' is 4294967295, expects a size from 1 to 1048576",
     L + "embedding_length", ("u32", (1 << 32) - 1))
pair("it has 1000000 layers, but only 20 tensors: for its tokenizer alone, use --tokenizer-only",
     L + "block_count", ("u32", 1000000))
without("it has no tensor 'token_embd.weight', which a Llama needs", "token_embd.weight")
without("it has no tensor 'blk.1.attn_k.weight', which a Llama needs", "blk.1.attn_k.weight")
tensor("tensor 'blk.0.attn_k.weight' has the sizes 64 x 33, expects 64 x 32", "blk.0.attn_k.weight", (33, 64))
tensor("it has the tensor 'blk.0.attn_q_norm.weight', which has no place in a Llama", "blk.0.attn_q_norm.weight", (16,))
tensor("it has the tensor 'a\\nb\\001', which has no place in a Llama", b"a\nb\1", (16,))
tensor("tensor 'rope_freqs.weight' has type F32 and 3 columns, expects F32 and 8", "rope_freqs.weight", (3,))
tensor("tensor 'rope_freqs.weight' has 0", "rope_freqs.weight", (8,))
pair("it has 4 heads of queries, expects a multiple of its 3 heads of keys", L + "attention.head_count_kv", ("u32", 3))
pair("it has 64 channels, expects a multiple of its 6 heads", L + "attention.head_count", ("u32", 6))
pair("its keys have 16 channels a head and its values 8, expects as many", L + "attention.value_length", ("u32", 8))
pair("it rotates 8 of the 16 channels of a head, expects all of an even number",
     L + "rope.dimension_count", ("u32", 8))
pair("'llama.attention.layer_norm_rms_epsilon' is nan, expects a number from 0 to 1",
     L + "attention.layer_norm_rms_epsilon", ("f32", float("nan")))
pair("expects a positive number", L + "rope.freq_base", ("f32", 0))
pair("'llama.attention.scale' is INF, expects a number", L + "attention.scale", ("f32", float("inf")))
pair("it stretches its positions by 'yarn', expects 'none' or 'linear'", L + "rope.scaling.type", "yarn")
pair("it stretches its positions by -1", L + "rope.scaling.factor", ("f32", -1))
# Its tokenizer.
NAMES = [f"t{i}" for i in range(49)] + ["t1t2"]
PIECES = {T + "model": "llama", T + "tokens": NAMES, T + "scores": ("f32", [0.0] * 50)}
BYTES = {T + "model": "gpt2", T + "pre": "gpt-2", T + "tokens": NAMES, T + "merges": ["t1 t2"]}


def tokens(words, base, changes, **sizes):
    case(words, lambda p, t: p.update(base | changes), **sizes)


tokens("it has a tokenizer of kind 'bert', expects 'gpt2' (byte-level BPE) or 'llama' (SentencePiece): pass "
       "--no-tokenizer, and put the original model's tokenizer.json into the folder", PIECES, {T + "model": "bert"})
tokens("it has the pre-tokenizer 'klingon', expects gpt-2, smollm, llama-bpe, qwen2, tekken or a kin of these",
       BYTES, {T + "pre": "klingon"})
tokens("it has 3 tokens, expects one for each of the 50 rows of 'token_embd.weight'", PIECES,
       {T + "tokens": NAMES[:3]})
tokens("it has 0 tokens, expects 1 to 4194304", PIECES, {T + "tokens": []})
tokens("'tokenizer.ggml.tokens' is an array of type i32, expects an array of strings", PIECES,
       {T + "tokens": ("i32", [1] * 50)})
tokens("'tokenizer.ggml.scores' is an array of type bool, expects an array of numbers", PIECES,
       {T + "scores": ("bool", [True] * 50)})
tokens("token 7, '\\377', is not UTF-8, expects text", PIECES, {T + "tokens": NAMES[:7] + [b"\xff"] + NAMES[8:]})
tokens("tokens 1 and 2 are both 't1', expects each text once", PIECES, {T + "tokens": NAMES[:2] + NAMES[1:-1]})
tokens("it has 2 types of tokens, expects one for each of its 50 tokens", PIECES,
       {T + "token_type": ("i32", [1, 1])})
tokens("it has tokens of type 77, expects 0 to 6", PIECES, {T + "token_type": ("i32", [77] * 50)})
tokens("it has no 'tokenizer.ggml.merges', which a byte-level tokenizer needs", BYTES, {T + "merges": []})
tokens("merge 0 has 'x', expects pairs of tokens that are a token together", BYTES, {T + "merges": ["x t1"]})
tokens("merge 1 has 't2t1', expects pairs", BYTES, {T + "merges": ["t1 t2", "t2 t1"]})
tokens("it has 1 scores, expects one for each of its 50 tokens", PIECES, {T + "scores": ("f32", [0.0])})
tokens("the score of token 3 is not finite, expects a number", PIECES,
       {T + "scores": ("f32", [0.0] * 3 + [float("nan")] * 47)})
tokens("token 0 has 2000 bytes, expects at most 1024", PIECES, {T + "tokens": ["x" * 2000] + NAMES[1:]})
tokens("its tokenizer adds a token that it does not name, expects bos_token_id and eos_token_id", BYTES,
       {T + "add_bos_token": ("bool", True)})
tokens("'tokenizer.chat_template' is not UTF-8, expects text", PIECES, {"tokenizer.chat_template": b"\xff"})


def refuse(number, folder, command):
    words, change, data, sizes = CASES[number]
    model = models.Model(**({"layers": 2} | sizes))
    if change:
        change(model.pairs, model.tensors)
    path, target = os.path.join(folder, f"{number}.gguf"), os.path.join(folder, "out")
    model.write(path)
    if data:
        with open(path, "rb") as file:
            content = data(file.read())
        with open(path, "wb") as file:
            file.write(content)
    run = subprocess.run(command + [path, target], capture_output=True, text=True)
    fine = (run.returncode == 1 and run.stderr.count("\n") == 1 and words in run.stderr and
            run.stderr.startswith(f"qopt-gguf-to-onnx: error: {path}: ") and not os.path.exists(target))
    os.remove(path)
    if not fine:
        print(f"expected: {words}\n     got: status {run.returncode}, {run.stderr}")
    return fine


def main():
    folder, *command = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    fine = sum(refuse(number, folder, command) for number in range(len(CASES)))
    print(f"{fine} of {len(CASES)} refused for their reason")
    return fine != len(CASES)


if __name__ == "__main__":
    sys.exit(main())
