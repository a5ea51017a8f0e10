// Attention and rotary embeddings, as ONNX and ONNX Runtime have them.

#include <cmath>

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

/// [B, T, H * D] -> [B, H, T, D]
static Value splitHeads(Node &node, Value x, int64_t heads, int64_t size) {
  Exprs dims = node.dims(x);
  x = node.reshape(x, {dims[0], dims[1], node.expr(heads), node.expr(size)});
  return node.transpose(x, {0, 2, 1, 3});
}

/// [B, H, T, D] -> [B, T, H * D]
static Value mergeHeads(Node &node, Value x) {
  x = node.transpose(x, {0, 2, 1, 3});
  Exprs dims = node.dims(x);
  AffineExpr width = simplified(dims[2] * dims[3], node.importer.symbolCount());
  return node.reshape(x, {dims[0], dims[1], width});
}

static int64_t lastSize(Value value) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  return shape.empty() ? 0 : shape.back();
}

/// past [B, H, P, D] and what is new
static FailureOr<Value> appended(Node &node, int past, Value fresh) {
  if (!node.has(past))
    return fresh;
  Exprs own = node.dims(past), other = node.dims(fresh);
  // Exporters leave the head size of a cache open.
  bool fits = own.size() == 4 &&
              node.type(past).getElementType() ==
                  cast<RankedTensorType>(fresh.getType()).getElementType();
  for (int axis : {0, 1, 3})
    fits = fits && node.unify(other[axis], own[axis]);
  if (!fits)
    return node.invalid("has a past that does not fit its keys or values");
  if (own[2] == node.expr(0))
    return fresh;
  return node.concat({node.input(past), fresh}, 2);
}

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// Rows of a cache [max, R / 2] at positions [B, T]; a cache without positions
/// is [B, T, R / 2] itself.
static Value angles(Node &node, Value cache, Value positions) {
  if (!positions)
    return cache;
  return node.create<nn::GatherOp>(cache, positions, uint64_t(0));
}

static Value rope(Node &node, Value x, Value cos, Value sin, bool interleaved) {
  return node.create<nn::RopeOp>(x.getType(), x, cos, sin, interleaved);
}

static LogicalResult rotary(Node &node, int positions, int cos, int sin) {
  if (!node.has(0) || !node.has(cos) || !node.has(sin))
    return node.invalid("expects an input, cosines and sines");
  if (node.real("scale", 1) != 1 || node.integer("is_packed_batching", 0))
    return node.unsupported("scale or packed batches");
  Value x = node.input(0);
  int64_t heads = node.integer("num_heads", 0), rank = node.rank(0);
  if (rank != 3 && rank != 4)
    return node.invalid("expects an input of rank 3 or 4");
  Value where = node.has(positions) ? node.input(positions) : Value();
  if (where && node.rank(positions) != 2)
    return node.unsupported("positions of rank " + Twine(node.rank(positions)));
  if (int64_t want = where ? 2 : 3;
      node.rank(cos) != want || node.rank(sin) != want)
    return node.invalid("expects caches of rank " + Twine(want));
  if (rank == 3) {
    int64_t width = lastSize(x);
    int64_t rotated = node.integer("rotary_embedding_dim", 0);
    if (heads == 0 && rotated == 0 && lastSize(node.input(cos)) > 0)
      heads = width / (2 * lastSize(node.input(cos)));
    if (heads <= 0 || width <= 0 || width % heads)
      return node.invalid("expects num_heads that divides " + Twine(width));
    x = splitHeads(node, x, heads, width / heads);
  }
  bool interleaved = node.integer("interleaved", 0) != 0;
  int64_t half = lastSize(node.input(cos));
  if (half <= 0 || 2 * half > lastSize(x) || lastSize(node.input(sin)) != half)
    return node.invalid("expects caches of at most half the head size");
  x = rope(node, x, angles(node, node.input(cos), where),
           angles(node, node.input(sin), where), interleaved);
  node.set(0, rank == 3 ? mergeHeads(node, x) : x);
  return success();
}

static LogicalResult importRotary(Node &node) { return rotary(node, 3, 1, 2); }
static LogicalResult importContribRotary(Node &node) {
  return rotary(node, 1, 2, 3);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// What an attention reads, heads apart: [B, H, T, D].
struct Heads {
  Value query, key, value, mask, keyMask;
  bool causal = false;
  double scale = 0; ///< 0: 1 / sqrt(D)
};

} // namespace

static FailureOr<Value> attend(Node &node, const Heads &heads) {
  auto query = cast<RankedTensorType>(heads.query.getType());
  auto key = cast<RankedTensorType>(heads.key.getType());
  auto value = cast<RankedTensorType>(heads.value.getType());
  bool known = llvm::all_of(
      ArrayRef<RankedTensorType>{query, key, value}, [](RankedTensorType type) {
        return type.getRank() == 4 && !type.isDynamicDim(1) &&
               !type.isDynamicDim(3);
      });
  if (!known || key.getDimSize(1) <= 0 ||
      query.getDimSize(1) % key.getDimSize(1) ||
      value.getDimSize(1) != key.getDimSize(1) ||
      query.getDimSize(3) != key.getDimSize(3) ||
      query.getElementType() != key.getElementType() ||
      query.getElementType() != value.getElementType())
    return node.invalid("has heads that do not fit each other");
  double scale = heads.scale != 0 ? heads.scale
                                  : 1 / std::sqrt(double(query.getDimSize(3)));
  Exprs dims = node.dims(heads.query);
  dims[3] = node.expr(value.getDimSize(3));
  return node
      .create<nn::AttentionOp>(node.typeOf(dims, query.getElementType()),
                               heads.query, heads.key, heads.value, heads.mask,
                               heads.keyMask, llvm::APFloat(scale),
                               heads.causal)
      .getResult();
}

static LogicalResult importAttention(Node &node) {
  if (!node.has(0) || !node.has(1) || !node.has(2))
    return node.invalid("expects query, key and value");
  if (node.wants(3) || node.real("softcap", 0) != 0 || node.has(6))
    return node.unsupported("softcap, scores or lengths");
  Heads heads;
  Value *parts[] = {&heads.query, &heads.key, &heads.value};
  int64_t rank = node.rank(0);
  for (int i = 0; i < 3; ++i) {
    Value x = node.input(i);
    if (node.rank(i) != rank || (rank != 3 && rank != 4))
      return node.invalid("expects tensors of rank 3 or 4");
    if (rank == 3) {
      int64_t count = node.integer(i == 0 ? "q_num_heads" : "kv_num_heads", 0);
      int64_t width = lastSize(x);
      if (count <= 0 || width <= 0 || width % count)
        return node.invalid("expects heads that divide " + Twine(width));
      x = splitHeads(node, x, count, width / count);
    }
    *parts[i] = x;
  }
  FailureOr<Value> key = appended(node, 4, heads.key);
  if (failed(key))
    return failure();
  FailureOr<Value> value = appended(node, 5, heads.value);
  if (failed(value))
    return failure();
  heads.key = *key;
  heads.value = *value;
  heads.causal = node.integer("is_causal", 0) != 0;
  if (heads.causal && !node.has(4) &&
      node.dims(heads.query)[2] != node.dims(*key)[2])
    return node.unsupported("causal attention over other lengths");
  heads.scale = node.real("scale", 0);
  if (node.has(3)) {
    Exprs scores = node.dims(heads.query);
    scores[3] = node.dims(*key)[2];
    if (node.rank(3) > 4 || failed(node.broadcastDims(scores, node.dims(3))))
      return node.invalid("has a mask that does not fit its scores");
    heads.mask = node.input(3);
  }
  auto result = attend(node, heads);
  if (failed(result))
    return failure();
  node.set(0, rank == 3 ? mergeHeads(node, *result) : *result);
  node.set(1, *key);
  node.set(2, *value);
  return success();
}

/// ONNX Runtime's: packed or apart, rotary inside, lengths instead of a mask.
/// Key j of batch b is there if j <= seqlens_k[b]. New positions follow the
/// whole past: batches whose rows have pasts of different lengths are another
/// thing, and must be padded on the left by their caller.
static LogicalResult importGroupQueryAttention(Node &node) {
  if (!node.has(0) || !node.has(5))
    return node.invalid("expects a query and seqlens_k");
  int64_t queries = node.integer("num_heads", 0);
  int64_t keys = node.integer("kv_num_heads", 0);
  if (queries <= 0 || keys <= 0 || node.rank(0) != 3)
    return node.invalid(
        "expects num_heads, kv_num_heads and a query [B, T, C]");
  if (node.integer("local_window_size", -1) > 0 ||
      node.real("softcap", 0) != 0 || node.integer("smooth_softmax", 0) ||
      node.integer("kv_cache_bit_width", 0) || node.has(10) || node.has(11))
    return node.unsupported("window, softcap, bias, sinks or quantized cache");
  Value query = node.input(0), key, value;
  int64_t width = lastSize(query);
  int64_t total = node.has(1) ? queries : queries + 2 * keys;
  if (width <= 0 || width % total)
    return node.invalid("expects heads that divide " + Twine(width));
  int64_t size = width / total;
  if (node.has(1)) {
    key = node.input(1);
    if (!node.has(2))
      return node.invalid("has a key but no value");
    value = node.input(2);
    if (node.rank(1) != 3 || node.rank(2) != 3 ||
        lastSize(key) != keys * size || lastSize(value) != keys * size)
      return node.invalid("has keys that do not fit its queries");
  } else {
    Value packed = query;
    auto part = [&](int64_t start, int64_t heads) {
      return node.slice(packed, 2, node.expr(start * size),
                        node.expr(heads * size));
    };
    query = part(0, queries);
    key = part(queries, keys);
    value = part(queries + keys, keys);
  }
  Heads heads;
  heads.query = splitHeads(node, query, queries, size);
  heads.key = splitHeads(node, key, keys, size);
  heads.value = splitHeads(node, value, keys, size);
  Exprs dims = node.dims(heads.query); // [B, H, T, D]
  AffineExpr past =
      node.has(3) && node.rank(3) == 4 ? node.dims(3)[2] : node.expr(0);
  if (node.integer("do_rotary", 0)) {
    if (!node.has(7) || !node.has(8) || node.rank(7) != 2 || node.rank(8) != 2)
      return node.invalid("expects caches of cosines and sines");
    Value where;
    if (node.has(9)) {
      where = node.input(9);
    } else {
      // past + [0, T), the same for every row
      Type i64 = node.builder().getI64Type();
      Exprs line{dims[2]};
      RankedTensorType type = node.typeOf(line, i64);
      where = node.create<nn::IotaOp>(
          type, type.hasStaticShape() ? Value() : node.index(dims[2]));
      if (past != node.expr(0)) {
        Value start = node.create<nn::FromIndexOp>(
            RankedTensorType::get({}, i64), node.index(past));
        where = node.create<nn::AddOp>(where, start);
      }
      where = node.reshape(where, {node.expr(1), dims[2]});
    }
    bool interleaved = node.integer("rotary_interleaved", 0) != 0;
    Value cos = angles(node, node.input(7), where);
    Value sin = angles(node, node.input(8), where);
    if (lastSize(cos) <= 0 || 2 * lastSize(cos) > size ||
        lastSize(sin) != lastSize(cos))
      return node.invalid("has caches that do not fit its heads");
    heads.query = rope(node, heads.query, cos, sin, interleaved);
    heads.key = rope(node, heads.key, cos, sin, interleaved);
  }
  FailureOr<Value> allKeys = appended(node, 3, heads.key);
  if (failed(allKeys))
    return failure();
  FailureOr<Value> allValues = appended(node, 4, heads.value);
  if (failed(allValues))
    return failure();
  key = heads.key = *allKeys;
  value = heads.value = *allValues;
  heads.causal = true;
  heads.scale = node.real("scale", 0);
  // [S] <= [B, 1]
  AffineExpr length = node.dims(key)[2];
  Value seen = node.reshape(node.input(5), {dims[0], node.expr(1)});
  Exprs line{length};
  RankedTensorType type = node.typeOf(
      line, cast<RankedTensorType>(seen.getType()).getElementType());
  Value positions = node.create<nn::IotaOp>(
      type, type.hasStaticShape() ? Value() : node.index(length));
  heads.keyMask = node.create<nn::CompareOp>(
      nn::PredicateAttr::get(node.builder().getContext(), nn::Predicate::le),
      positions, seen);
  auto result = attend(node, heads);
  if (failed(result))
    return failure();
  node.set(0, mergeHeads(node, *result));
  node.set(1, key);
  node.set(2, value);
  return success();
}

// clang-format off
static const OpImport table[] = {
    // domain         name                   since until   import
    {"",              "Attention",           23,   newest, importAttention},
    {"",              "RotaryEmbedding",     23,   newest, importRotary},
    {"com.microsoft", "GroupQueryAttention", 1,    newest, importGroupQueryAttention},
    {"com.microsoft", "RotaryEmbedding",     1,    newest, importContribRotary},
};
// clang-format on

const llvm::ArrayRef<OpImport> attentionOps = table;

} // namespace qopt::onnx
