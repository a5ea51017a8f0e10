// JSON in and out, by Jansson.

#include "qopt/runtime/cli/Json.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

void Json::set(const char *key, const char *text) {
  json_object_set_new(value, key, json_string(text));
}

void Json::set(const char *key, uint64_t number) {
  json_object_set_new(value, key,
                      json_integer(static_cast<json_int_t>(number)));
}

void Json::set(const char *key, double number) {
  // json_real refuses NaN and infinities.
  json_t *real = json_real(number);
  json_object_set_new(value, key, real ? real : json_null());
}

bool Json::print() const {
  if (json_dumpf(value, stdout, JSON_REAL_PRECISION(17)) != 0 &&
      !ferror(stdout)) {
    failMemory("writing JSON");
    return false;
  }
  putchar('\n');
  return flushOutput();
}

json_t *readInfo(const qopt_model *model) {
  // Otherwise Jansson asks the clock and the process for a seed of its tables.
  json_object_seed(1);
  json_error_t what;
  json_t *info = json_loads(qopt_model_info(model), 0, &what);
  if (json_is_object(info))
    return info;
  json_decref(info);
  error("the description in this file is damaged: %s",
        info ? "it is no object" : what.text);
  return nullptr;
}

const char *textOf(const json_t *object, const char *key,
                   const char *otherwise) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : otherwise;
}

uint64_t countOf(const json_t *object, const char *key, uint64_t otherwise) {
  const json_t *value = json_object_get(object, key);
  json_int_t number = json_integer_value(value);
  return json_is_integer(value) && number >= 0 ? static_cast<uint64_t>(number)
                                               : otherwise;
}

} // namespace qopt::cli
