// Generated code in this process.

#ifndef QOPT_CODEGEN_CPU_LOAD_H
#define QOPT_CODEGEN_CPU_LOAD_H

#include <cstdlib>
#include <memory>
#include <utility>

#include "qopt/runtime/abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace qopt::cpu {

/// An object of `compileObject`, linked into memory; it stays as long as this
/// does. A launch runs on the pool of its call; without one it runs where it is
/// called, task after task.
class LoadedCode {
public:
  static llvm::Expected<std::unique_ptr<LoadedCode>>
  load(llvm::ArrayRef<char> object);
  ~LoadedCode();

  /// Of an external symbol.
  llvm::Expected<void *> find(llvm::StringRef symbol) const;
  /// The first variant that this CPU can run; null if there is none.
  const qopt_variant *variant() const;

private:
  struct Linked;
  explicit LoadedCode(std::unique_ptr<Linked> linked);
  std::unique_ptr<Linked> linked;
};

/// An entry of a variant; null if it has none of that name.
const qopt_entry *findEntry(const qopt_variant &variant, llvm::StringRef name);

/// The inputs' sizes, then the outputs', for these values of the symbols.
llvm::SmallVector<llvm::SmallVector<int64_t>>
shapesOf(const qopt_entry &entry, llvm::ArrayRef<int64_t> symbols);

/// Memory that code may use: 64-byte aligned, zero.
class Memory {
public:
  explicit Memory(size_t bytes);
  Memory(Memory &&other) : data(std::exchange(other.data, nullptr)) {}
  ~Memory() { std::free(data); }
  uint8_t *data;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_LOAD_H
