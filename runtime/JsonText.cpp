// Reads JSON.
//
// The library that the command line uses cannot be linked into libraries: it is
// not position-independent where it comes from.

#include "qopt/runtime/JsonText.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

namespace qopt::runtime {

/// Values in values.
static constexpr int maxDepth = 32;

bool JsonText::parse(const char *text, size_t bytes) {
  free(characters);
  values.clear();
  characters = static_cast<char *>(malloc(bytes + 1));
  if (!characters)
    return false;
  memcpy(characters, text, bytes);
  characters[bytes] = 0;
  at = characters;
  end = at + bytes;
  bool fine = parseValue(nullptr, 0);
  skip();
  return fine && at == end && !values.failed();
}

bool JsonText::parseFile(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return false;
  Growing<char> text;
  char block[4096];
  size_t got;
  while ((got = fread(block, 1, sizeof block, file)) > 0)
    text.append(block, got);
  bool fine = !ferror(file) && !text.failed();
  fclose(file);
  errno = EINVAL; // a damaged file is invalid
  return fine && parse(text.begin(), text.size());
}

void JsonText::skip() {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
    ++at;
}

bool JsonText::word(const char *expected) {
  size_t bytes = strlen(expected);
  if (size_t(end - at) < bytes || memcmp(at, expected, bytes))
    return false;
  at += bytes;
  return true;
}

/// Four hexadecimal digits.
static bool readHex(const char *from, uint32_t *value) {
  *value = 0;
  for (int i = 0; i < 4; ++i) {
    char c = from[i];
    uint32_t digit = c >= '0' && c <= '9'   ? uint32_t(c - '0')
                     : c >= 'a' && c <= 'f' ? uint32_t(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? uint32_t(c - 'A' + 10)
                                            : 16;
    if (digit == 16)
      return false;
    *value = *value << 4 | digit;
  }
  return true;
}

/// UTF-8 of a code point.
static char *writePoint(char *to, uint32_t point) {
  if (point < 0x80) {
    *to++ = char(point);
  } else if (point < 0x800) {
    *to++ = char(0xc0 | point >> 6);
    *to++ = char(0x80 | (point & 63));
  } else if (point < 0x10000) {
    *to++ = char(0xe0 | point >> 12);
    *to++ = char(0x80 | (point >> 6 & 63));
    *to++ = char(0x80 | (point & 63));
  } else {
    *to++ = char(0xf0 | point >> 18);
    *to++ = char(0x80 | (point >> 12 & 63));
    *to++ = char(0x80 | (point >> 6 & 63));
    *to++ = char(0x80 | (point & 63));
  }
  return to;
}

/// Decodes in place: what is written is never longer than what was read.
bool JsonText::parseText(const char **out) {
  if (at == end || *at != '"')
    return false;
  char *to = ++at;
  *out = to;
  for (; at < end && *at != '"';) {
    if (static_cast<unsigned char>(*at) < 0x20)
      return false;
    if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    if (end - at < 2)
      return false;
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = at[1];
    if (c == 'u') {
      uint32_t point, low;
      if (end - at < 6 || !readHex(at + 2, &point) || !point)
        return false;
      at += 6;
      if (point >= 0xd800 && point < 0xdc00 && end - at >= 6 && at[0] == '\\' &&
          at[1] == 'u' && readHex(at + 2, &low) && low >= 0xdc00 &&
          low < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
      to = writePoint(to, point);
      continue;
    }
    size_t i = 0;
    while (escapes[i] && escapes[i] != c)
      i += 2;
    if (!escapes[i])
      return false;
    *to++ = escapes[i + 1];
    at += 2;
  }
  if (at == end)
    return false;
  *to = 0;
  ++at;
  return true;
}

bool JsonText::parseNumber(double *value) {
  if (*at != '-' && (*at < '0' || *at > '9'))
    return false;
  // The host program's locale may have another decimal point.
  locale_t plain = newlocale(LC_ALL_MASK, "C", nullptr);
  if (!plain)
    return false;
  char *behind = nullptr;
  *value = strtod_l(at, &behind, plain);
  freelocale(plain);
  // strtod knows more than JSON.
  for (const char *c = at; c < behind; ++c)
    if (!strchr("0123456789+-.eE", *c))
      return false;
  bool fine = behind > at && behind <= end;
  at = behind;
  return fine;
}

bool JsonText::parseMembers(uint32_t self, char close, int depth) {
  ++at;
  skip();
  if (at < end && *at == close) {
    ++at;
    return true;
  }
  while (true) {
    const char *name = nullptr;
    skip();
    if (close == '}') {
      if (!parseText(&name))
        return false;
      skip();
      if (!word(":"))
        return false;
    }
    if (!parseValue(name, depth + 1))
      return false;
    ++values[self].count;
    skip();
    if (at == end)
      return false;
    char c = *at++;
    if (c == close)
      return true;
    if (c != ',')
      return false;
  }
}

bool JsonText::parseValue(const char *name, int depth) {
  skip();
  if (at == end || depth > maxDepth)
    return false;
  auto self = uint32_t(values.size());
  values.push({JsonValue::null, name, "", 0, 0, 0});
  if (values.failed())
    return false;
  bool fine = true;
  JsonValue::Kind kind = JsonValue::null;
  const char *string = "";
  double value = 0;
  if (*at == '{' || *at == '[') {
    kind = *at == '{' ? JsonValue::object : JsonValue::array;
    fine = parseMembers(self, *at == '{' ? '}' : ']', depth);
  } else if (*at == '"') {
    kind = JsonValue::text;
    fine = parseText(&string);
  } else if (word("true")) {
    kind = JsonValue::yes;
  } else if (word("false")) {
    kind = JsonValue::no;
  } else if (!word("null")) {
    kind = JsonValue::number;
    fine = parseNumber(&value);
  }
  if (!fine)
    return false;
  JsonValue &own = values[self];
  own.kind = kind;
  own.string = string;
  own.value = value;
  own.end = uint32_t(values.size());
  return true;
}

const JsonValue *JsonText::first(const JsonValue *parent) const {
  return parent && parent->count ? parent + 1 : nullptr;
}

const JsonValue *JsonText::next(const JsonValue *parent,
                                const JsonValue *value) const {
  return value->end < parent->end ? values.begin() + value->end : nullptr;
}

const JsonValue *JsonText::member(const JsonValue *object,
                                  const char *name) const {
  if (!object || object->kind != JsonValue::object)
    return nullptr;
  for (const JsonValue *each = first(object); each; each = next(object, each))
    if (!strcmp(each->name, name))
      return each;
  return nullptr;
}

const JsonValue *JsonText::element(const JsonValue *array,
                                   uint32_t index) const {
  if (!array || array->kind != JsonValue::array)
    return nullptr;
  const JsonValue *each = first(array);
  for (; each && index; --index)
    each = next(array, each);
  return each;
}

const char *JsonText::textOf(const JsonValue *object, const char *name,
                             const char *otherwise) const {
  const JsonValue *value = member(object, name);
  return value && value->kind == JsonValue::text ? value->string : otherwise;
}

double JsonText::numberOf(const JsonValue *object, const char *name,
                          double otherwise) const {
  const JsonValue *value = member(object, name);
  return value && value->kind == JsonValue::number ? value->value : otherwise;
}

uint64_t JsonText::toCount(const JsonValue *value) {
  if (!value || value->kind != JsonValue::number || value->value < 0 ||
      value->value > 0x1p53 || double(uint64_t(value->value)) != value->value)
    return UINT64_MAX;
  return uint64_t(value->value);
}

} // namespace qopt::runtime
