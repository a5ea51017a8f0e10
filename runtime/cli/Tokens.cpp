// Token ids out of files.

#include "qopt/runtime/cli/Tokens.h"
#include "qopt/runtime/cli/Npy.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Session.h"

namespace qopt::cli {

bool readIdArray(const char *path, Ids &ids) {
  Arrays arrays;
  if (!arrays.open(1)) {
    failMemory("reading token ids");
    return false;
  }
  Array &array = arrays[0];
  if (!readNpy(path, array))
    return false;
  bool wide = array.type.bits == 64;
  if (array.type.code != 0 || (!wide && array.type.bits != 32)) {
    error("'%s' holds %s, expects token ids as i32 or i64", path,
          TypeName(array.type).text);
    return false;
  }
  for (int32_t i = 0; i < array.rank; ++i)
    if (static_cast<uint64_t>(array.shape[i]) != array.count &&
        array.shape[i] != 1) {
      error("'%s' has more than one axis, expects one sequence of token ids; "
            "save a.reshape(-1)",
            path);
      return false;
    }
  for (uint64_t i = 0; i < array.count; ++i)
    ids.push(wide ? static_cast<const int64_t *>(array.data)[i]
                  : static_cast<const int32_t *>(array.data)[i]);
  if (ids.failed())
    failMemory("reading token ids");
  return !ids.failed();
}

} // namespace qopt::cli
