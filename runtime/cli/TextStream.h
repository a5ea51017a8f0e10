// Text on its way to stdout, token by token.
#ifndef QOPT_RUNTIME_CLI_TEXTSTREAM_H
#define QOPT_RUNTIME_CLI_TEXTSTREAM_H

#include "qopt/runtime/Growing.h"

namespace qopt::cli {

/// Prints what tokens add up to. Bytes wait while they may be the beginning of
/// a stop string, or are not a whole character yet, so nothing is printed that
/// would have to be taken back. What is no UTF-8 is printed as U+FFFD.
class TextStream {
public:
  explicit TextStream(const runtime::Growing<const char *> &stops)
      : stops(stops) {}

  /// Adds the bytes of a token. True: they complete a stop string; the text
  /// before it has been printed, and the stream has ended.
  bool add(const char *bytes, size_t size);
  /// Prints what waits, and a newline unless the text ends in one.
  void finish();

private:
  void print(size_t size, bool all);
  size_t mayBeStop() const;

  const runtime::Growing<const char *> &stops;
  runtime::Growing<char> waiting;
  char last = 0; ///< byte that was printed
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_TEXTSTREAM_H
