// How a lane reaches memory, and what is said if it may not.

#include <cstring>

#include "qopt/codegen/simt/Simulator.h"
#include "qopt/codegen/simt/Warp.h"

namespace qopt::simt {

static const char *verbOf(Access access) {
  switch (access) {
  case Access::read:
    return "reads";
  case Access::write:
    return "writes";
  case Access::atomic:
    return "updates";
  case Access::copy:
    return "copies to";
  }
  return "";
}

std::string Warp::placeOf(uint64_t address) const {
  auto sum = [](llvm::StringRef name, uint64_t offset) {
    return (name + "+" + llvm::Twine(offset)).str();
  };
  uint64_t offset = offsetOf(address);
  switch (spaceOf(address)) {
  case Space::shared: {
    if (!block || block->names.size() < 2)
      return sum("shared", offset - (block && !block->names.empty()
                                         ? block->names.front().offset
                                         : 0));
    const SharedVariable *variable = &block->names.front();
    for (const SharedVariable &other : block->names)
      if (other.offset <= offset)
        variable = &other;
    return sum(variable->name, offset - variable->offset);
  }
  case Space::local:
    return sum("local", offset);
  case Space::function:
    return "the code of a function";
  case Space::global:
    break;
  }
  Allocation *nearest = simulator.memory().nearest(address);
  if (!nearest || address + (1 << 20) < nearest->address ||
      address > nearest->address + nearest->bytes + (1 << 20))
    return "address " + std::to_string(address);
  return address >= nearest->address
             ? sum(nearest->name, address - nearest->address)
             : (nearest->name + llvm::Twine("-") +
                llvm::Twine(nearest->address - address))
                   .str();
}

void Warp::outOfBounds(unsigned lane, Access access, unsigned bytes,
                       uint64_t address) {
  std::string text = ("out of bounds: thread " + llvm::Twine(threadOf(lane)) +
                      " " + verbOf(access) + " " + llvm::Twine(bytes) +
                      " bytes at " + placeOf(address))
                         .str();
  if (spaceOf(address) == Space::global)
    if (Allocation *nearest = simulator.memory().nearest(address))
      text += ", near '" + nearest->name + "' of " +
              std::to_string(nearest->bytes) + " bytes";
  if (spaceOf(address) == Space::shared && block)
    for (const SharedVariable &variable : block->names)
      text += ", '" + variable.name + "' has " +
              std::to_string(variable.bytes) + " bytes";
  fault(text);
}

void Warp::reportAccess(unsigned lane, const char *verb, unsigned bytes,
                        uint64_t address, const Finding &found) {
  auto numbered = [](llvm::StringRef what, uint64_t number) {
    return (what + llvm::Twine(number)).str();
  };
  std::string text = numbered("thread ", threadOf(lane)) + " " + verb +
                     numbered(" ", bytes) + " bytes at " + placeOf(address);
  const Mark &before = found.before;
  std::string line =
      before.pc < code.origins.size()
          ? numbered(" (line ", lineOf(code.origins[before.pc])) + ")"
          : "";
  if (found.kind == Finding::uninitialized)
    return fault("uninitialized: " + text +
                 numbered(", but byte ", found.byte) + " was never written");
  if (found.kind == Finding::copying)
    return fault("missing wait: " + text + ", which a cp.async of " +
                 numbered("thread ", before.thread) + line +
                 " writes: expects cp.async.wait.group before");
  text += " that " + numbered("thread ", before.thread);
  bool otherBlock = before.block != now.block;
  if (otherBlock)
    text += numbered(" of block ", before.block);
  if (before.others != Mark::none)
    text += " and others";
  text += (found.written ? " wrote" : " read") + line;
  bool ofLaunch = otherBlock || before.others == Mark::ofLaunch;
  fault("race: " + text +
        (ofLaunch ? " in this launch" : " since the last barrier"));
}

char *Warp::access(unsigned lane, uint64_t address, unsigned bytes,
                   unsigned alignment, Access access, const char *value) {
  if (hasFailed())
    return nullptr;
  if (address % alignment) {
    fault("misaligned: thread " + llvm::Twine(threadOf(lane)) + " " +
          verbOf(access) + " " + llvm::Twine(bytes) + " bytes at " +
          placeOf(address) + ", which is no multiple of " +
          llvm::Twine(alignment));
    return nullptr;
  }
  now.pc = pc - 1;
  switch (spaceOf(address)) {
  case Space::global:
    return accessGlobal(lane, address, bytes, access, value);
  case Space::shared:
    return accessShared(lane, address, bytes, access, value);
  case Space::local:
    return accessLocal(lane, address, bytes, access);
  default:
    outOfBounds(lane, access, bytes, address);
    return nullptr;
  }
}

char *Warp::accessGlobal(unsigned lane, uint64_t address, unsigned bytes,
                         Access access, const char *value) {
  Allocation *found = simulator.memory().find(address);
  if (!found || bytes > found->address + found->bytes - address) {
    outOfBounds(lane, access, bytes, address);
    return nullptr;
  }
  uint64_t offset = address - found->address;
  char *data = found->data + offset;
  if (!block)
    return data;
  if (found->isConstant) {
    if (access == Access::read)
      return data;
    fault("out of bounds: thread " + llvm::Twine(threadOf(lane)) + " " +
          verbOf(access) + " " + llvm::Twine(bytes) + " bytes at " +
          placeOf(address) + ", which is constant");
    return nullptr;
  }
  bool isSame = value && std::memcmp(data, value, bytes) == 0;
  Finding finding =
      found->shadow->access(offset, bytes, access, now, threadOf(lane), isSame);
  if (!finding.kind)
    return data;
  reportAccess(lane, verbOf(access), bytes, address, finding);
  return nullptr;
}

char *Warp::accessShared(unsigned lane, uint64_t address, unsigned bytes,
                         Access access, const char *value) {
  uint64_t offset = offsetOf(address);
  bool isInside =
      block && llvm::any_of(block->names, [&](const SharedVariable &variable) {
        return offset >= variable.offset &&
               offset + bytes <= variable.offset + variable.bytes;
      });
  if (!isInside) {
    outOfBounds(lane, access, bytes, address);
    return nullptr;
  }
  char *data = block->shared.data() + offset;
  bool isSame = value && std::memcmp(data, value, bytes) == 0;
  Finding finding =
      block->shadow->access(offset, bytes, access, now, threadOf(lane), isSame);
  if (!finding.kind)
    return data;
  reportAccess(lane, verbOf(access), bytes, address, finding);
  return nullptr;
}

char *Warp::accessLocal(unsigned lane, uint64_t address, unsigned bytes,
                        Access access) {
  uint64_t offset = offsetOf(address);
  if (offset + bytes > code.localBytes) {
    outOfBounds(lane, access, bytes, address);
    return nullptr;
  }
  offset += lane * code.localBytes;
  if (access != Access::read)
    std::memset(&localWritten[offset], 1, bytes);
  else if (block)
    for (unsigned byte = 0; byte < bytes; ++byte)
      if (!localWritten[offset + byte]) {
        reportAccess(lane, "reads", bytes, address,
                     {Finding::uninitialized, int(byte), false, {}});
        return nullptr;
      }
  return &local[offset];
}

void Warp::land(unsigned lane, unsigned kept) {
  auto &pending = copies[lane].groups;
  size_t count = pending.size() > kept ? pending.size() - kept : 0;
  for (size_t group = 0; group < count; ++group)
    for (const Copy &copy : pending[group]) {
      uint64_t offset = offsetOf(copy.address);
      std::memcpy(block->shared.data() + offset, copy.bytes.data(), copy.size);
      block->shadow->land(offset, copy.size, now, threadOf(lane));
    }
  pending.erase(pending.begin(), pending.begin() + count);
}

} // namespace qopt::simt
