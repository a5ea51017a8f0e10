// Asynchronous copies from global to shared memory.
//
// PTX ISA, "Data Movement and Conversion Instructions: cp.async": a copy may
// land at any time up to the wait of its thread. Here it lands exactly there,
// and until then nobody may read or write its bytes.

#include <cstring>

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"

using namespace mlir;

namespace qopt::simt {

/// c bytes from a address b to address a; the first ones from memory, as many
/// as the register in the list says, the others are zero.
static void stepCopyAsync(Warp &warp, const Instr &i) {
  const uint64_t *to = warp.at<uint64_t>(i.a), *from = warp.at<uint64_t>(i.b);
  warp.each([&](unsigned lane) {
    Warp::Copy copy = {to[lane], {}, i.c};
    uint32_t size = i.c;
    if (i.count)
      size = std::min(size, warp.at<uint32_t>(warp.listOf(i)[0])[lane]);
    if (size) {
      char *source = warp.access(lane, from[lane], size, i.c, Access::read);
      if (!source)
        return;
      std::memcpy(copy.bytes.data(), source, size);
    }
    if (spaceOf(to[lane]) != Space::shared)
      return warp.fault("thread " + Twine(warp.threadOf(lane)) +
                        " copies to memory that is not shared");
    if (warp.access(lane, to[lane], i.c, i.c, Access::copy))
      warp.copies[lane].open.push_back(copy);
  });
}

static void stepCommit(Warp &warp, const Instr &) {
  warp.each([&](unsigned lane) {
    Warp::Copies &copies = warp.copies[lane];
    copies.groups.push_back(std::move(copies.open));
    copies.open.clear();
  });
}

static void stepWait(Warp &warp, const Instr &i) {
  warp.each([&](unsigned lane) { warp.land(lane, i.number); });
}

static LogicalResult writeCopy(Decoder &d, NVVM::CpAsyncOp op) {
  if (!d.isKernel)
    return d.unknown("outside of a kernel");
  Instr &instr = d.emit(stepCopyAsync, 0, d.of(op.getDst())[0],
                        d.of(op.getSrc())[0], op.getSize());
  if (op.getCpSize())
    d.list(instr, d.of(op.getCpSize()));
  return success();
}

static LogicalResult writeCommit(Decoder &d, NVVM::CpAsyncCommitGroupOp) {
  d.emit(stepCommit);
  return success();
}

static LogicalResult writeWait(Decoder &d, NVVM::CpAsyncWaitGroupOp op) {
  d.emit(stepWait, 0, 0, 0, 0, op.getN());
  return success();
}

void addCopies(Writers &writers) {
  writers.add<NVVM::CpAsyncOp>(writeCopy);
  writers.add<NVVM::CpAsyncCommitGroupOp>(writeCommit);
  writers.add<NVVM::CpAsyncWaitGroupOp>(writeWait);
}

} // namespace qopt::simt
