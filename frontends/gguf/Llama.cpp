// Finds a Llama's sizes and tensors in a GGUF file.
//
// llama.cpp rotates neighbours, (0, 1), (2, 3), ..., of a head of size D, where
// Hugging Face rotates (0, D/2), (1, D/2 + 1), ... So whoever wrote the GGUF
// file has interleaved the two halves of each head's rows in the weights (and
// biases) of q and k: row 2j + p of a head is row p * D/2 + j of Hugging
// Face's. A parameter with `ropeHeads` undoes this.

#include "qopt/frontends/gguf/Llama.h"

#include <cmath>

#include "qopt/frontends/gguf/BlockTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

namespace qopt::gguf {

/// What to do with models of other kinds.
static constexpr llvm::StringLiteral otherWay =
    "export the original model with optimum (optimum-cli export onnx) instead";

std::vector<int64_t> Parameter::shape() const {
  int64_t columns = tensor->columns(), rows = tensor->rows();
  if (tensor->dims.size() == 1)
    return {columns};
  if (transposed)
    return {columns, rows};
  return {rows, columns};
}

uint64_t Parameter::bytes() const {
  return tensor->columns() * tensor->rows() * sizeof(float);
}

namespace {

class LlamaReader {
public:
  explicit LlamaReader(const GgufFile &file) : file(file) {}

  llvm::Expected<Llama> read() {
    for (auto step : {&LlamaReader::checkKind, &LlamaReader::readSizes,
                      &LlamaReader::readHeads, &LlamaReader::readNumbers,
                      &LlamaReader::readFrequencies, &LlamaReader::readTensors,
                      &LlamaReader::checkAllUsed})
      if (llvm::Error error = (this->*step)())
        return std::move(error);
    return std::move(llama);
  }

private:
  llvm::Error checkKind();
  llvm::Error readSizes();
  llvm::Error readHeads();
  llvm::Error readNumbers();
  llvm::Expected<double> readStretch();
  llvm::Error readFrequencies();
  llvm::Error readTensors();
  llvm::Error readLayer(uint64_t layer);
  llvm::Error checkAllUsed();

  llvm::Error readSize(uint64_t &size, llvm::StringRef key,
                       std::optional<uint64_t> fallback = {});
  llvm::Error add(const llvm::Twine &theirs, const llvm::Twine &ours,
                  llvm::ArrayRef<uint64_t> dims, uint64_t ropeHeads = 0);
  llvm::Error addLinear(const llvm::Twine &theirs, const llvm::Twine &ours,
                        uint64_t inputs, uint64_t outputs,
                        uint64_t ropeHeads = 0);

  const GgufFile &file;
  Llama llama;
  llvm::StringSet<> used;
};

} // namespace

llvm::Error LlamaReader::checkKind() {
  auto architecture = file.text("general.architecture");
  if (!architecture)
    return architecture.takeError();
  if (*architecture != "llama")
    return wrong("it holds a model of architecture " + quoted(*architecture) +
                 ", expects 'llama': " + otherWay);
  auto experts = file.integer("llama.expert_count", 0);
  if (!experts)
    return experts.takeError();
  if (*experts)
    return wrong("it holds a mixture of " + llvm::Twine(*experts) +
                 " experts, expects a dense model: " + otherWay);
  auto causal = file.boolean("llama.attention.causal", true);
  if (!causal)
    return causal.takeError();
  if (!*causal)
    return wrong("its attention is not causal, expects a decoder: " + otherWay);
  return llvm::Error::success();
}

llvm::Error LlamaReader::readSize(uint64_t &size, llvm::StringRef key,
                                  std::optional<uint64_t> fallback) {
  // Products of three sizes must not overflow.
  constexpr uint64_t largest = 1 << 20;
  std::string whole = ("llama." + key).str();
  auto value = file.integer(whole, fallback);
  if (!value)
    return value.takeError();
  if (!*value || *value > largest)
    return wrong("'" + whole + "' is " + llvm::Twine(*value) +
                 ", expects a size from 1 to " + llvm::Twine(largest));
  size = *value;
  return llvm::Error::success();
}

llvm::Error LlamaReader::readSizes() {
  if (llvm::Error error = readSize(llama.layers, "block_count"))
    return error;
  // So few tensors cannot be so many layers: said before each is looked for.
  if (llama.layers > file.tensors().size())
    return wrong("it has " + llvm::Twine(llama.layers) + " layers, but only " +
                 llvm::Twine(file.tensors().size()) +
                 " tensors: for its tokenizer alone, use --tokenizer-only");
  if (llvm::Error error = readSize(llama.channels, "embedding_length"))
    return error;
  if (llvm::Error error = readSize(llama.hidden, "feed_forward_length"))
    return error;
  auto context = file.integer("llama.context_length", 0);
  if (!context)
    return context.takeError();
  llama.context = *context;
  const Tensor *embedding = file.find("token_embd.weight");
  if (!embedding)
    return wrong("it has no tensor 'token_embd.weight', which a Llama needs");
  llama.vocabulary = embedding->rows();
  auto tokens = file.texts("tokenizer.ggml.tokens");
  if (!tokens)
    return tokens.takeError();
  if (!tokens->empty() && tokens->size() != llama.vocabulary)
    return wrong("it has " + llvm::Twine(tokens->size()) +
                 " tokens, expects one for each of the " +
                 llvm::Twine(llama.vocabulary) +
                 " rows of 'token_embd.weight'");
  return llvm::Error::success();
}

llvm::Error LlamaReader::readHeads() {
  if (llvm::Error error = readSize(llama.heads, "attention.head_count"))
    return error;
  if (llvm::Error error =
          readSize(llama.keyHeads, "attention.head_count_kv", llama.heads))
    return error;
  if (llama.heads % llama.keyHeads)
    return wrong("it has " + llvm::Twine(llama.heads) +
                 " heads of queries, expects a multiple of its " +
                 llvm::Twine(llama.keyHeads) + " heads of keys");
  if (!file.has("llama.attention.key_length") && llama.channels % llama.heads)
    return wrong("it has " + llvm::Twine(llama.channels) +
                 " channels, expects a multiple of its " +
                 llvm::Twine(llama.heads) + " heads");
  uint64_t values, rotated;
  if (llvm::Error error =
          readSize(llama.headSize, "attention.key_length",
                   std::max<uint64_t>(llama.channels / llama.heads, 1)))
    return error;
  if (llvm::Error error =
          readSize(values, "attention.value_length", llama.headSize))
    return error;
  if (llvm::Error error =
          readSize(rotated, "rope.dimension_count", llama.headSize))
    return error;
  if (values != llama.headSize)
    return wrong("its keys have " + llvm::Twine(llama.headSize) +
                 " channels a head and its values " + llvm::Twine(values) +
                 ", expects as many: " + otherWay);
  if (rotated != llama.headSize || rotated % 2)
    return wrong(
        "it rotates " + llvm::Twine(rotated) + " of the " +
        llvm::Twine(llama.headSize) +
        " channels of a head, expects all of an even number: " + otherWay);
  return llvm::Error::success();
}

llvm::Error LlamaReader::readNumbers() {
  auto eps = file.real("llama.attention.layer_norm_rms_epsilon");
  if (!eps)
    return eps.takeError();
  if (!(*eps >= 0 && *eps < 1))
    return wrong("'llama.attention.layer_norm_rms_epsilon' is " +
                 llvm::formatv("{0}", *eps).str() +
                 ", expects a number from 0 to 1");
  llama.eps = *eps;
  auto theta = file.real("llama.rope.freq_base", 10000);
  if (!theta)
    return theta.takeError();
  if (!(*theta > 0 && std::isfinite(*theta)))
    return wrong("'llama.rope.freq_base' is " +
                 llvm::formatv("{0}", *theta).str() +
                 ", expects a positive number");
  llama.theta = *theta;
  auto scale = file.real("llama.attention.scale", 0);
  if (!scale)
    return scale.takeError();
  if (!std::isfinite(*scale))
    return wrong("'llama.attention.scale' is " +
                 llvm::formatv("{0}", *scale).str() + ", expects a number");
  llama.scale = float(*scale ? *scale : 1 / std::sqrt(llama.headSize));
  return llvm::Error::success();
}

/// What all positions are divided by. As llama.cpp does, a factor alone means
/// the linear kind, and 0 none.
llvm::Expected<double> LlamaReader::readStretch() {
  auto kind = file.text("llama.rope.scaling.type", "linear");
  if (!kind)
    return kind.takeError();
  if (*kind == "none")
    return 1;
  if (*kind != "linear")
    return wrong("it stretches its positions by " + quoted(*kind) +
                 ", expects 'none' or 'linear': " + otherWay);
  bool isNew = file.has("llama.rope.scaling.factor");
  auto factor = file.real(isNew ? "llama.rope.scaling.factor"
                                : "llama.rope.scale_linear", // its old name
                          0);
  if (!factor)
    return factor.takeError();
  if (!(*factor >= 0 && std::isfinite(*factor)))
    return wrong("it stretches its positions by " +
                 llvm::formatv("{0}", *factor).str() +
                 ", expects a positive number");
  return *factor ? *factor : 1;
}

/// theta^(-2i/D), divided by what stretches the context: one factor for all, or
/// one a frequency (Llama 3.1 and its like).
llvm::Error LlamaReader::readFrequencies() {
  llvm::Expected<double> divisor = readStretch();
  if (!divisor)
    return divisor.takeError();
  uint64_t count = llama.headSize / 2;
  std::vector<float> factors(count, 1);
  if (const Tensor *tensor = file.find("rope_freqs.weight")) {
    used.insert(tensor->name);
    if (tensor->type->name != "F32" || tensor->columns() != count ||
        tensor->rows() != 1)
      return wrong("tensor 'rope_freqs.weight' has type " + tensor->type->name +
                   " and " + llvm::Twine(tensor->columns()) +
                   " columns, expects F32 and " + llvm::Twine(count));
    for (uint64_t i = 0; i < count; ++i)
      tensor->type->decode(tensor->bytes.bytes_begin() + 4 * i, &factors[i]);
  }
  for (uint64_t i = 0; i < count; ++i) {
    if (!(factors[i] > 0 && std::isfinite(factors[i])))
      return wrong("tensor 'rope_freqs.weight' has " +
                   llvm::formatv("{0}", factors[i]).str() +
                   ", expects positive numbers");
    double frequency = std::pow(llama.theta, -2.0 * i / llama.headSize);
    llama.frequencies.push_back(
        float(frequency / (*divisor * double(factors[i]))));
  }
  return llvm::Error::success();
}

/// Takes the tensor `theirs` as the parameter `ours`.
llvm::Error LlamaReader::add(const llvm::Twine &theirs, const llvm::Twine &ours,
                             llvm::ArrayRef<uint64_t> dims,
                             uint64_t ropeHeads) {
  std::string name = theirs.str();
  const Tensor *tensor = file.find(name);
  if (!tensor)
    return wrong("it has no tensor '" + name + "', which a Llama needs");
  llvm::ArrayRef<uint64_t> found = tensor->dims;
  while (found.size() > dims.size() && found.back() == 1)
    found = found.drop_back();
  if (found != dims)
    return wrong("tensor '" + name + "' has the sizes " +
                 printSizes(tensor->dims) + ", expects " + printSizes(dims));
  used.insert(name);
  Parameter parameter;
  parameter.name = ours.str();
  parameter.tensor = tensor;
  parameter.transposed = dims.size() == 2;
  parameter.ropeHeads = ropeHeads;
  llama.places[parameter.name] = llama.parameters.size();
  llama.parameters.push_back(std::move(parameter));
  return llvm::Error::success();
}

llvm::Error LlamaReader::addLinear(const llvm::Twine &theirs,
                                   const llvm::Twine &ours, uint64_t inputs,
                                   uint64_t outputs, uint64_t ropeHeads) {
  if (llvm::Error error = add(theirs + ".weight", ours + ".weight",
                              {inputs, outputs}, ropeHeads))
    return error;
  if (!file.find((theirs + ".bias").str()))
    return llvm::Error::success();
  return add(theirs + ".bias", ours + ".bias", {outputs}, ropeHeads);
}

llvm::Error LlamaReader::readLayer(uint64_t layer) {
  std::string theirs = "blk." + std::to_string(layer) + ".";
  std::string ours = "model.layers." + std::to_string(layer) + ".";
  uint64_t C = llama.channels, F = llama.hidden, D = llama.headSize;
  uint64_t H = llama.heads, K = llama.keyHeads;
  if (llvm::Error error = add(theirs + "attn_norm.weight",
                              ours + "input_layernorm.weight", {C}))
    return error;
  struct Linear {
    llvm::StringLiteral theirs, ours;
    uint64_t inputs, outputs, ropeHeads;
  } attention[] = {{"attn_q", "q_proj", C, H * D, H},
                   {"attn_k", "k_proj", C, K * D, K},
                   {"attn_v", "v_proj", C, K * D, 0},
                   {"attn_output", "o_proj", H * D, C, 0}},
    mlp[] = {{"ffn_gate", "gate_proj", C, F, 0},
             {"ffn_up", "up_proj", C, F, 0},
             {"ffn_down", "down_proj", F, C, 0}};
  for (const Linear &l : attention)
    if (llvm::Error error =
            addLinear(theirs + l.theirs, ours + "self_attn." + l.ours, l.inputs,
                      l.outputs, l.ropeHeads))
      return error;
  if (llvm::Error error = add(theirs + "ffn_norm.weight",
                              ours + "post_attention_layernorm.weight", {C}))
    return error;
  for (const Linear &l : mlp)
    if (llvm::Error error = addLinear(theirs + l.theirs, ours + "mlp." + l.ours,
                                      l.inputs, l.outputs))
      return error;
  return llvm::Error::success();
}

llvm::Error LlamaReader::readTensors() {
  uint64_t C = llama.channels, V = llama.vocabulary;
  if (llvm::Error error =
          add("token_embd.weight", "model.embed_tokens.weight", {C, V}))
    return error;
  llama.parameters.back().transposed = false; // rows are looked up
  for (uint64_t layer = 0; layer < llama.layers; ++layer)
    if (llvm::Error error = readLayer(layer))
      return error;
  if (llvm::Error error = add("output_norm.weight", "model.norm.weight", {C}))
    return error;
  llama.tied = !file.find("output.weight");
  if (llama.tied)
    return llvm::Error::success();
  return addLinear("output", "lm_head", C, V);
}

llvm::Error LlamaReader::checkAllUsed() {
  for (const Tensor &tensor : file.tensors())
    if (!used.contains(tensor.name))
      return wrong("it has the tensor " + quoted(tensor.name) +
                   ", which has no place in a Llama: " + otherWay);
  return llvm::Error::success();
}

llvm::Expected<Llama> readLlama(const GgufFile &file) {
  return LlamaReader(file).read();
}

} // namespace qopt::gguf
