// Sums that are cut among blocks where a kernel has few: what they leave lies
// in the workspace, and a second launch joins it in order.

#ifndef QOPT_CODEGEN_CUDA_PARTS_H
#define QOPT_CODEGEN_CUDA_PARTS_H

#include <algorithm>
#include <cstdint>

namespace qopt::cuda {

/// Blocks that keep a chip busy, parts at most, and threads of a block that
/// joins them.
constexpr int64_t wantedBlocks = 128, mostParts = 8, joinThreads = 128;

/// Parts of the columns of a weight that lies in panels, for one row: equal
/// ones of `units`. A block reads 32 KB at least; less is sooner read than a
/// second launch is begun.
inline int64_t partsOfPanels(int64_t panels, int64_t units,
                             int64_t bytesOfPanel) {
  constexpr int64_t leastBytes = 32 << 10;
  int64_t most =
      std::min({mostParts, wantedBlocks / std::max<int64_t>(1, panels),
                bytesOfPanel / leastBytes});
  for (int64_t parts = most; parts > 1; --parts)
    if (units % parts == 0)
      return parts;
  return 1;
}

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_PARTS_H
