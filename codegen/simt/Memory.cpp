// The memory of the simulated device.

#include "qopt/codegen/simt/Memory.h"

#include <cstring>

#include "llvm/ADT/STLExtras.h"

namespace qopt::simt {

Allocation &Memory::allocate(llvm::StringRef name, uint64_t bytes,
                             Contents contents) {
  auto made = std::make_unique<Allocation>();
  made->name = name.str();
  made->address = uint64_t(pages.size()) << pageBits;
  made->bytes = bytes;
  made->isConstant = contents == Contents::constant;
  // Fresh memory holds an odd number in every type.
  made->storage = std::make_unique<char[]>(bytes + 64);
  std::memset(made->storage.get(), contents == Contents::fresh ? 0x7f : 0,
              bytes + 64);
  auto start = reinterpret_cast<uintptr_t>(made->storage.get());
  made->data = made->storage.get() + (-start & 63);
  if (!made->isConstant)
    made->shadow =
        std::make_unique<Shadow>(bytes, contents == Contents::written);
  // The page behind it stays empty.
  pages.resize(pages.size() + (bytes >> pageBits) + 1, made.get());
  pages.push_back(nullptr);
  allocations.push_back(std::move(made));
  return *allocations.back();
}

Allocation *Memory::nearest(uint64_t address) {
  auto distance = [&](const Allocation &a) {
    return address < a.address             ? a.address - address
           : address > a.address + a.bytes ? address - a.address - a.bytes
                                           : 0;
  };
  Allocation *best = nullptr;
  for (auto &allocation : allocations)
    if (!best || distance(*allocation) < distance(*best))
      best = allocation.get();
  return best;
}

void Memory::free(Allocation &allocation) {
  for (Allocation *&page : pages)
    if (page == &allocation)
      page = nullptr;
  llvm::erase_if(allocations,
                 [&](auto &other) { return other.get() == &allocation; });
}

char *Memory::at(uint64_t address, uint64_t bytes) {
  Allocation *found = find(address);
  if (!found || bytes > found->address + found->bytes - address)
    return nullptr;
  return found->data + (address - found->address);
}

std::string Memory::textAt(uint64_t address) {
  Allocation *found = find(address);
  if (!found)
    return {};
  const char *text = found->data + (address - found->address);
  return {text, strnlen(text, found->address + found->bytes - address)};
}

} // namespace qopt::simt
