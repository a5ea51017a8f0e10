// An ONNX file in memory, without the numbers of its large tensors.

#ifndef QOPT_FRONTENDS_ONNX_MODELFILE_H
#define QOPT_FRONTENDS_ONNX_MODELFILE_H

#include <memory>
#include <string>

#include "qopt/frontends/onnx/Protobuf.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

namespace qopt::onnx {

/// Where the numbers of a tensor lie: a region of a file.
struct Region {
  std::string file; ///< relative to the model's folder
  int64_t offset = 0, bytes = 0;
};

/// Reads an ONNX file. The raw data of large tensors is cut out before the
/// messages are parsed, and stays in the mapped file: a model of gigabytes
/// costs no more than its graph.
class ModelFile {
public:
  /// Null, with a message, if the file is missing or damaged.
  static std::unique_ptr<ModelFile> read(llvm::StringRef path,
                                         std::string &message);

  const ::onnx::ModelProto &model() const { return proto; }
  /// The place of a tensor's raw data; false, with a message, if it has none
  /// or names a file outside the folder.
  bool locate(const ::onnx::TensorProto &tensor, Region &region,
              std::string &message) const;
  /// The numbers themselves, for small tensors.
  bool bytes(const ::onnx::TensorProto &tensor, std::string &out,
             std::string &message) const;
  llvm::StringRef folder() const { return directory; }

private:
  ::onnx::ModelProto proto;
  std::string directory, name;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
};

} // namespace qopt::onnx

#endif // QOPT_FRONTENDS_ONNX_MODELFILE_H
