// Files that are read whole, and files that are written whole or not at all.
#ifndef QOPT_RUNTIME_CLI_FILES_H
#define QOPT_RUNTIME_CLI_FILES_H

#include "qopt/runtime/Growing.h"

namespace qopt::cli {

/// A file that is read from its beginning.
class File {
public:
  File() = default;
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File();

  /// Says why when it cannot.
  bool open(const char *path);
  /// How many bytes were read: fewer than `size` at the end, or on a failure,
  /// after saying why.
  size_t read(void *out, size_t size);
  bool failed() const { return broken; }
  /// Bytes behind what was read; no limit for what is no regular file.
  uint64_t bytesLeft() const;

private:
  int descriptor = -1;
  uint64_t position = 0;
  bool broken = false;
};

/// Appends all of `path` to `text`; says why when it cannot.
bool readWhole(const char *path, runtime::Growing<char> &text);

/// Writes all of `size` bytes; false leaves the reason in errno.
bool writeAll(int descriptor, const void *data, size_t size);

/// Files of one folder that get their names together, when all are complete:
/// each is written to a temporary name, commit() renames. What was not
/// committed is removed.
class OutputFolder {
public:
  OutputFolder() = default;
  OutputFolder(const OutputFolder &) = delete;
  OutputFolder &operator=(const OutputFolder &) = delete;
  ~OutputFolder();

  /// Makes the folder unless it is there; says why when it cannot.
  bool open(const char *path);
  /// A new file that will be called `name`; its descriptor, or -1 after
  /// saying why.
  int begin(const char *name);
  /// Closes the file that was begun last; `written` false: removes it, and
  /// says that errno is the reason.
  bool finish(bool written);
  /// Gives all files their names; says why when it cannot.
  bool commit();

private:
  struct Entry {
    char *temporary, *name; ///< paths, owned
  };
  const char *folder = nullptr;
  runtime::Growing<Entry> entries;
  int descriptor = -1;
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_FILES_H
