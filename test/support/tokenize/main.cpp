// qopt-tokenize: compiles a tokenizer and runs it, for the tests.
//
//   qopt-tokenize TOKENIZER [--ids] [--no-special] TEXT   ids, or the text back
//   qopt-tokenize TOKENIZER --chat TEXT                   the prompt
//   qopt-tokenize TOKENIZER --about                       what it is
//   qopt-tokenize TOKENIZER --check CASES.json            compares with others
//   qopt-tokenize TOKENIZER --compile BLOB                writes the blob
//   qopt-tokenize TOKENIZER --damage ROUNDS               must survive, see
//   Damage qopt-tokenize TOKENIZER --bench FILE                  time of each
//   part
//
// TOKENIZER is a file or folder that the compiler reads, or a blob (*.blob).

#include "qopt/frontends/tokenizer/Tokenizer.h"
#include "qopt/runtime/tokenizer/Tokenizer.h"
#include "qopt/test/support/tokenize/Tools.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace qopt;
using namespace qopt::runtime;

namespace qopt::test {

std::optional<Blob> makeBlob(llvm::StringRef path, bool quiet) {
  std::string bytes;
  if (path.ends_with(".blob")) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer) {
      llvm::errs() << path << ": " << buffer.getError().message() << "\n";
      return std::nullopt;
    }
    bytes = (*buffer)->getBuffer().str();
  } else {
    auto compiled = tokenizer::compileTokenizer(path);
    if (!compiled) {
      std::string message = llvm::toString(compiled.takeError());
      if (!quiet)
        llvm::errs() << "error: " << message << "\n";
      return std::nullopt;
    }
    bytes = std::move(*compiled);
  }
  Blob blob((bytes.size() + 7) / 8);
  memcpy(blob.data(), bytes.data(), bytes.size());
  return blob;
}

Opened open(const Blob &blob, bool quiet) {
  Tokenizer *opened = nullptr;
  char message[256] = "";
  if (!tokenizerOpen(reinterpret_cast<const uint8_t *>(blob.data()),
                     blob.size() * 8, &opened, message, sizeof message) &&
      !quiet)
    llvm::errs() << "error: " << message << "\n";
  return Opened(opened, tokenizerClose);
}

std::vector<int32_t> encode(const Opened &tokenizer, llvm::StringRef text,
                            bool addSpecial, bool parseSpecial) {
  int32_t *ids = nullptr;
  int64_t count = tokenizerEncode(tokenizer.get(), text.data(), text.size(),
                                  addSpecial, parseSpecial, &ids);
  std::vector<int32_t> result(ids, ids + (count < 0 ? 0 : count));
  free(ids);
  return result;
}

std::string decode(const Opened &tokenizer, llvm::ArrayRef<int32_t> ids,
                   bool showSpecial) {
  std::string result;
  bool first = true;
  for (int32_t id : ids) {
    char piece[64];
    size_t bytes = tokenizerDecode(tokenizer.get(), id, first, showSpecial,
                                   piece, sizeof piece);
    std::string longer;
    if (bytes > sizeof piece) {
      longer.resize(bytes);
      tokenizerDecode(tokenizer.get(), id, first, showSpecial, longer.data(),
                      bytes);
    } else {
      longer.assign(piece, bytes);
    }
    result += longer;
    // What prints nothing, a begin-of-text token say, is not the first.
    first &=
        id == tokenizerBos(tokenizer.get()) ||
        !tokenizerDecode(tokenizer.get(), id, false, showSpecial, piece, 0);
  }
  return result;
}

} // namespace qopt::test

using namespace qopt::test;

static int about(const Opened &tokenizer) {
  llvm::outs() << "bos " << tokenizerBos(tokenizer.get()) << "\nend";
  for (int32_t id = 0; id < 1 << 22; ++id)
    if (tokenizerIsEnd(tokenizer.get(), id))
      llvm::outs() << " " << id;
  llvm::outs() << "\nchat '" << tokenizerChatName(tokenizer.get()) << "'\n";
  return 0;
}

static int chat(const Opened &tokenizer, llvm::StringRef user) {
  char *prompt = nullptr;
  int code = tokenizerChat(tokenizer.get(), user.data(), user.size(), &prompt);
  if (code)
    llvm::outs() << "no prompt: " << code << "\n";
  else
    llvm::outs() << prompt;
  free(prompt);
  return code;
}

int main(int argc, char **argv) {
  std::vector<llvm::StringRef> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) {
    llvm::errs() << "usage: qopt-tokenize TOKENIZER [--OPTION] ARGUMENT\n";
    return 2;
  }
  std::optional<Blob> blob = makeBlob(arguments[0]);
  if (!blob)
    return 1;
  Opened tokenizer = open(*blob);
  if (!tokenizer)
    return 1;
  llvm::StringRef option = arguments[1], last = arguments.back();
  if (option == "--about")
    return about(tokenizer);
  if (option == "--chat")
    return chat(tokenizer, last);
  if (option == "--check")
    return check(tokenizer, last);
  if (option == "--damage")
    return damage(arguments[0], *blob, last);
  if (option == "--bench")
    return bench(*blob, last);
  if (option == "--compile") {
    std::error_code error;
    llvm::raw_fd_ostream out(last, error);
    out.write(reinterpret_cast<const char *>(blob->data()), blob->size() * 8);
    return bool(error);
  }
  bool special = true, onlyIds = false;
  for (llvm::StringRef flag :
       llvm::ArrayRef(arguments).drop_front().drop_back()) {
    special &= flag != "--no-special";
    onlyIds |= flag == "--ids";
  }
  std::vector<int32_t> ids = encode(tokenizer, last, special, special);
  for (int32_t id : ids)
    llvm::outs() << id << " ";
  llvm::outs() << "\n";
  if (!onlyIds)
    llvm::outs() << decode(tokenizer, ids, true) << "\n";
  return 0;
}
