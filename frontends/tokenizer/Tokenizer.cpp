// Finds out what kind of tokenizer a file is, reads it, and writes the blob.

#include "qopt/frontends/tokenizer/Tokenizer.h"
#include "qopt/frontends/tokenizer/Description.h"
#include "qopt/frontends/tokenizer/Unicode.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <algorithm>

namespace qopt::tokenizer {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

llvm::Error wrong(const llvm::Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), what);
}

llvm::Expected<std::string> readFile(const llvm::Twine &name) {
  constexpr uint64_t most = 256u << 20;
  uint64_t bytes = 0;
  if (std::error_code error = fs::file_size(name, bytes))
    return wrong(name + ": " + error.message());
  if (bytes > most)
    return wrong(name + ": expected at most 256 MiB, got " +
                 llvm::Twine(bytes >> 20));
  auto buffer = llvm::MemoryBuffer::getFile(name);
  if (!buffer)
    return wrong(name + ": " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

/// The surrogate that `text` writes as \uXXXX at `at`, or 0.
static uint32_t surrogateAt(llvm::StringRef text, size_t at) {
  uint32_t code = 0;
  llvm::StringRef escape = text.substr(at, 6);
  if (escape.size() != 6 || !escape.consume_front("\\u") ||
      escape.getAsInteger(16, code) || code < 0xd800 || code > 0xdfff)
    return 0;
  return code;
}

/// `text` with characters for pairs of surrogates. LLVM's parser gets those
/// beyond U+1FFFF wrong: it joins the halves with | where it should add.
static std::string joinSurrogates(llvm::StringRef text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    uint32_t high = surrogateAt(text, i), low = surrogateAt(text, i + 6);
    if (high && high < 0xdc00 && low >= 0xdc00) {
      appendCharacter(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                      result);
      i += 12;
      continue;
    }
    // A backslash and what it escapes are one.
    size_t bytes = text[i] == '\\' ? 2 : 1;
    result += text.substr(i, bytes);
    i += bytes;
  }
  return result;
}

llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text) {
  // LLVM's parser recurses: too many brackets would overflow the stack.
  constexpr unsigned deepest = 64;
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{') && ++depth > deepest)
      return wrong("expected at most 64 levels of brackets, got more");
    else if (!inString && (c == ']' || c == '}') && depth)
      --depth;
  }
  text.consume_front("\xef\xbb\xbf"); // a byte order mark
  if (text.contains_insensitive("\\ud"))
    return llvm::json::parse(joinSurrogates(text));
  return llvm::json::parse(text);
}

std::string findTokenizer(llvm::StringRef folder) {
  for (llvm::StringRef name :
       {"tokenizer.json", "tokenizer.model", "tokenizer.bin"}) {
    llvm::SmallString<128> file(folder);
    path::append(file, name);
    if (fs::exists(file))
      return std::string(file);
  }
  std::vector<std::string> others;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    llvm::StringRef name = path::filename(entry->path());
    if (name.ends_with(".model") ||
        (name.starts_with("tok") && name.ends_with(".bin")))
      others.push_back(entry->path());
  }
  // A .model and the .bin that was made of it: the first says more.
  auto isModel = [](const std::string &name) {
    return llvm::StringRef(name).ends_with(".model");
  };
  auto at = std::find_if(others.begin(), others.end(), isModel);
  if (others.size() == 1)
    return others[0];
  return std::count_if(others.begin(), others.end(), isModel) == 1 ? *at : "";
}

static bool isJson(llvm::StringRef file, llvm::StringRef text) {
  return file.ends_with(".json") || text.ltrim().starts_with("{");
}

static llvm::Expected<std::string> finish(llvm::StringRef file,
                                          const llvm::json::Object *root,
                                          llvm::Expected<Description> read) {
  if (!read)
    return read.takeError();
  if (llvm::Error error = readCompanions(path::parent_path(file), root, *read))
    return std::move(error);
  return writeBlob(*read);
}

static llvm::Expected<std::string> compileFile(llvm::StringRef file) {
  auto text = readFile(file);
  if (!text)
    return text.takeError();
  if (!isJson(file, *text))
    return finish(file, nullptr,
                  file.ends_with(".bin") ? readLlama2c(*text)
                                         : readSentencePiece(*text));
  auto json = parseJson(*text);
  if (!json)
    return json.takeError();
  const llvm::json::Object *root = json->getAsObject();
  if (!root)
    return wrong("expected an object");
  return finish(file, root, readHuggingFace(*root));
}

llvm::Expected<std::string> compileTokenizer(llvm::StringRef name) {
  std::string file = name.str();
  if (fs::is_directory(name)) {
    file = findTokenizer(name);
    if (file.empty())
      return wrong(name + ": expected a tokenizer.json, a *.model or a "
                          "tokenizer.bin in the folder, found none or several");
  }
  auto blob = compileFile(file);
  if (blob)
    return blob;
  std::string message = llvm::toString(blob.takeError());
  // Errors about a file as such name it already.
  if (!llvm::StringRef(message).starts_with(file))
    message = file + ": " + message;
  return wrong(message);
}

} // namespace qopt::tokenizer
