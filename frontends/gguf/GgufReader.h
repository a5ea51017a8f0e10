// Checks a GGUF file from its first byte to its last.

#ifndef QOPT_FRONTENDS_GGUF_GGUFREADER_H
#define QOPT_FRONTENDS_GGUF_GGUFREADER_H

#include "qopt/frontends/gguf/GgufFile.h"

namespace qopt::gguf {

/// "u32", "string", ...
llvm::StringRef nameOf(ValueType type);

/// Fills a GgufFile whose bytes are mapped. Nothing that the file claims is
/// believed before it is compared with the bytes that are left.
class GgufReader {
public:
  explicit GgufReader(GgufFile &file);

  llvm::Error read();

private:
  llvm::Error readHeader();
  llvm::Error readPair();
  llvm::Error readArray(llvm::StringRef key, Value &value);
  llvm::Error readTensor();
  llvm::Error place(Tensor &tensor, uint64_t offset);
  llvm::Error endsIn(const llvm::Twine &what) const;

  /// Null with nothing taken if fewer bytes are left.
  const char *takeBytes(uint64_t bytes);
  template <typename T> bool take(T &value);
  bool takeText(llvm::StringRef &text);

  GgufFile &file;
  llvm::StringRef all;
  uint64_t position = 0;
  uint64_t tensorCount = 0, pairCount = 0;
  std::vector<uint64_t> offsets; ///< of the tensors, in the data
};

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_GGUFREADER_H
