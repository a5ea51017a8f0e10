// A GGUF file: what it says about its model, and where its tensors lie.

#ifndef QOPT_FRONTENDS_GGUF_GGUFFILE_H
#define QOPT_FRONTENDS_GGUF_GGUFFILE_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

namespace qopt::gguf {

struct BlockType;

/// An error about the file; the entry point adds its name.
llvm::Error wrong(const llvm::Twine &what);

/// A name out of a file, in quotes: one line, whatever it holds.
std::string quoted(llvm::StringRef name);

/// "64 x 96".
std::string printSizes(llvm::ArrayRef<uint64_t> dims);

/// What a value is; the numbers are the file's.
enum class ValueType : uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64,
};

/// A value as it lies in the file, checked to be whole.
struct Value {
  ValueType type; ///< of an array: of its elements
  bool isArray = false;
  uint64_t count = 1;    ///< elements of an array
  llvm::StringRef bytes; ///< each string with its length in front
};

/// A tensor, checked to lie within the file.
struct Tensor {
  llvm::StringRef name;
  std::vector<uint64_t> dims; ///< the innermost first
  const BlockType *type = nullptr;
  llvm::StringRef bytes;

  uint64_t columns() const { return dims[0]; }
  uint64_t rows() const;
};

/// Maps a GGUF file and checks it: what it returns lies within the mapping.
class GgufFile {
public:
  static llvm::Expected<std::unique_ptr<GgufFile>> read(llvm::StringRef path);

  bool has(llvm::StringRef key) const { return values.count(key); }

  // The value of a key; if the file does not have it, `fallback`, or without
  // one an error. A value of another type is an error.
  llvm::Expected<uint64_t> integer(llvm::StringRef key,
                                   std::optional<uint64_t> fallback = {}) const;
  llvm::Expected<double> real(llvm::StringRef key,
                              std::optional<double> fallback = {}) const;
  llvm::Expected<bool> boolean(llvm::StringRef key, bool fallback) const;
  llvm::Expected<std::string>
  text(llvm::StringRef key, std::optional<std::string> fallback = {}) const;

  // All elements of an array; none if the file does not have the key.
  llvm::Expected<std::vector<llvm::StringRef>> texts(llvm::StringRef key) const;
  llvm::Expected<std::vector<double>> numbers(llvm::StringRef key) const;

  llvm::ArrayRef<Tensor> tensors() const { return list; }
  /// Null if there is none of this name.
  const Tensor *find(llvm::StringRef name) const;

private:
  friend class GgufReader;

  std::optional<llvm::sys::fs::mapped_file_region> region;
  llvm::StringMap<Value> values;
  std::vector<Tensor> list;
  llvm::StringMap<size_t> places; ///< of tensors in `list`
};

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_GGUFFILE_H
