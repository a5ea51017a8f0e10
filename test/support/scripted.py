"""Writes a language model that says what it is told to.

    scripted.py OUT_DIR TOKENIZER_JSON TOKEN...  [--template TEXT]

The model is a table: the logits after a token are its row. Each TOKEN, written
as in the vocabulary, is the most likely one after the one before it, so that a
greedy text is known without running anything. The other logits are small and
random, the same every time. OUT_DIR/table.npy holds the table.
"""

import argparse
import json
import pathlib
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

parser = argparse.ArgumentParser()
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("tokenizer", type=pathlib.Path)
parser.add_argument("tokens", nargs="+")
parser.add_argument("--template", help="a chat template for tokenizer_config.json")
parser.add_argument("--no-tokenizer", action="store_true", help="leave tokenizer.json out")
parser.add_argument("--not-a-number", action="store_true", help="the last token's logits are NaN")
args = parser.parse_args()

description = json.loads(args.tokenizer.read_text())
vocabulary = dict(description["model"]["vocab"])
vocabulary.update((token["content"], token["id"]) for token in description["added_tokens"])
size = max(vocabulary.values()) + 1
ids = [vocabulary[token.replace("\\n", "\n")] for token in args.tokens]

table = np.random.RandomState(0).uniform(-1, 1, (size, size)).astype(np.float32)
for token, following in zip(ids, ids[1:]):
    table[token, following] = 8
if args.not_a_number:
    table[ids[-1]] = np.nan

graph = helper.make_graph(
    [helper.make_node("Gather", ["table", "input_ids"], ["logits"], axis=0)], "scripted",
    [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "seq", size])],
    [numpy_helper.from_array(table, "table")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

args.out.mkdir(parents=True, exist_ok=True)
onnx.save(model, args.out / "model.onnx")
np.save(args.out / "table.npy", table)
if not args.no_tokenizer:
    shutil.copyfile(args.tokenizer, args.out / "tokenizer.json")
    if args.template:
        (args.out / "tokenizer_config.json").write_text(json.dumps({"chat_template": args.template}))
