// Groups of lanes: how they part, wait and meet.

#include "qopt/codegen/simt/Warp.h"

#include <cstring>

#include "mlir/IR/Diagnostics.h"
#include "qopt/codegen/simt/Simulator.h"

namespace qopt::simt {

Warp::Warp(Simulator &simulator, const Code &code, ThreadBlock *block,
           unsigned index, unsigned count)
    : simulator(simulator), code(code), block(block), index(index),
      lanes(count >= warpSize ? allLanes : (1u << count) - 1),
      copies(block ? warpSize : 0),
      storage(new char[size_t(code.registers) * warpSize * 8 + 64]),
      local(code.localBytes * (block ? warpSize : 1)),
      localWritten(local.size()) {
  auto address = reinterpret_cast<uintptr_t>(storage.get());
  registers = storage.get() + (-address & 63);
  for (const Code::Constant &constant : code.constants)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      if (constant.wide)
        at<uint64_t>(constant.to)[lane] = constant.bits;
      else
        at<uint32_t>(constant.to)[lane] = constant.bits;
}

void Warp::start(llvm::ArrayRef<uint64_t> words) {
  for (auto [reg, word] : llvm::zip(code.parameters, words))
    std::fill_n(at<uint64_t>(reg), warpSize, word);
  std::fill(localWritten.begin(), localWritten.end(), 0);
  for (Copies &copy : copies)
    copy = {};
  groups.assign(1, {0, lanes, 0, Wait::no});
  returned = 0;
  steps = 0;
  stop = Stop::no;
  if (block)
    now = {block->launch, block->index, block->time, block->barrier, 0};
}

Warp::State Warp::run() {
  while (pick()) {
    stop = Stop::no;
    begin = pc;
    while (stop == Stop::no) {
      const Instr &instr = code.instrs[pc++];
      instr.step(*this, instr);
    }
    if (stop == Stop::fault)
      return State::failed;
  }
  if (stop == Stop::fault)
    return State::failed;
  return groups.empty() ? State::done : State::atBarrier;
}

/// Takes the group that is furthest behind. False if none can go on: all have
/// returned, or wait at one barrier; or it is a fault.
bool Warp::pick() {
  Group *first = nullptr;
  for (Group &group : groups)
    if (group.wait == Wait::no && (!first || group.pc < first->pc))
      first = &group;
  if (first) {
    pc = first->pc;
    active = first->lanes;
    groups.erase(first);
    return true;
  }
  bool isDone = groups.empty();
  bool isAtBarrier = groups.size() == 1 &&
                     groups.front().wait == Wait::barrier &&
                     groups.front().lanes == lanes;
  if (!isDone && !isAtBarrier)
    reportDivergence();
  return false;
}

/// Adds a group, to one that is at the same place if there is any.
void Warp::push(Group group) {
  for (Group &other : groups)
    if (other.pc == group.pc && other.wait == group.wait) {
      other.lanes |= group.lanes;
      return;
    }
  groups.push_back(group);
}

/// Counts what was executed since the last jump.
void Warp::count() {
  uint64_t done = pc - begin;
  steps += done;
  laneSteps += done * __builtin_popcount(active);
  if (steps > simulator.options().maxSteps)
    fault("expects a warp to end within " +
          llvm::Twine(simulator.options().maxSteps) +
          " instructions, got a loop that goes on");
}

void Warp::jump(uint32_t target) {
  count();
  if (hasFailed())
    return;
  pc = begin = target;
  if (groups.empty())
    return;
  push({target, active, 0, Wait::no});
  stop = Stop::change;
}

void Warp::split(uint32_t taken, uint32_t target, uint32_t otherwise) {
  if (taken == active)
    return jump(target);
  if (taken == 0)
    return jump(otherwise);
  count();
  if (hasFailed())
    return;
  push({target, taken, 0, Wait::no});
  push({otherwise, active & ~taken, 0, Wait::no});
  stop = Stop::change;
}

void Warp::leave() {
  count();
  returned |= active;
  if (!hasFailed())
    stop = Stop::change;
}

bool Warp::gather(uint32_t mask) {
  for (Group &group : groups)
    if (group.wait == Wait::collective && group.pc == pc - 1) {
      active |= group.lanes;
      groups.erase(&group);
      break;
    }
  if (active == mask)
    return true;
  if (active & ~mask) {
    fault("divergence: " + threadsOf(active & ~mask) +
          " are not in the mask of the collective that they execute");
    return false;
  }
  count();
  --pc;
  push({pc, active, mask, Wait::collective});
  if (!hasFailed())
    stop = Stop::change;
  return false;
}

void Warp::waitAtBarrier() {
  count();
  push({pc - 1, active, lanes, Wait::barrier});
  if (!hasFailed())
    stop = Stop::change;
}

void Warp::release() {
  groups.front().wait = Wait::no;
  ++groups.front().pc;
  now.time = block->time;
  now.barrier = block->barrier;
}

void Warp::synchronize() {
  if (block)
    now.time = ++block->time;
}

std::string Warp::threadsOf(uint32_t mask) const {
  std::string text = __builtin_popcount(mask) == 1 ? "thread " : "threads ";
  const char *separator = "";
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1))
      continue;
    unsigned last = lane;
    while (last + 1 < warpSize && mask >> (last + 1) & 1)
      ++last;
    text += separator + std::to_string(threadOf(lane));
    if (last > lane)
      text += "-" + std::to_string(threadOf(last));
    separator = ", ";
    lane = last;
  }
  return text;
}

void Warp::reportDivergence() {
  const Group &group = groups.front();
  uint32_t missing = group.needed & ~group.lanes;
  pc = group.pc + 1; // the place of the report
  std::string name = code.origins[group.pc]->getName().getStringRef().str();
  std::string text =
      "divergence: " + threadsOf(group.lanes) + " wait at '" + name + "' for ";
  if (uint32_t gone = missing & (returned | ~lanes))
    return fault(text + threadsOf(gone) + ", which have returned");
  for (const Group &other : groups)
    if (uint32_t elsewhere = missing & other.lanes)
      return fault(text + threadsOf(elsewhere) + ", which wait at line " +
                   llvm::Twine(lineOf(code.origins[other.pc])));
  fault(text + threadsOf(missing) + ", which do not come");
}

void Warp::reportApart(const Warp &other) {
  pc = barrier() + 1; // the place of the report
  std::string text = "divergence: " + threadsOf(lanes) + " wait at '" +
                     code.origins[barrier()]->getName().getStringRef().str() +
                     "' for " + other.threadsOf(other.lanes);
  if (other.groups.empty())
    return fault(text + ", which have returned");
  fault(text + ", which wait at line " +
        llvm::Twine(lineOf(code.origins[other.barrier()])));
}

void Warp::fault(const llvm::Twine &text) {
  if (hasFailed())
    return; // the first one tells most
  stop = Stop::fault;
  mlir::Operation *op = code.origins[pc - 1];
  if (!block) {
    mlir::emitError(op->getLoc()) << "function '" << code.name << "', line "
                                  << lineOf(op) << ": " << text;
    return;
  }
  mlir::emitError(op->getLoc())
      << "kernel '" << code.name << "', line " << lineOf(op) << ", block "
      << block->index << ": " << text;
}

} // namespace qopt::simt
