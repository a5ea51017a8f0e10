// Reads JSON: strict, small, for descriptions and configurations.
#ifndef QOPT_RUNTIME_JSONTEXT_H
#define QOPT_RUNTIME_JSONTEXT_H

#include "qopt/runtime/Growing.h"

namespace qopt::runtime {

/// A value of a text; all that is asked of a null pointer is "nothing".
struct JsonValue {
  enum Kind { null, no, yes, number, text, array, object } kind;
  const char *name;   ///< in an object, else null
  const char *string; ///< of a text, ended by a zero
  double value;       ///< of a number
  uint32_t count;     ///< of elements or members
  uint32_t end;       ///< where the values behind it begin
};

class JsonText {
public:
  JsonText() = default;
  JsonText(const JsonText &) = delete;
  JsonText &operator=(const JsonText &) = delete;
  ~JsonText() { free(characters); }

  /// False if `bytes` are not one JSON value, or memory ran out.
  bool parse(const char *text, size_t bytes);
  /// The same for a file; false, with errno, also if it cannot be read.
  bool parseFile(const char *path);

  const JsonValue *root() const { return values.begin(); }
  const JsonValue *member(const JsonValue *object, const char *name) const;
  /// Of an array or object, the first; then the one behind it. Null at the end.
  const JsonValue *first(const JsonValue *parent) const;
  const JsonValue *next(const JsonValue *parent, const JsonValue *value) const;
  const JsonValue *element(const JsonValue *array, uint32_t index) const;

  /// A member's text, number or truth, or what to say instead.
  const char *textOf(const JsonValue *object, const char *name,
                     const char *otherwise = "") const;
  double numberOf(const JsonValue *object, const char *name,
                  double otherwise) const;
  uint64_t countOf(const JsonValue *object, const char *name) const {
    return toCount(member(object, name));
  }
  bool isTrue(const JsonValue *object, const char *name) const {
    const JsonValue *value = member(object, name);
    return value && value->kind == JsonValue::yes;
  }
  /// A whole number that doubles hold exactly; the largest count for others.
  static uint64_t toCount(const JsonValue *value);

private:
  bool parseValue(const char *name, int depth);
  bool parseMembers(uint32_t self, char close, int depth);
  bool parseText(const char **out);
  bool parseNumber(double *value);
  bool word(const char *expected);
  void skip();

  char *characters = nullptr; ///< texts are decoded in place
  char *at = nullptr, *end = nullptr;
  Growing<JsonValue> values;
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_JSONTEXT_H
