// Compares a tokenizer with what another library made of the same texts.
//
// The file of cases is a list of {"text", "ids"}, or "hex" for a text that is
// not UTF-8; optional are "special": false (neither adds nor parses special
// tokens), "decoded" (the text that comes back, where it is another) and
// "chat": true (the text is a user's turn, "prompt" what it becomes).

#include "qopt/test/support/tokenize/Tools.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace qopt::test {

using llvm::json::Object;
using llvm::json::Value;

static std::string textOf(const Object &entry) {
  if (auto hex = entry.getString("hex"))
    return llvm::fromHex(*hex);
  return entry.getString("text").value_or("").str();
}

static bool differs(llvm::StringRef what, llvm::StringRef text,
                    const llvm::Twine &expected, const llvm::Twine &got) {
  llvm::errs() << what << " of '";
  llvm::errs().write_escaped(text);
  llvm::errs() << "'\n  expected " << expected << "\n  got      " << got
               << "\n";
  return true;
}

static std::string print(llvm::ArrayRef<int32_t> ids) {
  std::string result;
  for (int32_t id : ids)
    result += std::to_string(id) + " ";
  return result;
}

/// Whether it comes out otherwise than the case says.
static bool failsCase(const Opened &tokenizer, const Object &entry) {
  bool special = entry.getBoolean("special").value_or(true);
  bool isChat = entry.getBoolean("chat").value_or(false);
  std::string text = textOf(entry);
  if (isChat) {
    char *prompt = nullptr;
    runtime::tokenizerChat(tokenizer.get(), text.data(), text.size(), &prompt);
    std::string got = prompt ? prompt : "no prompt";
    free(prompt);
    if (llvm::StringRef expected = entry.getString("prompt").value_or("");
        expected != got)
      return differs("prompt", text, expected, got);
    text = got;
  }
  std::vector<int32_t> expected;
  if (const llvm::json::Array *ids = entry.getArray("ids"))
    for (const Value &id : *ids)
      expected.push_back(int32_t(id.getAsInteger().value_or(-1)));
  std::vector<int32_t> got =
      encode(tokenizer, text, special && !isChat, special);
  if (got != expected)
    return differs("ids", text, print(expected), print(got));
  auto decoded = entry.getString("decoded");
  std::string back = decode(tokenizer, got, false);
  if (decoded && *decoded != back)
    return differs("decoding", text, *decoded, back);
  return false;
}

int check(const Opened &tokenizer, llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    llvm::errs() << path << ": " << buffer.getError().message() << "\n";
    return 1;
  }
  auto cases = llvm::json::parse((*buffer)->getBuffer());
  if (!cases || !cases->getAsArray()) {
    llvm::errs() << path << ": expected a list of cases\n";
    llvm::consumeError(cases.takeError());
    return 1;
  }
  size_t failed = 0, count = cases->getAsArray()->size();
  for (const Value &value : *cases->getAsArray())
    if (const Object *entry = value.getAsObject())
      failed += failsCase(tokenizer, *entry);
  llvm::outs() << count - failed << " of " << count << " cases agree\n";
  return failed || !count;
}

} // namespace qopt::test
