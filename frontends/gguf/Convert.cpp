// Writes the model of a GGUF file as ONNX, with its tokenizer beside it.
//
// All files are written whole under temporary names before the first gets its
// own: a full disk or a signal leaves the folder as it was.

#include "qopt/frontends/gguf/Convert.h"

#include <charconv>

#include "qopt/dialects/nn/StagedFile.h"
#include "qopt/frontends/gguf/Llama.h"
#include "qopt/frontends/gguf/LlamaGraph.h"
#include "qopt/frontends/gguf/TokenizerFiles.h"
#include "qopt/frontends/gguf/WeightData.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

namespace qopt::gguf {

namespace fs = llvm::sys::fs;

static constexpr llvm::StringLiteral modelFile = "model.onnx";
static constexpr llvm::StringLiteral dataFile = "model.onnx.data";

/// A number in the fewest digits that an f32 comes back from.
static std::string printReal(float value) {
  char digits[32];
  auto end = std::to_chars(digits, digits + sizeof digits, value);
  return std::string(digits, end.ptr);
}

/// config.json: what Hugging Face's LlamaConfig calls the sizes.
static std::string writeConfig(const Llama &llama,
                               const std::optional<Vocabulary> &vocabulary) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out, /*IndentSize=*/2);
  auto size = [&](llvm::StringRef name, uint64_t value) {
    json.attribute(name, int64_t(value));
  };
  auto real = [&](llvm::StringRef name, double value) {
    json.attributeBegin(name);
    json.rawValue(printReal(float(value)));
    json.attributeEnd();
  };
  json.object([&] {
    json.attributeArray("architectures",
                        [&] { json.value("LlamaForCausalLM"); });
    json.attribute("attention_bias",
                   llama.has("model.layers.0.self_attn.q_proj.bias"));
    if (vocabulary && vocabulary->bos)
      size("bos_token_id", *vocabulary->bos);
    if (vocabulary && vocabulary->eos)
      size("eos_token_id", *vocabulary->eos);
    size("head_dim", llama.headSize);
    json.attribute("hidden_act", "silu");
    size("hidden_size", llama.channels);
    size("intermediate_size", llama.hidden);
    if (llama.context)
      size("max_position_embeddings", llama.context);
    json.attribute("mlp_bias", llama.has("model.layers.0.mlp.gate_proj.bias"));
    json.attribute("model_type", "llama");
    size("num_attention_heads", llama.heads);
    size("num_hidden_layers", llama.layers);
    size("num_key_value_heads", llama.keyHeads);
    real("rms_norm_eps", llama.eps);
    real("rope_theta", llama.theta);
    json.attribute("tie_word_embeddings", llama.tied);
    json.attribute("torch_dtype", "float32");
    size("vocab_size", llama.vocabulary);
  });
  out << "\n";
  return text;
}

namespace {

/// Files that get their names together.
class OutputFolder {
public:
  explicit OutputFolder(llvm::StringRef folder) : folder(folder) {}
  ~OutputFolder() {
    files.clear();
    if (made)
      fs::remove(folder); // only if it is empty
  }

  llvm::Error make();
  llvm::Error add(llvm::StringRef name,
                  llvm::function_ref<void(llvm::raw_fd_ostream &)> write);
  llvm::Error add(llvm::StringRef name, const std::string &text) {
    return add(name, [&](llvm::raw_fd_ostream &out) { out << text; });
  }
  llvm::Error publish();

private:
  std::string pathOf(llvm::StringRef name) const {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    return path.str().str();
  }

  std::string folder;
  std::vector<nn::StagedFile> files;
  bool made = false;
};

} // namespace

static llvm::Error cannotWrite(llvm::StringRef path, std::error_code code) {
  return llvm::createStringError(code, "cannot write '" + path +
                                           "': " + code.message());
}

llvm::Error OutputFolder::make() {
  made = !fs::exists(folder);
  if (!made && !fs::is_directory(folder))
    return wrong("cannot write '" + folder +
                 "': it is a file, expects a "
                 "folder or a new name");
  if (std::error_code code =
          fs::create_directories(folder, /*IgnoreExisting=*/true, fs::all_all))
    return cannotWrite(folder, code);
  return llvm::Error::success();
}

llvm::Error
OutputFolder::add(llvm::StringRef name,
                  llvm::function_ref<void(llvm::raw_fd_ostream &)> write) {
  std::string path = pathOf(name);
  auto file = nn::StagedFile::create(path);
  if (!file)
    return file.takeError();
  std::error_code code;
  llvm::raw_fd_ostream out(file->temporary(), code, fs::CD_OpenExisting,
                           fs::FA_Write, fs::OF_None);
  if (!code) {
    write(out);
    out.close();
    code = out.error();
    out.clear_error();
  }
  if (code)
    return cannotWrite(path, code);
  if (llvm::Error error = file->seal(0666))
    return error;
  files.push_back(std::move(*file));
  return llvm::Error::success();
}

llvm::Error OutputFolder::publish() {
  for (nn::StagedFile &file : files)
    if (llvm::Error error = file.publish())
      return error;
  made = false;
  return llvm::Error::success();
}

static llvm::Error addTokenizer(const Vocabulary &vocabulary,
                                OutputFolder &folder) {
  if (llvm::Error error =
          folder.add("tokenizer.json", writeTokenizer(vocabulary)))
    return error;
  if (llvm::Error error =
          folder.add("tokenizer_config.json", writeTokenizerConfig(vocabulary)))
    return error;
  return folder.add("generation_config.json",
                    writeGenerationConfig(vocabulary));
}

static llvm::Error addModel(const Llama &llama,
                            const std::optional<Vocabulary> &vocabulary,
                            OutputFolder &folder) {
  if (llvm::Error error = folder.add(
          dataFile, [&](llvm::raw_fd_ostream &out) { writeData(llama, out); }))
    return error;
  if (llvm::Error error =
          folder.add(modelFile, writeLlamaGraph(llama, dataFile)))
    return error;
  return folder.add("config.json", writeConfig(llama, vocabulary));
}

/// Nothing if it is not wanted, or not there and not missed.
static llvm::Expected<std::optional<Vocabulary>>
readTokenizer(const GgufFile &file, llvm::StringRef folder,
              const ConvertOptions &options) {
  if (!options.tokenizer)
    return std::nullopt;
  auto vocabulary = readVocabulary(file);
  if (!vocabulary || *vocabulary)
    return vocabulary;
  if (!options.model)
    return wrong("it has no tokenizer, expects one for --tokenizer-only");
  llvm::SmallString<128> other(folder);
  llvm::sys::path::append(other, "tokenizer.json");
  // It would be taken for this model's.
  if (fs::exists(other))
    return wrong("it has no tokenizer, but '" + other +
                 "' is there: name another folder, or keep it with "
                 "--no-tokenizer");
  return std::nullopt;
}

static llvm::Error convertFile(const GgufFile &file, llvm::StringRef path,
                               const ConvertOptions &options) {
  std::optional<Llama> llama;
  if (options.model) {
    auto read = readLlama(file);
    if (!read)
      return read.takeError();
    llama = std::move(*read);
  }
  auto vocabulary = readTokenizer(file, path, options);
  if (!vocabulary)
    return vocabulary.takeError();
  OutputFolder folder(path);
  if (llvm::Error error = folder.make())
    return error;
  if (*vocabulary)
    if (llvm::Error error = addTokenizer(**vocabulary, folder))
      return error;
  if (llama)
    if (llvm::Error error = addModel(*llama, *vocabulary, folder))
      return error;
  return folder.publish();
}

llvm::Error convert(llvm::StringRef input, llvm::StringRef folder,
                    const ConvertOptions &options) {
  auto file = GgufFile::read(input);
  llvm::Error error =
      file ? convertFile(**file, folder, options) : file.takeError();
  if (!error)
    return llvm::Error::success();
  return wrong(input + ": " + llvm::toString(std::move(error)));
}

} // namespace qopt::gguf
