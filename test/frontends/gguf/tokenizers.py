"""Writes a vocabulary as the GGUF file that llama.cpp's converter makes of it.

`tokenizers.py SOURCE FOLDER [PRE [KEY=TEXT...]]`: SOURCE is a folder with
tokenizer.json and cases.json, or pieces with scores and cases. FOLDER gets
vocabulary.gguf and the cases.json that a GGUF file can meet: it does not say
which tokens take the spaces beside them.
"""

import json
import os
import sys

import gguf_file

NORMAL, CONTROL, USER = 1, 3, 4
KEY = "tokenizer.ggml."


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def of_library(folder, pre):
    root, cases = read(folder, "tokenizer.json"), read(folder, "cases.json")
    tokens = {number: (text, NORMAL) for text, number in root["model"]["vocab"].items()}
    for token in root["added_tokens"]:
        tokens[token["id"]] = token["content"], CONTROL if token["special"] else USER
        if any(token[flag] for flag in ("lstrip", "rstrip", "single_word", "normalized")):
            cases = [case for case in cases if token["content"] not in case.get("text", "")]
    texts = [tokens[number][0] for number in range(len(tokens))]
    merges = [m if isinstance(m, str) else " ".join(m) for m in root["model"]["merges"]]
    pairs = {KEY + "model": "gpt2", KEY + "pre": pre, KEY + "tokens": texts,
             KEY + "token_type": ("i32", [tokens[number][1] for number in range(len(tokens))]),
             KEY + "merges": merges}
    for name, text in ("bos", "<s>"), ("eos", "</s>"):
        if text in texts:
            pairs[f"{KEY}{name}_token_id"] = "u32", texts.index(text)
    return pairs, cases


def of_pieces(path):
    root = read(path)
    texts, scores, types = zip(*root["pieces"])
    return {KEY + "model": "llama", KEY + "tokens": list(texts), KEY + "scores": ("f32", list(scores)),
            KEY + "token_type": ("i32", list(types))}, root["cases"]


def main():
    source, folder, *rest = sys.argv[1:]
    pairs, cases = of_library(source, rest[0]) if os.path.isdir(source) else of_pieces(source)
    pairs["general.architecture"] = "llama"
    for option in rest[1:]:
        key, value = option.split("=", 1)
        pairs[key] = ("bool", value == "true") if value in ("true", "false") else (
            ("u32", int(value)) if value.isdigit() else value)
    os.makedirs(folder, exist_ok=True)
    gguf_file.write(os.path.join(folder, "vocabulary.gguf"), pairs, {})
    with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as file:
        json.dump(cases, file, ensure_ascii=False)


if __name__ == "__main__":
    main()
