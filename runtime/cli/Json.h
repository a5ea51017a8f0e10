// JSON in and out, by Jansson (a C library, linked in).
#ifndef QOPT_RUNTIME_CLI_JSON_H
#define QOPT_RUNTIME_CLI_JSON_H

#include "qopt/runtime/qopt.h"

#include <jansson.h>

namespace qopt::cli {

/// An owned value; null when memory ran out or the text was none.
class Json {
public:
  explicit Json(json_t *value) : value(value) {}
  Json(const Json &) = delete;
  Json &operator=(const Json &) = delete;
  ~Json() { json_decref(value); }

  explicit operator bool() const { return value; }
  json_t *get() const { return value; }

  /// Adds a member at the end.
  void set(const char *key, const char *text);
  void set(const char *key, uint64_t number);
  /// What is no finite number becomes null: JSON has none.
  void set(const char *key, double number);

  /// Prints it as one line, doubles with all digits; false when stdout takes
  /// no more.
  bool print() const;

private:
  json_t *value;
};

/// What the compiler stored for `info`; says so when it is damaged.
json_t *readInfo(const qopt_model *model);

/// A member that is a text or a whole number, or what to say instead.
const char *textOf(const json_t *object, const char *key,
                   const char *otherwise = "");
uint64_t countOf(const json_t *object, const char *key, uint64_t otherwise = 0);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_JSON_H
