// Writes files under temporary names, until they are whole.

#ifndef QOPT_DIALECTS_NN_STAGEDFILE_H
#define QOPT_DIALECTS_NN_STAGEDFILE_H

#include <string>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace qopt::nn {

/// A file that has a temporary name in its folder until `publish`. Unless that
/// succeeds it is removed, by the destructor or when the program is
/// interrupted, and what had its name before stays as it was.
class StagedFile {
public:
  static llvm::Expected<StagedFile> create(llvm::StringRef path);
  StagedFile(StagedFile &&other);
  ~StagedFile();

  llvm::StringRef temporary() const { return name; }
  /// Once all is written: gives it to the disk, with a mode that respects the
  /// umask.
  llvm::Error seal(unsigned mode);
  /// Renames it.
  llvm::Error publish();

private:
  explicit StagedFile(llvm::StringRef path) : path(path) {}

  std::string path, name; ///< no name: nothing to remove
};

} // namespace qopt::nn

#endif // QOPT_DIALECTS_NN_STAGEDFILE_H
