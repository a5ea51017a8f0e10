// What the parts of qopt-tokenize share.
#ifndef QOPT_TEST_SUPPORT_TOKENIZE_TOOLS_H
#define QOPT_TEST_SUPPORT_TOKENIZE_TOOLS_H

#include "qopt/runtime/tokenizer/Tokenizer.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace qopt::test {

/// A blob, aligned as the runtime wants it.
using Blob = std::vector<uint64_t>;
using Opened =
    std::unique_ptr<runtime::Tokenizer, void (*)(runtime::Tokenizer *)>;

/// Compiles or reads a tokenizer; complains unless `quiet`.
std::optional<Blob> makeBlob(llvm::StringRef path, bool quiet = false);
Opened open(const Blob &blob, bool quiet = false);
std::vector<int32_t> encode(const Opened &tokenizer, llvm::StringRef text,
                            bool addSpecial, bool parseSpecial);
std::string decode(const Opened &tokenizer, llvm::ArrayRef<int32_t> ids,
                   bool showSpecial);

/// Compares with what another library made of the texts in a file of cases.
int check(const Opened &tokenizer, llvm::StringRef cases);

/// Alters the blob, and the file that it was made from, `rounds` times: all may
/// be refused, none may crash.
int damage(llvm::StringRef path, const Blob &blob, llvm::StringRef rounds);

/// Prints the time that opening, encoding and decoding take.
int bench(const Blob &blob, llvm::StringRef file);

} // namespace qopt::test

#endif // QOPT_TEST_SUPPORT_TOKENIZE_TOOLS_H
