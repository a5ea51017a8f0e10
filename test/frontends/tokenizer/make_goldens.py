#!/usr/bin/env python3
"""Makes the tokenizers and cases in Inputs/ with the library `tokenizers`.

    pip install tokenizers==0.23.3
    python3 make_goldens.py TEXT     # any English text of some hundred kB

Run once; the results are committed. Each folder has a small tokenizer.json of
the kind that its name says and cases.json: what the library makes of texts that
are hard in some way. The vocabularies are trained here: the pipelines around
them are what is compared.
"""

import json
import os
import sys

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers, pre_tokenizers, processors, trainers)

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

TEXTS = [
    "", " ", "  ", "a", " a", "\n", "\n\n \n", "\t x\t",
    "Once upon a time, there was a little girl named Lily.",
    "The cat's here; they'll say we've done it, I'm sure you'd agree. IT'S, WE'LL, don'T",
    "it\u2019s the long s: it'\u017f", "Hello  world   and    more     spaces      ",
    "line\r\nline\r\r\n  indented\n\n\n   \n x", "no\u00a0break\u2003em\u3000wide\u200bzero\u0085nel\x0bvt\x0cff",
    "1 12 123 1234 12345 3.14159 1,000,000 2nd a1b2 \u0661\u0662\u0663 \u00b2\u00bd \u2167 \u4e09",
    "def f(x):\n    return x ** 2  # x\u00b2\n\n\tif x == 1:\n\t\tpass",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9", "cafe\u0301 nai\u0308ve a\u0328\u0301 a\u0301\u0328 \u1e9b\u0323 q\u0307\u0323",
    "\u212b \u2126 \u0344 \ufb01 \u0958 \u2adc \u09c7\u09be \U0001d15e",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8 \ud55c\uad6d\uc5b4 \uac00\u11a8 \u1100\uac00\u11a8",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u65e5\u672c\u8a9e\u306e\u6587\u3001\u30ab\u30bf\u30ab\u30ca\u3002",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f \U0001f44d\U0001f3fd!",
    "\u2581under \u2581\u2581 low", "a\u2581b", "!!!???... ---- ==== /* */ <> [] {} `~@#$%^&*()_+|",
    "snake_case CamelCase XMLHttpRequest iPhone \u01c5abc",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "thethethethethethethethethethethethethethethetheandandandandandthethe",
    "\u00ff\u0100\u0120\u0142\u0143 \ufffd \uffff \ue000 \U0010ffff \U00020000",
    "<s>hi</s>", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_end|><|im_end",
    "x <left> y", "x <right>  y", "a<word>b <word> c", "<norm>caf\u00e9</norm> \u00e9x", "x  <left>  <right>  <left>y",
    "    four", "        eight\n  ",
]


def special(text, **options):
    return AddedToken(text, special=True, normalized=False, **options)


def add_tokens(tokenizer, spaces=True):
    tokenizer.add_special_tokens([special("<s>"), special("</s>"), special("<|im_start|>"), special("<|im_end|>")])
    tokenizer.add_tokens([
        AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
        AddedToken("<word>", single_word=True, normalized=False), AddedToken("\u00e9x", normalized=True),
        AddedToken("<norm>", normalized=True), AddedToken("\U00020000", normalized=False)])
    if spaces:
        tokenizer.add_tokens([AddedToken("    ", normalized=True)])
    return tokenizer


def train_bytes(lines, split, size=420):
    """Byte-level: 256 bytes and some merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train_pieces(lines, **model):
    """Like SentencePiece: spaces are U+2581; bytes for what is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    bytes_ = ["<0x%02X>" % byte for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=520, show_progress=False, special_tokens=["<unk>"] + bytes_)
    tokenizer.train_from_iterator(lines, trainer)
    data = json.loads(tokenizer.to_str())["model"]
    tokenizer = Tokenizer(models.BPE(vocab=data["vocab"], merges=[tuple(m) for m in data["merges"]],
                                     unk_token="<unk>", fuse_unk=True, **model))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                           decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def with_bos(tokenizer, bos="<s>"):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    return tokenizer


def make(lines):
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def split(pattern):
        return pre_tokenizers.Split(Regex(pattern), "isolated")

    kinds = {}
    kinds["gpt2"] = train_bytes(lines, r"\s+(?!\S)|\s+|[^\s]+")
    kinds["gpt2"].pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)

    roberta = train_bytes(lines, LLAMA3)
    roberta.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    add_tokens(roberta)
    roberta.post_processor = processors.RobertaProcessing(
        ("</s>", roberta.token_to_id("</s>")), ("<s>", roberta.token_to_id("<s>")))
    kinds["roberta"] = roberta

    llama3 = add_tokens(train_bytes(lines, LLAMA3))
    llama3.model.ignore_merges = True
    kinds["llama3"] = with_bos(llama3)

    qwen2 = add_tokens(train_bytes(lines, QWEN2))
    qwen2.normalizer = normalizers.NFC()
    kinds["qwen2"] = qwen2

    kinds["gpt4o"] = add_tokens(train_bytes(lines, GPT4O))

    smollm2 = add_tokens(train_bytes(lines, QWEN2))
    smollm2.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    kinds["smollm2"] = smollm2

    removed = train_bytes(lines, QWEN2)
    removed.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "removed", invert=True), pre_tokenizers.Split("=", "removed"),
        pre_tokenizers.Split(Regex(r"[a-f\-\]x]{2,}?x*+|(?:ab){1,2}z??"), "isolated"), byte_level])
    kinds["removed"] = removed

    llama2 = add_tokens(train_pieces(lines, byte_fallback=True))
    llama2.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    kinds["llama2"] = with_bos(llama2)

    first = add_tokens(train_pieces(lines, byte_fallback=True), spaces=False)
    first.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    kinds["metaspace-first"] = with_bos(first)

    words = train_pieces(lines)  # no byte fallback: unknown characters
    words.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    kinds["metaspace-split"] = words

    gemma = add_tokens(train_pieces(lines, byte_fallback=True))
    gemma.normalizer = normalizers.Replace(" ", "\u2581")
    gemma.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    gemma.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    kinds["gemma"] = with_bos(gemma)
    return kinds


def cases_of(tokenizer):
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        case = {"text": text, "ids": ids}
        decoded = tokenizer.decode(ids)
        # The library writes U+FFFD for incomplete characters, we their bytes;
        # its Metaspace drops all leading spaces.
        if "\ufffd" not in decoded and not text.startswith((" ", "\u2581")):
            case["decoded"] = decoded
        yield case
        if "<" in text:
            tokenizer.encode_special_tokens = True
            yield {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids, "special": False}
            tokenizer.encode_special_tokens = False


def main():
    text = open(sys.argv[1], encoding="utf-8").read()[:200000]
    lines = text.split("\n") + TEXTS
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs")
    for name, tokenizer in make(lines).items():
        folder = os.path.join(here, name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
            # One with escapes instead of UTF-8.
            file.write((json.dumps(json.loads(tokenizer.to_str())) if name == "gemma" else tokenizer.to_str()) + "\n")
        with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases_of(tokenizer)) + "\n]\n")


main()
