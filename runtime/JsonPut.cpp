// Writes texts and numbers of JSON.

#include "qopt/runtime/JsonPut.h"

#include <string.h>

namespace qopt::runtime {

void putText(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; ++text)
    if (*text == '"' || *text == '\\')
      fprintf(file, "\\%c", *text);
    else if (static_cast<unsigned char>(*text) < 0x20)
      fprintf(file, "\\u%04x", *text);
    else
      fputc(*text, file);
  fputc('"', file);
}

void putNumber(FILE *file, double value) {
  char text[40];
  snprintf(text, sizeof text, "%.17g", value);
  if (char *comma = strchr(text, ','))
    *comma = '.';
  fputs(text, file);
}

} // namespace qopt::runtime
