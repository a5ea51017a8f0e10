// Writes a Llama as the graph that optimum exports for text generation.
//
// Names, inputs and outputs are optimum's; the ops are those of Hugging Face's
// eager code. Where the exporter computes shapes that are known, they are
// constants here. Shapes: B batch, T tokens, P past, S = P + T, C channels,
// H heads, K heads of keys and values, D size of a head.

#include "qopt/frontends/gguf/LlamaGraph.h"

#include <limits>

#include "qopt/frontends/gguf/GraphBuilder.h"
#include "qopt/frontends/gguf/WeightData.h"

namespace qopt::gguf {

using ::onnx::TensorProto;

static constexpr llvm::StringLiteral batch = "batch_size";
static constexpr llvm::StringLiteral tokens = "sequence_length";
static constexpr llvm::StringLiteral past = "past_sequence_length";
static constexpr llvm::StringLiteral whole =
    "past_sequence_length + sequence_length";

namespace {

class LlamaWriter {
public:
  LlamaWriter(const Llama &llama, ::onnx::GraphProto &graph)
      : llama(llama), graph(graph), b(graph) {}

  void write(llvm::StringRef dataFile) {
    graph.set_name("main_graph");
    declareInputs();
    declareParameters(dataFile);
    b.enter("/model/embed_tokens");
    Name x = b.gather("model.embed_tokens.weight", "input_ids"); // [B, T, C]
    addMask(x);
    addRotation();
    for (uint64_t layer = 0; layer < llama.layers; ++layer)
      x = addLayer(x, layer);
    addHead(addNorm(x, "/model/norm", "model.norm"));
    declareOutputs();
  }

private:
  void declareInputs();
  void declareParameters(llvm::StringRef dataFile);
  void declareOutputs();

  void addMask(const Name &x);
  void addRotation();
  Name addLayer(Name x, uint64_t layer);
  Name addNorm(const Name &x, const std::string &module,
               const std::string &parameter);
  Name addLinear(const Name &x, const std::string &module,
                 const std::string &parameter);
  Name addAttention(const Name &x, uint64_t layer);
  Name splitHeads(const Name &x, const Name &shape);
  Name rotate(const Name &x, const Name &cos, const Name &sin);
  Name repeatHeads(const Name &x);
  Name addMlp(const Name &x, uint64_t layer);
  void addHead(const Name &x);

  const Llama &llama;
  ::onnx::GraphProto &graph;
  GraphBuilder b;
  Name batchSize, tokenCount; ///< scalars
  Name mask;                  ///< [B, 1, T, S], 0 or the lowest number
  Name cos, sin;              ///< [B, T, D]
};

/// A size of an input or output: a number or a name.
struct Dim {
  Dim(uint64_t size) : size(int64_t(size)) {}
  Dim(llvm::StringLiteral name) : name(name) {}

  int64_t size = 0;
  llvm::StringRef name;
};

} // namespace

static void declare(::onnx::ValueInfoProto &value, const std::string &name,
                    TensorProto::DataType type, llvm::ArrayRef<Dim> dims) {
  value.set_name(name);
  auto &tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  for (const Dim &dim : dims) {
    auto &entry = *tensor.mutable_shape()->add_dim();
    if (dim.name.empty())
      entry.set_dim_value(dim.size);
    else
      entry.set_dim_param(dim.name.str());
  }
}

static std::string cacheName(llvm::StringRef what, uint64_t layer,
                             llvm::StringRef part) {
  return (what + "." + llvm::Twine(layer) + "." + part).str();
}

void LlamaWriter::declareInputs() {
  declare(*graph.add_input(), "input_ids", TensorProto::INT64, {batch, tokens});
  declare(*graph.add_input(), "attention_mask", TensorProto::INT64,
          {batch, whole});
  declare(*graph.add_input(), "position_ids", TensorProto::INT64,
          {batch, tokens});
  for (uint64_t layer = 0; layer < llama.layers; ++layer)
    for (const char *part : {"key", "value"})
      declare(*graph.add_input(), cacheName("past_key_values", layer, part),
              TensorProto::FLOAT,
              {batch, llama.keyHeads, past, llama.headSize});
}

void LlamaWriter::declareOutputs() {
  declare(*graph.add_output(), "logits", TensorProto::FLOAT,
          {batch, tokens, llama.vocabulary});
  for (uint64_t layer = 0; layer < llama.layers; ++layer)
    for (const char *part : {"key", "value"})
      declare(*graph.add_output(), cacheName("present", layer, part),
              TensorProto::FLOAT,
              {batch, llama.keyHeads, whole, llama.headSize});
}

void LlamaWriter::declareParameters(llvm::StringRef dataFile) {
  std::vector<uint64_t> offsets = dataOffsets(llama);
  for (auto [parameter, offset] : llvm::zip_equal(llama.parameters, offsets)) {
    TensorProto &tensor = *graph.add_initializer();
    tensor.set_name(parameter.name);
    tensor.set_data_type(TensorProto::FLOAT);
    for (int64_t size : parameter.shape())
      tensor.add_dims(size);
    tensor.set_data_location(TensorProto::EXTERNAL);
    auto addEntry = [&tensor = tensor](const char *key, std::string value) {
      auto &entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(std::move(value));
    };
    addEntry("location", dataFile.str());
    addEntry("offset", std::to_string(offset));
    addEntry("length", std::to_string(parameter.bytes()));
  }
}

/// A token sees itself, those before it, and none that attention_mask hides.
void LlamaWriter::addMask(const Name &x) {
  b.enter("/model");
  Name begin = b.size("past_key_values.0.key", 2);
  batchSize = b.size(x, 0);
  tokenCount = b.size(x, 1);
  Name end = b.add("Add", {begin, tokenCount});
  Name step = b.integer(1);
  Name queries = b.unsqueeze(b.add("Range", {begin, end, step}), {1}); // [T, 1]
  Name keys = b.add("Range", {b.integer(0), end, step});               // [S]
  Name causal = b.add("LessOrEqual", {keys, queries});                 // [T, S]
  Name visible = b.unsqueeze(b.cast("attention_mask", TensorProto::BOOL),
                             {1, 2}); // [B, 1, 1, S]
  mask = b.add("Where", {b.add("And", {causal, visible}), b.real(0),
                         b.real(std::numeric_limits<float>::lowest())});
}

void LlamaWriter::addRotation() {
  b.enter("/model/rotary_emb");
  Name frequencies =
      b.reals(llama.frequencies, {1, int64_t(llama.frequencies.size()), 1});
  Name positions =
      b.cast(b.unsqueeze("position_ids", {1}), TensorProto::FLOAT); // [B, 1, T]
  Name angles = b.transpose(b.add("MatMul", {frequencies, positions}),
                            {0, 2, 1}); // [B, T, D / 2]
  angles = b.concat({angles, angles}, -1);
  cos = b.add("Cos", {angles});
  sin = b.add("Sin", {angles});
}

Name LlamaWriter::addNorm(const Name &x, const std::string &module,
                          const std::string &parameter) {
  b.enter(module);
  Name squares = b.reduceMean(b.add("Pow", {x, b.real(2)}));
  Name root =
      b.add("Sqrt", {b.add("Add", {squares, b.real(float(llama.eps))})});
  Name normal = b.add("Mul", {x, b.add("Div", {b.real(1), root})});
  return b.add("Mul", {parameter + ".weight", normal});
}

Name LlamaWriter::addLinear(const Name &x, const std::string &module,
                            const std::string &parameter) {
  b.enter(module);
  Name product = b.add("MatMul", {x, parameter + ".weight"});
  if (!llama.has(parameter + ".bias"))
    return product;
  return b.add("Add", {parameter + ".bias", product});
}

Name LlamaWriter::addLayer(Name x, uint64_t layer) {
  std::string module = "/model/layers." + std::to_string(layer);
  std::string parameter = "model.layers." + std::to_string(layer);
  Name normal =
      addNorm(x, module + "/input_layernorm", parameter + ".input_layernorm");
  Name attention = addAttention(normal, layer);
  b.enter(module);
  x = b.add("Add", {x, attention});
  normal = addNorm(x, module + "/post_attention_layernorm",
                   parameter + ".post_attention_layernorm");
  Name mlp = addMlp(normal, layer);
  b.enter(module);
  return b.add("Add", {x, mlp});
}

/// [B, T, H * D] as [B, H, T, D].
Name LlamaWriter::splitHeads(const Name &x, const Name &shape) {
  return b.transpose(b.add("Reshape", {x, shape}), {0, 2, 1, 3});
}

/// x * cos + (-upper half, lower half) * sin.
Name LlamaWriter::rotate(const Name &x, const Name &cos, const Name &sin) {
  int64_t half = llama.headSize / 2;
  Name straight = b.add("Mul", {x, cos});
  Name lower = b.slice(x, 0, half, 3);
  Name upper = b.slice(x, half, std::numeric_limits<int64_t>::max(), 3);
  Name turned = b.concat({b.add("Neg", {upper}), lower}, -1);
  return b.add("Add", {straight, b.add("Mul", {turned, sin})});
}

/// [B, K, S, D] as [B, H, S, D]: H / K neighbouring heads share one.
Name LlamaWriter::repeatHeads(const Name &x) {
  int64_t K = llama.keyHeads, D = llama.headSize, times = llama.heads / K;
  if (times == 1)
    return x;
  Name B = b.unsqueeze(batchSize, {0});
  Name S = b.unsqueeze(b.size(x, 2), {0});
  Name shape = b.concat(
      {B, b.integers({K}), b.integers({times}), S, b.integers({D})}, 0);
  Name repeated = b.add("Expand", {b.unsqueeze(x, {2}), shape});
  shape = b.concat({B, b.integers({K * times}), S, b.integers({D})}, 0);
  return b.add("Reshape", {repeated, shape});
}

Name LlamaWriter::addAttention(const Name &x, uint64_t layer) {
  std::string number = std::to_string(layer);
  std::string module = "/model/layers." + number + "/self_attn";
  std::string parameter = "model.layers." + number + ".self_attn.";
  Name q = addLinear(x, module + "/q_proj", parameter + "q_proj");
  Name k = addLinear(x, module + "/k_proj", parameter + "k_proj");
  Name v = addLinear(x, module + "/v_proj", parameter + "v_proj");
  b.enter(module);
  Name B = b.unsqueeze(batchSize, {0}), T = b.unsqueeze(tokenCount, {0});
  Name shape = b.concat(
      {B, T, b.integers({-1}), b.integers({int64_t(llama.headSize)})}, 0);
  Name cosines = b.unsqueeze(cos, {1}), sines = b.unsqueeze(sin, {1});
  q = rotate(splitHeads(q, shape), cosines, sines); // [B, H, T, D]
  k = rotate(splitHeads(k, shape), cosines, sines); // [B, K, T, D]
  v = splitHeads(v, shape);
  k = b.concat({cacheName("past_key_values", layer, "key"), k}, -2,
               cacheName("present", layer, "key")); // [B, K, S, D]
  v = b.concat({cacheName("past_key_values", layer, "value"), v}, -2,
               cacheName("present", layer, "value"));
  k = repeatHeads(k); // [B, H, S, D]
  v = repeatHeads(v);
  Name scores = b.add("MatMul", {q, b.transpose(k, {0, 1, 3, 2})});
  scores = b.add("Mul", {scores, b.real(llama.scale)});
  scores = b.softmax(b.add("Add", {scores, mask})); // [B, H, T, S]
  Name mixed = b.transpose(b.add("MatMul", {scores, v}), {0, 2, 1, 3});
  mixed = b.add("Reshape", {mixed, b.concat({B, T, b.integers({-1})}, 0)});
  return addLinear(mixed, module + "/o_proj", parameter + "o_proj");
}

Name LlamaWriter::addMlp(const Name &x, uint64_t layer) {
  std::string number = std::to_string(layer);
  std::string module = "/model/layers." + number + "/mlp";
  std::string parameter = "model.layers." + number + ".mlp.";
  Name gate = addLinear(x, module + "/gate_proj", parameter + "gate_proj");
  b.enter(module + "/act_fn");
  gate = b.add("Mul", {gate, b.add("Sigmoid", {gate})});
  Name up = addLinear(x, module + "/up_proj", parameter + "up_proj");
  b.enter(module);
  Name product = b.add("Mul", {gate, up});
  return addLinear(product, module + "/down_proj", parameter + "down_proj");
}

void LlamaWriter::addHead(const Name &x) {
  b.enter("/lm_head");
  Name weight = "lm_head.weight"; // [C, V]
  if (llama.tied)
    weight = b.transpose("model.embed_tokens.weight", {1, 0});
  if (!llama.has("lm_head.bias")) {
    b.add("MatMul", {x, weight}, "logits");
    return;
  }
  b.add("Add", {"lm_head.bias", b.add("MatMul", {x, weight})}, "logits");
}

std::string writeLlamaGraph(const Llama &llama, llvm::StringRef dataFile) {
  ::onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("qopt-gguf-to-onnx");
  auto &opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(18);
  LlamaWriter(llama, *model.mutable_graph()).write(dataFile);
  return model.SerializeAsString();
}

} // namespace qopt::gguf
