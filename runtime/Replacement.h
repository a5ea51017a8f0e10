// A file that takes the place of another one when it is whole.
#ifndef QOPT_RUNTIME_REPLACEMENT_H
#define QOPT_RUNTIME_REPLACEMENT_H

#include <stddef.h>

namespace qopt::runtime {

/// Written beside `path`, as `path`.part; commit() gives it its name. Whatever
/// happens before that, `path` is as it was: what another process left in
/// `path`.part when it was killed is overwritten. Calls give false and leave
/// the reason in errno; EWOULDBLOCK: another process is writing it right now.
class Replacement {
public:
  explicit Replacement(const char *path) : path(path) {}
  Replacement(const Replacement &) = delete;
  Replacement &operator=(const Replacement &) = delete;
  /// Removes what was not committed.
  ~Replacement();

  bool open();
  bool write(const void *data, size_t bytes);
  /// Puts everything on the disk, then renames, then puts the name there.
  bool commit();

private:
  const char *path;
  char *temporary = nullptr;
  int file = -1;
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_REPLACEMENT_H
