// Writes a vocabulary as the files that Hugging Face keeps beside a model.

#include "qopt/frontends/gguf/TokenizerFiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace qopt::gguf {

using llvm::json::OStream;

static constexpr llvm::StringLiteral spaceMark = "\xe2\x96\x81"; // U+2581

/// A JSON text of one object.
static std::string makeJson(llvm::function_ref<void(OStream &)> fields) {
  std::string text;
  {
    llvm::raw_string_ostream out(text);
    OStream json(out, /*IndentSize=*/2);
    json.object([&] { fields(json); });
    out << "\n";
  }
  return text;
}

namespace {

/// Writes the parts of a tokenizer.json in the order that the library has.
class TokenizerWriter {
public:
  TokenizerWriter(const Vocabulary &vocabulary, OStream &json)
      : v(vocabulary), json(json) {}

  void write() {
    json.attribute("version", "1.0");
    json.attribute("truncation", nullptr);
    json.attribute("padding", nullptr);
    json.attributeArray("added_tokens", [&] { writeAdded(); });
    writeNormalizer();
    writePreTokenizer();
    writePostProcessor();
    writeDecoder();
    json.attributeObject("model", [&] { writeModel(); });
  }

private:
  using Fields = llvm::function_ref<void()>;

  /// An object of a type, within a list.
  void item(
      llvm::StringRef type, Fields fields = [] {}) {
    json.object([&] {
      json.attribute("type", type);
      fields();
    });
  }

  /// A component that is a Sequence of `parts`, which are items.
  void sequence(llvm::StringRef name, llvm::StringRef list, Fields parts) {
    json.attributeObject(name, [&] {
      json.attribute("type", "Sequence");
      json.attributeArray(list, parts);
    });
  }

  void byteLevel(bool usesPattern) {
    json.attribute("type", "ByteLevel");
    json.attribute("add_prefix_space", v.addsSpace);
    json.attribute("trim_offsets", true);
    json.attribute("use_regex", usesPattern);
  }

  void replace(llvm::StringRef from, llvm::StringRef to) {
    item("Replace", [&] {
      json.attributeObject("pattern", [&] { json.attribute("String", from); });
      json.attribute("content", to);
    });
  }

  void writeAdded();
  void writeNormalizer();
  void writePreTokenizer();
  void writePostProcessor();
  void writeDecoder();
  void writeModel();
  void writeTemplate(llvm::StringRef name, bool isPair);

  const Vocabulary &v;
  OStream &json;
};

} // namespace

void TokenizerWriter::writeAdded() {
  for (uint32_t id = 0; id < v.texts.size(); ++id) {
    if (!v.isAdded(id))
      continue;
    json.object([&] {
      json.attribute("id", int64_t(id));
      json.attribute("content", v.texts[id]);
      for (const char *flag : {"single_word", "lstrip", "rstrip", "normalized"})
        json.attribute(flag, false);
      json.attribute("special", v.isSpecial(id));
    });
  }
}

void TokenizerWriter::writeNormalizer() {
  if (v.isByteLevel() && v.pre->composes)
    return json.attributeObject("normalizer",
                                [&] { json.attribute("type", "NFC"); });
  if (v.isByteLevel())
    return json.attribute("normalizer", nullptr);
  sequence("normalizer", "normalizers", [&] {
    if (v.addsSpace)
      item("Prepend", [&] { json.attribute("prepend", spaceMark); });
    replace(" ", spaceMark);
  });
}

void TokenizerWriter::writePreTokenizer() {
  if (!v.isByteLevel())
    return json.attribute("pre_tokenizer", nullptr);
  bool isPlain = v.pre->pattern.empty();
  if (isPlain && !v.pre->singleDigits)
    return json.attributeObject("pre_tokenizer", [&] { byteLevel(true); });
  sequence("pre_tokenizer", "pretokenizers", [&] {
    if (v.pre->singleDigits)
      item("Digits", [&] { json.attribute("individual_digits", true); });
    if (!isPlain)
      item("Split", [&] {
        json.attributeObject("pattern",
                             [&] { json.attribute("Regex", v.pre->pattern); });
        json.attribute("behavior", "Isolated");
        json.attribute("invert", false);
      });
    json.object([&] { byteLevel(isPlain); });
  });
}

/// What is put around one text, or two.
void TokenizerWriter::writeTemplate(llvm::StringRef name, bool isPair) {
  json.attributeArray(name, [&] {
    for (int part = 0; part < (isPair ? 2 : 1); ++part) {
      auto entry = [&](llvm::StringRef kind, llvm::StringRef id) {
        json.object([&] {
          json.attributeObject(kind, [&] {
            json.attribute("id", id);
            json.attribute("type_id", part);
          });
        });
      };
      if (v.addsBos)
        entry("SpecialToken", v.texts[*v.bos]);
      entry("Sequence", part ? "B" : "A");
      if (v.addsEos)
        entry("SpecialToken", v.texts[*v.eos]);
    }
  });
}

void TokenizerWriter::writePostProcessor() {
  if (!v.addsBos && !v.addsEos)
    return json.attribute("post_processor", nullptr);
  std::vector<uint32_t> ids;
  if (v.addsBos)
    ids.push_back(*v.bos);
  if (v.addsEos && !llvm::is_contained(ids, *v.eos))
    ids.push_back(*v.eos);
  json.attributeObject("post_processor", [&] {
    json.attribute("type", "TemplateProcessing");
    writeTemplate("single", false);
    writeTemplate("pair", true);
    json.attributeObject("special_tokens", [&] {
      for (uint32_t id : ids)
        json.attributeObject(v.texts[id], [&] {
          json.attribute("id", v.texts[id]);
          json.attributeArray("ids", [&] { json.value(int64_t(id)); });
          json.attributeArray("tokens", [&] { json.value(v.texts[id]); });
        });
    });
  });
}

void TokenizerWriter::writeDecoder() {
  if (v.isByteLevel())
    return json.attributeObject("decoder", [&] { byteLevel(true); });
  sequence("decoder", "decoders", [&] {
    replace(spaceMark, " ");
    item("ByteFallback");
    item("Fuse");
    if (v.addsSpace)
      item("Strip", [&] {
        json.attribute("content", " ");
        json.attribute("start", 1);
        json.attribute("stop", 0);
      });
  });
}

void TokenizerWriter::writeModel() {
  bool isPieces = !v.isByteLevel();
  json.attribute("type", "BPE");
  json.attribute("dropout", nullptr);
  if (isPieces && v.unknown)
    json.attribute("unk_token", v.texts[*v.unknown]);
  else
    json.attribute("unk_token", nullptr);
  json.attribute("continuing_subword_prefix", nullptr);
  json.attribute("end_of_word_suffix", nullptr);
  json.attribute("fuse_unk", isPieces);
  json.attribute("byte_fallback", llvm::is_contained(v.types, TokenType::byte));
  json.attribute("ignore_merges", !isPieces && v.pre->wholeWords);
  json.attributeObject("vocab", [&] {
    for (auto [id, text] : llvm::enumerate(v.texts))
      json.attribute(text, int64_t(id));
  });
  json.attributeArray("merges", [&] {
    for (auto [left, right] : v.merges)
      json.array([&, left = left, right = right] {
        json.value(v.texts[left]);
        json.value(v.texts[right]);
      });
  });
}

std::string writeTokenizer(const Vocabulary &vocabulary) {
  return makeJson(
      [&](OStream &json) { TokenizerWriter(vocabulary, json).write(); });
}

std::string writeTokenizerConfig(const Vocabulary &v) {
  return makeJson([&](OStream &json) {
    auto token = [&](llvm::StringRef name, std::optional<uint32_t> id) {
      if (id)
        json.attribute(name, v.texts[*id]);
    };
    json.attribute("add_bos_token", v.addsBos);
    json.attribute("add_eos_token", v.addsEos);
    token("bos_token", v.bos);
    if (!v.chatTemplate.empty())
      json.attribute("chat_template", v.chatTemplate);
    json.attribute("clean_up_tokenization_spaces", false);
    token("eos_token", v.eos);
    if (v.context)
      json.attribute("model_max_length", int64_t(v.context));
    token("pad_token", v.padding);
    json.attribute("tokenizer_class", "PreTrainedTokenizerFast");
    token("unk_token", v.unknown);
  });
}

std::string writeGenerationConfig(const Vocabulary &v) {
  return makeJson([&](OStream &json) {
    if (v.bos)
      json.attribute("bos_token_id", int64_t(*v.bos));
    if (v.ends.size() == 1)
      json.attribute("eos_token_id", int64_t(v.ends[0]));
    else if (!v.ends.empty())
      json.attributeArray("eos_token_id", [&] {
        for (uint32_t end : v.ends)
          json.value(int64_t(end));
      });
    if (v.padding)
      json.attribute("pad_token_id", int64_t(*v.padding));
  });
}

} // namespace qopt::gguf
