// Writes the model of a GGUF file as ONNX, with its tokenizer beside it.

#ifndef QOPT_FRONTENDS_GGUF_CONVERT_H
#define QOPT_FRONTENDS_GGUF_CONVERT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace qopt::gguf {

struct ConvertOptions {
  bool model = true;     ///< write the model
  bool tokenizer = true; ///< and the tokenizer, if the file has one
};

/// Reads the GGUF file `input` and writes into `folder`, which is made if it is
/// not there: model.onnx, model.onnx.data, config.json; tokenizer.json,
/// tokenizer_config.json, generation_config.json. The weights become f32. After
/// an error the folder is as it was. The file is not trusted.
llvm::Error convert(llvm::StringRef input, llvm::StringRef folder,
                    const ConvertOptions &options = {});

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_CONVERT_H
