// Writes a Llama as the graph that optimum exports for text generation.

#ifndef QOPT_FRONTENDS_GGUF_LLAMAGRAPH_H
#define QOPT_FRONTENDS_GGUF_LLAMAGRAPH_H

#include <string>

#include "qopt/frontends/gguf/Llama.h"

namespace qopt::gguf {

/// The ONNX file: primitive ops, past and present of the keys and values, sizes
/// of batch and sequence left open. Its weights lie in `dataFile`.
std::string writeLlamaGraph(const Llama &llama, llvm::StringRef dataFile);

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_LLAMAGRAPH_H
