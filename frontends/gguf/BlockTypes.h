// How GGUF files store numbers: in blocks of one type.

#ifndef QOPT_FRONTENDS_GGUF_BLOCKTYPES_H
#define QOPT_FRONTENDS_GGUF_BLOCKTYPES_H

#include <cstdint>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace qopt::gguf {

/// A type of tensors whose meaning is known.
struct BlockType {
  uint32_t number; ///< the file's
  llvm::StringLiteral name;
  uint32_t elements; ///< in a block
  uint32_t bytes;    ///< of a block
  /// Writes the numbers of a block.
  void (*decode)(const uint8_t *block, float *numbers);
};

llvm::ArrayRef<BlockType> blockTypes();

/// Null if its meaning is not known.
const BlockType *findBlockType(uint32_t number);

/// What others call the type, or its number.
std::string blockTypeName(uint32_t number);

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_BLOCKTYPES_H
