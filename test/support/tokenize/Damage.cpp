// Feeds the runtime damaged blobs, and the compiler damaged files.

#include "qopt/test/support/tokenize/Tools.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace qopt::test {

namespace {

/// Random numbers that are the same everywhere (xorshift).
class Random {
public:
  uint64_t below(uint64_t end) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % end;
  }

private:
  uint64_t state = 0x9e3779b97f4a7c15;
};

} // namespace

/// Changes a few bytes, half of them among the first thousand, where the
/// header is; sometimes cuts the end off.
static void alter(uint8_t *data, size_t &size, Random &random) {
  for (uint64_t n = 1 + random.below(8); n && size; --n) {
    size_t range = random.below(2) && size > 1024 ? 1024 : size;
    uint8_t &byte = data[random.below(range)];
    static constexpr uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    byte =
        random.below(2) ? values[random.below(5)] : uint8_t(random.below(256));
  }
  if (random.below(8) == 0)
    size = random.below(size);
}

static bool use(const Opened &tokenizer) {
  if (!tokenizer)
    return false;
  for (llvm::StringRef text :
       {"Once upon a time, 12345 <|im_end|> it's  \n\n </s> caf\u00e9 e\u0301",
        "\xff\xfe\u4f60\u597d \xed\xa0\x80 "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    for (bool special : {false, true})
      decode(tokenizer, encode(tokenizer, text, special, special), special);
  char *prompt = nullptr;
  runtime::tokenizerChat(tokenizer.get(), "hi", 2, &prompt);
  free(prompt);
  for (int32_t id = -2; id < 600; ++id) {
    runtime::tokenizerIsEnd(tokenizer.get(), id);
    decode(tokenizer, {id}, true);
  }
  return true;
}

/// Blobs that still open, of `rounds` altered ones.
static size_t damageBlobs(const Blob &blob, uint64_t rounds, Random &random) {
  size_t opened = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    // Of the exact size, so that a sanitizer sees what lies behind it.
    Blob copy = blob;
    size_t size = copy.size() * 8;
    alter(reinterpret_cast<uint8_t *>(copy.data()), size, random);
    copy.resize(size / 8);
    copy.shrink_to_fit();
    opened += use(open(copy, /*quiet=*/true));
  }
  return opened;
}

static size_t damageFiles(llvm::StringRef path, uint64_t rounds,
                          Random &random) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  llvm::SmallString<128> folder;
  if (!buffer || llvm::sys::fs::createUniqueDirectory("qopt-tokenize", folder))
    return 0;
  llvm::SmallString<128> file(folder);
  llvm::sys::path::append(file, llvm::sys::path::filename(path));
  size_t compiled = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    std::string text = (*buffer)->getBuffer().str();
    size_t size = text.size();
    alter(reinterpret_cast<uint8_t *>(text.data()), size, random);
    std::error_code error;
    {
      llvm::raw_fd_ostream out(file, error);
      out.write(text.data(), size);
    }
    if (std::optional<Blob> blob = makeBlob(file, /*quiet=*/true))
      compiled += use(open(*blob, /*quiet=*/true));
  }
  llvm::sys::fs::remove(file);
  llvm::sys::fs::remove(folder);
  return compiled;
}

int damage(llvm::StringRef path, const Blob &blob, llvm::StringRef text) {
  uint64_t rounds = 0;
  if (text.getAsInteger(10, rounds) || !rounds)
    return 2;
  Random random;
  llvm::outs() << "blobs: " << damageBlobs(blob, rounds, random) << " of "
               << rounds << " still open\n";
  if (!llvm::sys::fs::is_directory(path) && !path.ends_with(".blob"))
    llvm::outs() << "files: " << damageFiles(path, rounds, random) << " of "
                 << rounds << " still compile\n";
  return 0;
}

} // namespace qopt::test
