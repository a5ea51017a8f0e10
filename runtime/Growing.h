// An array that grows, without the C++ library.
#ifndef QOPT_RUNTIME_GROWING_H
#define QOPT_RUNTIME_GROWING_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

namespace qopt::runtime {

/// An array of plain values. Running out of memory is remembered, and what was
/// pushed then is lost: who fills one asks `failed` at the end.
template <typename T> class Growing {
public:
  Growing() = default;
  Growing(const Growing &) = delete;
  Growing &operator=(const Growing &) = delete;
  ~Growing() { free(data); }

  void push(T value) {
    if (count == room && !reserve(count + 1))
      return;
    data[count++] = value;
  }
  void append(const T *values, size_t n) {
    if (!n || (n > room - count && !reserve(count + n)))
      return;
    memcpy(data + count, values, n * sizeof(T));
    count += n;
  }
  /// Makes it `n` long; new elements are not initialized.
  bool resize(size_t n) {
    if (n > room && !reserve(n))
      return false;
    count = n;
    return true;
  }
  void clear() { count = 0; }
  void pop() { --count; }
  T &back() { return data[count - 1]; }
  T &operator[](size_t i) { return data[i]; }
  const T &operator[](size_t i) const { return data[i]; }
  size_t size() const { return count; }
  bool failed() const { return outOfMemory; }
  T *begin() { return data; }
  T *end() { return data + count; }
  const T *begin() const { return data; }
  const T *end() const { return data + count; }
  /// Gives the memory away.
  T *release() {
    T *result = data;
    data = nullptr;
    count = room = 0;
    return result;
  }

private:
  bool reserve(size_t n) {
    size_t wanted = room < 16 ? 16 : room;
    while (wanted < n && wanted <= SIZE_MAX / 2)
      wanted *= 2;
    T *grown = nullptr;
    if (n <= wanted && wanted <= SIZE_MAX / sizeof(T))
      grown = static_cast<T *>(realloc(data, wanted * sizeof(T)));
    if (!grown) {
      outOfMemory = true;
      return false;
    }
    data = grown;
    room = wanted;
    return true;
  }

  T *data = nullptr;
  size_t count = 0, room = 0;
  bool outOfMemory = false;
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_GROWING_H
