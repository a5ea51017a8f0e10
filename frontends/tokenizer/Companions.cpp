// Reads what lies beside a tokenizer: which tokens begin and end a text, and
// how a chat is written.

#include "qopt/frontends/tokenizer/Description.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace qopt::tokenizer {

using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace {

/// Tokens that end a turn or a text, by the names that models give them.
constexpr llvm::StringLiteral endNames[] = {
    "</s>",       "<|endoftext|>",   "<|end_of_text|>", "<|im_end|>",
    "<|eot_id|>", "<|eom_id|>",      "<|end|>",         "<end_of_turn>",
    "<eos>",      "<|endofprompt|>", "<|return|>"};

/// The token that ends a turn, for each kind of chat template.
constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> turnEnds[] = {
    {"chatml", "<|im_end|>"},
    {"llama3", "<|eot_id|>"},
    {"gemma", "<end_of_turn>"},
    {"phi", "<|end|>"}};

class Reader {
public:
  Reader(llvm::StringRef folder, const Object *root, Description &result)
      : folder(folder), root(root), result(result) {
    for (const AddedToken &added : result.added)
      ids.try_emplace(added.text, added.id);
  }

  llvm::Error read() {
    for (llvm::StringRef name :
         {"tokenizer_config.json", "special_tokens_map.json",
          "generation_config.json", "genai_config.json", "config.json"})
      if (llvm::Error error = readConfig(name))
        return error;
    if (root)
      if (llvm::Error error = readTemplateField(*root))
        return error;
    // What no file says.
    if (result.bos == format::nothing && !result.prefix.empty())
      result.bos = result.prefix[0];
    if (ends.empty())
      addInferredEnds();
    if (result.bosEnds)
      addEnd(result.bos);
    if (llvm::Error error = readTemplateFile())
      return error;
    if (!templateText.empty())
      useTemplate();
    for (uint32_t id : ends)
      result.symbols[id].isEnd = true;
    return llvm::Error::success();
  }

private:
  void addEnd(int64_t id) {
    // Configurations of cut-down models name tokens that are gone: those can
    // not be generated either.
    if (id >= 0 && id < result.vocabulary)
      ends.push_back(uint32_t(id));
  }

  /// A token written as "</s>" or {"content": "</s>"}.
  std::optional<uint32_t> tokenOf(const Object &config, llvm::StringRef field) {
    auto text = config.getString(field);
    if (const Object *token = config.getObject(field))
      text = token->getString("content");
    return text ? idOf(*text) : std::nullopt;
  }

  std::optional<uint32_t> idOf(llvm::StringRef text) {
    auto at = ids.find(text);
    if (at != ids.end())
      return at->second;
    // GPT-2's is in no list of added tokens.
    for (uint32_t id = 0; id < result.vocabulary; ++id)
      if (result.symbols[id].text == text)
        return id;
    return std::nullopt;
  }

  void readIds(const Object &config) {
    if (auto bos = config.getInteger("bos_token_id"))
      if (*bos >= 0 && *bos < result.vocabulary &&
          result.bos == format::nothing)
        result.bos = uint32_t(*bos);
    if (auto eos = config.getInteger("eos_token_id"))
      addEnd(*eos);
    if (const Array *list = config.getArray("eos_token_id"))
      for (const Value &eos : *list)
        addEnd(eos.getAsInteger().value_or(-1));
  }

  llvm::Error readConfig(llvm::StringRef name) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    if (!llvm::sys::fs::exists(path))
      return llvm::Error::success();
    auto text = readFile(path);
    if (!text)
      return text.takeError();
    auto value = parseJson(*text);
    if (!value)
      return wrong(name + " beside it: " + llvm::toString(value.takeError()));
    const Object *config = value->getAsObject();
    if (!config)
      return wrong(name + " beside it: expected an object");
    if (name == "genai_config.json") {
      if (const Object *model = config->getObject("model"))
        readIds(*model);
    } else if (name == "generation_config.json") {
      readIds(*config);
    } else if (name == "config.json") {
      // Often a copy of another model's: the last to be asked.
      if (ends.empty())
        readIds(*config);
    } else {
      readTokens(*config);
      if (llvm::Error error = readTemplateField(*config))
        return error;
    }
    return llvm::Error::success();
  }

  /// tokenizer_config.json and special_tokens_map.json.
  void readTokens(const Object &config) {
    if (auto bos = tokenOf(config, "bos_token"))
      result.bos = *bos;
    if (auto eos = tokenOf(config, "eos_token")) {
      result.eos = *eos;
      addEnd(*eos);
    }
    // For other classes than these the template in tokenizer.json decides.
    if (!config.getString("tokenizer_class").value_or("").contains("Llama"))
      return;
    if (auto adds = config.getBoolean("add_bos_token"))
      result.prefix = *adds && result.bos != format::nothing
                          ? std::vector<uint32_t>{result.bos}
                          : std::vector<uint32_t>{};
    if (auto adds = config.getBoolean("add_eos_token"))
      result.suffix = *adds && result.eos != format::nothing
                          ? std::vector<uint32_t>{result.eos}
                          : std::vector<uint32_t>{};
  }

  void addInferredEnds() {
    if (result.eos != format::nothing)
      return addEnd(result.eos);
    for (llvm::StringRef name : endNames)
      if (auto at = ids.find(name); at != ids.end())
        addEnd(at->second);
  }

  /// "chat_template": a text, or several with names.
  llvm::Error readTemplateField(const Object &config) {
    if (auto text = config.getString("chat_template"))
      templateText = text->str();
    const Array *list = config.getArray("chat_template");
    for (const Value &value : list ? *list : Array()) {
      const Object *entry = value.getAsObject();
      auto text = entry ? entry->getString("template") : std::nullopt;
      if (!text)
        return wrong("expected a string 'template' in each chat_template");
      if (templateText.empty() || entry->getString("name") == "default")
        templateText = text->str();
    }
    return llvm::Error::success();
  }

  llvm::Error readTemplateFile() {
    for (llvm::StringRef name : {"chat_template.jinja", "chat_template.json"}) {
      llvm::SmallString<128> path(folder);
      llvm::sys::path::append(path, name);
      if (!llvm::sys::fs::exists(path))
        continue;
      auto text = readFile(path);
      if (!text)
        return text.takeError();
      if (name.ends_with(".jinja")) {
        templateText = *text;
        return llvm::Error::success();
      }
      auto value = parseJson(*text);
      if (!value)
        return wrong(name + " beside it: " + llvm::toString(value.takeError()));
      if (const Object *config = value->getAsObject())
        return readTemplateField(*config);
    }
    return llvm::Error::success();
  }

  void useTemplate() {
    llvm::StringRef bos;
    if (result.bos != format::nothing)
      bos = result.symbols[result.bos].text;
    result.chat = readChatTemplate(templateText, bos);
    for (const auto &[kind, end] : turnEnds)
      if (result.chat.name == kind)
        if (auto at = ids.find(end); at != ids.end())
          addEnd(at->second);
  }

  llvm::StringRef folder;
  const Object *root;
  Description &result;
  llvm::StringMap<uint32_t> ids; ///< of added tokens
  std::vector<uint32_t> ends;
  std::string templateText;
};

} // namespace

llvm::Error readCompanions(llvm::StringRef folder, const Object *root,
                           Description &result) {
  return Reader(folder, root, result).read();
}

} // namespace qopt::tokenizer
