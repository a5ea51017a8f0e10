// xxh64 (https://github.com/Cyan4973/xxHash, its specification), seed 0.
#ifndef QOPT_RUNTIME_HASH_H
#define QOPT_RUNTIME_HASH_H

#include <stdint.h>

namespace qopt::runtime {

uint64_t xxh64(const uint8_t *data, uint64_t bytes);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_HASH_H
