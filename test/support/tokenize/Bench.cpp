// Measures how long opening, encoding and decoding take.

#include "qopt/test/support/tokenize/Tools.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

namespace qopt::test {

/// Milliseconds of the fastest of five runs.
template <typename Run> static double measure(Run run) {
  double best = 1e30;
  for (int round = 0; round < 5; ++round) {
    auto begin = std::chrono::steady_clock::now();
    run();
    std::chrono::duration<double, std::milli> time =
        std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
  }
  return best;
}

int bench(const Blob &blob, llvm::StringRef file) {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer) {
    llvm::errs() << file << ": " << buffer.getError().message() << "\n";
    return 1;
  }
  llvm::StringRef text = (*buffer)->getBuffer();
  double opening = measure([&] { open(blob); });
  Opened tokenizer = open(blob);
  std::vector<int32_t> ids;
  double encoding =
      measure([&] { ids = encode(tokenizer, text, false, false); });
  double decoding = measure([&] { decode(tokenizer, ids, false); });
  llvm::outs() << llvm::format(
      "blob %.2f MB, open %.3f ms, encode %zu bytes to %zu tokens in %.1f ms, "
      "decode %.1f ms\n",
      blob.size() * 8e-6, opening, text.size(), ids.size(), encoding, decoding);
  return 0;
}

} // namespace qopt::test
