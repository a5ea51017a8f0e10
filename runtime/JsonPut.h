// Writes texts and numbers of JSON.
#ifndef QOPT_RUNTIME_JSONPUT_H
#define QOPT_RUNTIME_JSONPUT_H

#include <stdio.h>

namespace qopt::runtime {

/// A text between quotes.
void putText(FILE *file, const char *text);

/// A number with all of its digits, whatever the locale.
void putNumber(FILE *file, double value);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_JSONPUT_H
