// What lanes do together: barriers, shuffles, votes; and who they are.
//
// PTX ISA, "Parallel Synchronization and Communication Instructions" and "Data
// Movement and Conversion Instructions: shfl.sync".

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"
#include "qopt/codegen/simt/Formats.h"

using namespace mlir;

namespace qopt::simt {

namespace {

/// Whether the lanes of the mask in register a are all here.
bool gatherMask(Warp &warp, const Instr &i) {
  const uint32_t *mask = warp.at<uint32_t>(i.a);
  return warp.gather(mask[__builtin_ctz(warp.active)]);
}

void stepBarrier(Warp &warp, const Instr &) { warp.waitAtBarrier(); }

void stepSyncWarp(Warp &warp, const Instr &i) {
  if (!gatherMask(warp, i))
    return;
  // Of a part of the warp, it is not taken to order memory.
  if (warp.active == warp.lanes)
    warp.synchronize();
}

/// The lane that a lane reads, and whether it lies in its segment.
struct Source {
  unsigned lane;
  bool isValid;
};

Source sourceOf(NVVM::ShflKind kind, unsigned lane, uint32_t b, uint32_t c) {
  unsigned by = b & 31, clamp = c & 31, segment = c >> 8 & 31;
  unsigned last = (lane & segment) | (clamp & ~segment);
  unsigned first = lane & segment;
  int from = 0;
  bool isValid = false;
  switch (kind) {
  case NVVM::ShflKind::up:
    from = int(lane) - int(by);
    isValid = from >= int(last);
    break;
  case NVVM::ShflKind::down:
    from = lane + by;
    isValid = from <= int(last);
    break;
  case NVVM::ShflKind::bfly:
    from = lane ^ by;
    isValid = from <= int(last);
    break;
  case NVVM::ShflKind::idx:
    from = first | (by & ~segment);
    isValid = from <= int(last);
    break;
  }
  return {isValid ? unsigned(from) : lane, isValid};
}

/// to = the value b of another lane; `list` is its number, mask and clamp, and
/// where it goes whether the lane is there, if anybody asks.
void stepShuffle(Warp &warp, const Instr &i) {
  if (!gatherMask(warp, i))
    return;
  const uint32_t *list = warp.listOf(i);
  const uint32_t *value = warp.at<uint32_t>(i.b);
  uint32_t shuffled[warpSize];
  warp.each([&](unsigned lane) {
    Source source = sourceOf(NVVM::ShflKind(i.number), lane,
                             warp.at<uint32_t>(list[0])[lane],
                             warp.at<uint32_t>(list[1])[lane]);
    if (!(warp.active >> source.lane & 1))
      return warp.fault("divergence: thread " + Twine(warp.threadOf(lane)) +
                        " shuffles from thread " +
                        Twine(warp.threadOf(source.lane)) +
                        ", which does not take part");
    shuffled[lane] = value[source.lane];
    if (i.count > 2)
      warp.at<uint32_t>(list[2])[lane] = source.isValid;
  });
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) { to[lane] = shuffled[lane]; });
}

void stepVote(Warp &warp, const Instr &i) {
  if (!gatherMask(warp, i))
    return;
  const uint32_t *predicate = warp.at<uint32_t>(i.b);
  uint32_t ballot = 0;
  warp.each([&](unsigned lane) { ballot |= (predicate[lane] & 1) << lane; });
  uint32_t result = ballot;
  switch (NVVM::VoteSyncKind(i.number)) {
  case NVVM::VoteSyncKind::any:
    result = ballot != 0;
    break;
  case NVVM::VoteSyncKind::all:
    result = ballot == warp.active;
    break;
  case NVVM::VoteSyncKind::uni:
    result = ballot == 0 || ballot == warp.active;
    break;
  case NVVM::VoteSyncKind::ballot:
    break;
  }
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) { to[lane] = result; });
}

uint32_t reduce(NVVM::ReduxKind kind, uint32_t a, uint32_t b) {
  switch (kind) {
  case NVVM::ReduxKind::ADD:
    return a + b;
  case NVVM::ReduxKind::AND:
    return a & b;
  case NVVM::ReduxKind::OR:
    return a | b;
  case NVVM::ReduxKind::XOR:
    return a ^ b;
  case NVVM::ReduxKind::MAX:
    return std::max(int32_t(a), int32_t(b));
  case NVVM::ReduxKind::MIN:
    return std::min(int32_t(a), int32_t(b));
  case NVVM::ReduxKind::UMAX:
    return std::max(a, b);
  case NVVM::ReduxKind::UMIN:
    return std::min(a, b);
  default:
    return 0; // refused when it was decoded
  }
}

void stepRedux(Warp &warp, const Instr &i) {
  if (!gatherMask(warp, i))
    return;
  const uint32_t *value = warp.at<uint32_t>(i.b);
  uint32_t result = 0;
  bool any = false;
  warp.each([&](unsigned lane) {
    result = any ? reduce(NVVM::ReduxKind(i.number), result, value[lane])
                 : value[lane];
    any = true;
  });
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) { to[lane] = result; });
}

/// match.any: the lanes that have the same value.
template <class S> void stepMatch(Warp &warp, const Instr &i) {
  if (!gatherMask(warp, i))
    return;
  const S *value = warp.at<S>(i.b);
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) {
    uint32_t same = 0;
    warp.each([&](unsigned other) {
      same |= uint32_t(value[other] == value[lane]) << other;
    });
    to[lane] = same;
  });
}

/// PTX ISA, "Data Movement and Conversion Instructions: prmt", default mode:
/// a nibble picks a byte, or its sign eight times.
void stepPermute(Warp &warp, const Instr &i) {
  const uint32_t *a = warp.at<uint32_t>(i.a), *b = warp.at<uint32_t>(i.b),
                 *selector = warp.at<uint32_t>(i.c);
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) {
    uint64_t bytes = uint64_t(b[lane]) << 32 | a[lane];
    uint32_t result = 0;
    for (int k = 0; k < 4; ++k) {
      unsigned pick = selector[lane] >> (4 * k) & 15;
      uint8_t byte = bytes >> (8 * (pick & 7));
      if (pick & 8)
        byte = byte & 0x80 ? 0xff : 0;
      result |= uint32_t(byte) << (8 * k);
    }
    to[lane] = result;
  });
}

enum class Register { thread, block, blockSize, grid, lane, warp, zero, one };

void stepRegister(Warp &warp, const Instr &i) {
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) {
    switch (Register(i.number)) {
    case Register::thread:
      to[lane] = warp.threadOf(lane);
      break;
    case Register::block:
      to[lane] = warp.block->index;
      break;
    case Register::blockSize:
      to[lane] = warp.block->size;
      break;
    case Register::grid:
      to[lane] = warp.block->grid;
      break;
    case Register::lane:
      to[lane] = lane;
      break;
    case Register::warp:
      to[lane] = warp.index;
      break;
    case Register::zero:
      to[lane] = 0;
      break;
    case Register::one:
      to[lane] = 1;
      break;
    }
  });
}

} // namespace

static LogicalResult writeBarrier0(Decoder &d, NVVM::Barrier0Op) {
  d.emit(stepBarrier);
  return success();
}

static LogicalResult writeBarrier(Decoder &d, NVVM::BarrierOp op) {
  if (op.getNumberOfThreads() || op.getReductionOp() ||
      (op.getBarrierId() && d.constantOf(op.getBarrierId()) != 0))
    return d.unknown("expects barrier 0 of the whole block");
  d.emit(stepBarrier);
  return success();
}

static LogicalResult writeSyncWarp(Decoder &d, NVVM::SyncWarpOp op) {
  d.emit(stepSyncWarp, 0, d.of(op.getMask())[0]);
  return success();
}

static LogicalResult writeShuffle(Decoder &d, NVVM::ShflOp op) {
  Registers to = d.define(op);
  SmallVector<uint32_t> list = {d.of(op.getOffset())[0],
                                d.of(op.getMaskAndClamp())[0]};
  if (op.getReturnValueAndIsValid())
    list.push_back(to[1]);
  d.list(d.emit(stepShuffle, to[0], d.of(op.getThreadMask())[0],
                d.of(op.getVal())[0], 0, int64_t(op.getKind())),
         list);
  return success();
}

static LogicalResult writeVote(Decoder &d, NVVM::VoteSyncOp op) {
  uint32_t to = d.define(op)[0];
  d.emit(stepVote, to, d.of(op.getMask())[0], d.of(op.getPred())[0], 0,
         int64_t(op.getKind()));
  return success();
}

static LogicalResult writeRedux(Decoder &d, NVVM::ReduxOp op) {
  if (op.getType().isF32())
    return d.unknown("expects i32: f32 needs sm_100");
  uint32_t to = d.define(op)[0];
  d.emit(stepRedux, to, d.of(op.getMaskAndClamp())[0], d.of(op.getVal())[0], 0,
         int64_t(op.getKind()));
  return success();
}

static LogicalResult writeMatch(Decoder &d, NVVM::MatchSyncOp op) {
  if (op.getKind() != NVVM::MatchSyncKind::any)
    return d.unknown("expects match.any");
  bool wide = d.scalarOf(op.getVal().getType())->isWide();
  uint32_t to = d.define(op)[0];
  d.emit(wide ? stepMatch<uint64_t> : stepMatch<uint32_t>, to,
         d.of(op.getThreadMask())[0], d.of(op.getVal())[0]);
  return success();
}

static LogicalResult writePermute(Decoder &d, NVVM::PermuteOp op) {
  if (op.getMode() != NVVM::PermuteMode::DEFAULT)
    return d.unknown("expects the default mode");
  uint32_t to = d.define(op)[0];
  d.emit(stepPermute, to, d.of(op.getLo())[0], d.of(op.getHi())[0],
         d.of(op.getSelector())[0]);
  return success();
}

template <class Op, Register number>
static LogicalResult writeRegister(Decoder &d, Op op) {
  if (!d.isKernel)
    return d.unknown("outside of a kernel");
  uint32_t to = d.define(op)[0];
  d.emit(stepRegister, to, 0, 0, 0, int64_t(number));
  return success();
}

template <class Op, Register number> static void addRegister(Writers &w) {
  w.add<Op>(writeRegister<Op, number>);
}

void addCollectives(Writers &writers) {
  writers.add<NVVM::Barrier0Op>(writeBarrier0);
  writers.add<NVVM::BarrierOp>(writeBarrier);
  writers.add<NVVM::SyncWarpOp>(writeSyncWarp);
  writers.add<NVVM::ShflOp>(writeShuffle);
  writers.add<NVVM::VoteSyncOp>(writeVote);
  writers.add<NVVM::ReduxOp>(writeRedux);
  writers.add<NVVM::MatchSyncOp>(writeMatch);
  writers.add<NVVM::PermuteOp>(writePermute);
  // Blocks and grids have one axis.
  addRegister<NVVM::ThreadIdXOp, Register::thread>(writers);
  addRegister<NVVM::ThreadIdYOp, Register::zero>(writers);
  addRegister<NVVM::ThreadIdZOp, Register::zero>(writers);
  addRegister<NVVM::BlockIdXOp, Register::block>(writers);
  addRegister<NVVM::BlockIdYOp, Register::zero>(writers);
  addRegister<NVVM::BlockIdZOp, Register::zero>(writers);
  addRegister<NVVM::BlockDimXOp, Register::blockSize>(writers);
  addRegister<NVVM::BlockDimYOp, Register::one>(writers);
  addRegister<NVVM::BlockDimZOp, Register::one>(writers);
  addRegister<NVVM::GridDimXOp, Register::grid>(writers);
  addRegister<NVVM::GridDimYOp, Register::one>(writers);
  addRegister<NVVM::GridDimZOp, Register::one>(writers);
  addRegister<NVVM::LaneIdOp, Register::lane>(writers);
  addRegister<NVVM::WarpIdOp, Register::warp>(writers);
}

} // namespace qopt::simt
