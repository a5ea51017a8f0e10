// The numbers of a model, as its external data file holds them.

#ifndef QOPT_FRONTENDS_GGUF_WEIGHTDATA_H
#define QOPT_FRONTENDS_GGUF_WEIGHTDATA_H

#include "qopt/frontends/gguf/Llama.h"
#include "llvm/Support/raw_ostream.h"

namespace qopt::gguf {

/// Parameters begin at multiples of a page, so that they can be mapped.
constexpr uint64_t dataAlignment = 4096;

/// Where each parameter lies in the data file.
std::vector<uint64_t> dataOffsets(const Llama &llama);

/// Writes the data file: f32, little endian, in parts of at most 64 MiB. Stops
/// at the first error of `out`.
void writeData(const Llama &llama, llvm::raw_fd_ostream &out);

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_WEIGHTDATA_H
