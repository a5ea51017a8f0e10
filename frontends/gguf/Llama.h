// A Llama, as its GGUF file describes it and its ONNX file will hold it.

#ifndef QOPT_FRONTENDS_GGUF_LLAMA_H
#define QOPT_FRONTENDS_GGUF_LLAMA_H

#include "qopt/frontends/gguf/GgufFile.h"

namespace qopt::gguf {

/// An initializer of the ONNX file: a tensor of the GGUF file, dequantized.
struct Parameter {
  std::string name; ///< Hugging Face's
  const Tensor *tensor = nullptr;
  /// A weight [N, C] that is written as [C, N], as MatMul wants it.
  bool transposed = false;
  /// Not 0: the rows of each of so many heads are interleaved, see Llama.cpp.
  uint64_t ropeHeads = 0;

  std::vector<int64_t> shape() const; ///< as it is written
  uint64_t bytes() const;             ///< likewise, in f32
};

struct Llama {
  uint64_t layers = 0, channels = 0, hidden = 0, vocabulary = 0;
  uint64_t heads = 0, keyHeads = 0, headSize = 0;
  uint64_t context = 0;           ///< tokens it was trained for
  double eps = 0;                 ///< of its norms
  double theta = 0;               ///< base of its rotary angles
  float scale = 0;                ///< of the products of queries and keys
  bool tied = false;              ///< the head's weight is the embedding's
  std::vector<float> frequencies; ///< [headSize / 2], radians a position
  std::vector<Parameter> parameters;
  llvm::StringMap<size_t> places; ///< of parameters by name

  bool has(llvm::StringRef name) const { return places.count(name); }
};

/// Reads sizes and tensors; what a Llama does not have is refused by name.
llvm::Expected<Llama> readLlama(const GgufFile &file);

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_LLAMA_H
