// Arrays in numpy's .npy files: a header that is a Python dictionary, then the
// elements.

#include "qopt/runtime/cli/Npy.h"
#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Session.h"

#include <stdio.h>

namespace qopt::cli {

constexpr char magic[] = "\x93NUMPY";
constexpr size_t magicBytes = 6;
/// Longest header that is read; numpy's own are below 1 KB.
constexpr size_t mostHeaderBytes = 1 << 20;

namespace {
struct Kind {
  const char *descr; ///< behind the byte order
  const char *name;  ///< numpy's
  uint8_t code, bits;
};
} // namespace

constexpr Kind kinds[] = {{"f4", "float32", 2, 32}, {"f2", "float16", 2, 16},
                          {"f8", "float64", 2, 64}, {"i1", "int8", 0, 8},
                          {"i2", "int16", 0, 16},   {"i4", "int32", 0, 32},
                          {"i8", "int64", 0, 64},   {"u1", "uint8", 1, 8},
                          {"b1", "bool", 6, 8},     {"V2", "bfloat16", 4, 16}};

static const Kind *kindOf(qopt_dtype type) {
  for (const Kind &kind : kinds)
    if (kind.code == type.code && kind.bits == type.bits)
      return &kind;
  return nullptr;
}

const char *numpyName(qopt_dtype type) {
  const Kind *kind = kindOf(type);
  return kind ? kind->name : "an unknown type";
}

bool isNpy(const char *bytes, size_t size) {
  return size >= magicBytes && !memcmp(bytes, magic, magicBytes);
}

//===--- lists ------------------------------------------------------------===//

Arrays::~Arrays() {
  for (Array &array : *this)
    free(array.data);
}

bool Arrays::open(uint32_t count) {
  if (!resize(count))
    return false;
  for (Array &array : *this)
    array = {};
  return true;
}

bool Arrays::tensors(runtime::Growing<qopt_tensor> &tensors) {
  for (Array &array : *this)
    tensors.push({array.data, /*device_type=*/1, /*device_id=*/0, array.rank,
                  array.type, array.shape, array.strides, /*byte_offset=*/0});
  return !tensors.failed();
}

//===--- the header -------------------------------------------------------===//

namespace {
/// Reads the header's dictionary: {'descr': '<f4', 'fortran_order': False,
/// 'shape': (2, 3), }.
class Header {
public:
  Header(const char *text, size_t size) : at(text), end(text + size) {}

  /// False: `reason` says what is wrong.
  bool read(Array &array);

  char reason[160] = "its header is damaged";

private:
  void skip() {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\t'))
      ++at;
  }
  bool take(char c) {
    skip();
    if (at == end || *at != c)
      return false;
    ++at;
    return true;
  }
  bool takeWord(const char *word) {
    size_t size = strlen(word);
    if (static_cast<size_t>(end - at) < size || memcmp(at, word, size))
      return false;
    at += size;
    return true;
  }
  bool string(char (&out)[32]);
  bool order();
  bool shape(Array &array);
  bool type(const char *descr, qopt_dtype &type);

  const char *at, *end;
  bool fortran = false;
};
} // namespace

bool Header::string(char (&out)[32]) {
  skip();
  if (at == end || (*at != '\'' && *at != '"'))
    return false;
  char quote = *at++;
  size_t size = 0;
  // Messages may quote it, so no byte may surprise a terminal.
  for (; at != end && *at != quote && size + 1 < sizeof out; ++at)
    out[size++] = *at >= ' ' && *at <= '~' ? *at : '?';
  out[size] = 0;
  return take(quote);
}

bool Header::order() {
  skip();
  fortran = takeWord("True");
  return fortran || takeWord("False");
}

bool Header::shape(Array &array) {
  if (!take('('))
    return false;
  while (!take(')')) {
    skip();
    const char *begin = at;
    while (at != end && *at >= '0' && *at <= '9')
      ++at;
    uint64_t size = 0;
    if (!readCount(begin, static_cast<size_t>(at - begin), &size) ||
        size > INT64_MAX || array.rank == mostRank)
      return false;
    takeWord("L"); // Python 2's long
    array.shape[array.rank++] = static_cast<int64_t>(size);
    if (!take(',') && (skip(), at == end || *at != ')'))
      return false;
  }
  return true;
}

bool Header::type(const char *descr, qopt_dtype &type) {
  if (descr[0] == '>') {
    snprintf(reason, sizeof reason,
             "its numbers are big-endian ('%s'); save a.astype('<%s')", descr,
             descr + 1);
    return false;
  }
  for (const Kind &kind : kinds)
    if ((descr[0] == '<' || descr[0] == '|' || descr[0] == '=') &&
        !strcmp(descr + 1, kind.descr)) {
      type = {kind.code, kind.bits, 1};
      return true;
    }
  snprintf(reason, sizeof reason,
           "its type is '%s', expects f16, f32, f64, bf16, i8 to i64, u8 or "
           "bool",
           descr);
  return false;
}

bool Header::read(Array &array) {
  char key[32], descr[32] = "";
  bool hasDescr = false, hasOrder = false, hasShape = false;
  if (!take('{'))
    return false;
  while (!take('}')) {
    if (!string(key) || !take(':'))
      return false;
    if (!strcmp(key, "descr") && !hasDescr) {
      skip();
      if (at != end && *at == '[') {
        snprintf(reason, sizeof reason,
                 "its elements are records, expects plain numbers");
        return false;
      }
      if (!string(descr))
        return false;
      hasDescr = true;
    } else if (!strcmp(key, "fortran_order") && !hasOrder) {
      if (!order())
        return false;
      hasOrder = true;
    } else if (!strcmp(key, "shape") && !hasShape) {
      if (!shape(array))
        return false;
      hasShape = true;
    } else {
      return false;
    }
    if (!take(',') && (skip(), at == end || *at != '}'))
      return false;
  }
  if (!hasDescr || !hasOrder || !hasShape || !type(descr, array.type))
    return false;
  if (!countOf(array.shape, array.rank, &array.count)) {
    snprintf(reason, sizeof reason, "its shape is too large");
    return false;
  }

  // Strides cannot overflow: they are products of sizes that countOf checked,
  // a size of zero counted as one.
  int64_t stride = 1;
  for (int32_t i = 0; i < array.rank; ++i) {
    int32_t axis = fortran ? i : array.rank - 1 - i;
    array.strides[axis] = stride;
    stride *= array.shape[axis] ? array.shape[axis] : 1;
  }
  return true;
}

//===--- files ------------------------------------------------------------===//

static bool refuse(const char *path, const char *reason) {
  error("cannot read '%s': %s", path, reason);
  return false;
}

/// Reads the length of the header, and the header.
static bool readHeader(File &file, const char *path, Array &array) {
  uint8_t start[12];
  if (file.read(start, 10) != 10 ||
      !isNpy(reinterpret_cast<char *>(start), magicBytes))
    return refuse(path, "it is no .npy file");
  uint8_t version = start[6];
  if (version < 1 || version > 3)
    return refuse(path, "its format version is none of 1, 2, 3");
  size_t size = start[8] | static_cast<size_t>(start[9]) << 8;
  if (version > 1) {
    if (file.read(start + 10, 2) != 2)
      return refuse(path, "it is cut short in its header");
    size |= static_cast<size_t>(start[10]) << 16 |
            static_cast<size_t>(start[11]) << 24;
  }
  if (size > mostHeaderBytes)
    return refuse(path, "its header is damaged");
  runtime::Growing<char> text;
  if (!text.resize(size) || file.read(text.begin(), size) != size)
    return refuse(path, "it is cut short in its header");
  Header header(text.begin(), size);
  return header.read(array) || refuse(path, header.reason);
}

bool readNpy(const char *path, Array &array) {
  File file;
  if (!file.open(path))
    return false;
  if (!readHeader(file, path, array))
    return false;

  uint64_t wanted = 0;
  if (__builtin_mul_overflow(array.count, bytesOf(array.type), &wanted))
    return refuse(path, "its shape is too large");
  // Memory is only asked for what the file really holds.
  uint64_t left = file.bytesLeft();
  if (left < wanted) {
    error("cannot read '%s': its shape asks for %llu bytes of data, but it "
          "holds %llu",
          path, static_cast<unsigned long long>(wanted),
          static_cast<unsigned long long>(left));
    return false;
  }
  array.data = allocate(array.type, array.count);
  if (!array.data) {
    failMemory("reading an array");
    return false;
  }
  if (file.read(array.data, wanted) != wanted)
    return !file.failed() && refuse(path, "it is cut short");
  // Kernels count on 0 and 1; numpy takes any byte.
  if (array.type.code == 6) {
    auto *bytes = static_cast<uint8_t *>(array.data);
    for (uint64_t i = 0; i < array.count; ++i)
      bytes[i] = bytes[i] != 0;
  }
  return true;
}

bool writeNpy(int file, qopt_dtype type, const int64_t *shape, int32_t rank,
              const void *data) {
  const Kind *kind = kindOf(type);
  uint64_t count = 0;
  char text[64 + 24 * mostRank];
  if (!kind || rank < 0 || rank > mostRank || !countOf(shape, rank, &count))
    return false;
  bool oneByte = kind->bits == 8 || kind->descr[0] == 'V';
  int size = snprintf(text, sizeof text,
                      "%s%c%c%c%c{'descr': '%c%s', 'fortran_order': False, "
                      "'shape': (",
                      magic, 1, 0, 0, 0, oneByte ? '|' : '<', kind->descr);
  for (int32_t i = 0; i < rank; ++i)
    size += snprintf(text + size, sizeof text - static_cast<size_t>(size),
                     i + 1 < rank ? "%lld, " : "%lld%s",
                     static_cast<long long>(shape[i]), rank == 1 ? "," : "");
  size +=
      snprintf(text + size, sizeof text - static_cast<size_t>(size), "), }");
  // Elements begin at a multiple of 64, behind spaces and a line's end.
  while (size % 64 != 63)
    text[size++] = ' ';
  text[size++] = '\n';
  text[8] = static_cast<char>((size - 10) & 255);
  text[9] = static_cast<char>((size - 10) >> 8);
  return writeAll(file, text, static_cast<size_t>(size)) &&
         writeAll(file, data, count * (kind->bits / 8));
}

} // namespace qopt::cli
