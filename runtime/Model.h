// An open model: its code, and its file as it is mapped.
#ifndef QOPT_RUNTIME_MODEL_H
#define QOPT_RUNTIME_MODEL_H

#include "qopt/runtime/Error.h"
#include "qopt/runtime/abi.h"
#include "qopt/runtime/tokenizer/Tokenizer.h"

/// All of it is set by qopt_model_open and never changes.
struct qopt_model {
  const uint8_t *map; ///< the file from its weights on
  uint64_t mapBytes;
  const uint8_t *weights, *tokenizerBlob;
  uint64_t weightsBytes, tokenizerBytes;
  int fd;                 ///< of the file, as long as it is mapped
  uint64_t weightsOffset; ///< in the file
  uint64_t initialOffset; ///< likewise, of what variables begin with
  char *info;             ///< a copy, ended by a zero
  void *library;          ///< of dlopen, when it is another file than ours
  const qopt_program *program;
  const qopt_variant *variant;         ///< the best that this CPU runs
  qopt_signature *signatures;          ///< [variant->entry_count]
  qopt::runtime::Tokenizer *tokenizer; ///< null: it has none
  /// Entries of a language model, null where there are none. `decode` is
  /// `prefill` of one token.
  const qopt_entry *prefill, *decode, *nll;
  /// Entries that train, null where there are none: a whole step, or sums of
  /// gradients and a step that uses them up.
  const qopt_entry *trainStep, *trainAccumulate, *trainUpdate;
};

namespace qopt::runtime {

/// The entry of that name, or null.
const qopt_entry *findEntry(const qopt_variant *variant, const char *name);

/// The signatures of all entries, in one piece of memory that the caller frees.
/// Null when memory ran out.
qopt_signature *makeSignatures(const qopt_variant *variant);

/// Opens the file that this code was linked into, to read it; -1 if it cannot.
int openOwnFile();

/// The program that this code was linked with.
const qopt_program *ownProgram();

/// Bytes of an element; 0 for what is no qopt_type.
uint64_t sizeOf(uint32_t type);
qopt_dtype dtypeOf(uint32_t type);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_MODEL_H
