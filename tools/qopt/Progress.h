// One line on stderr that says what is going on.

#ifndef QOPT_TOOLS_QOPT_PROGRESS_H
#define QOPT_TOOLS_QOPT_PROGRESS_H

#include <chrono>

#include "llvm/ADT/StringRef.h"

namespace qopt::driver {

enum class ProgressKind { automatic, plain, json, none };

/// Peak memory of this process in bytes.
uint64_t peakMemory();

/// Redraws its line on a terminal, else writes one at most every 10 s.
class Progress {
public:
  explicit Progress(ProgressKind kind);
  /// Stage `number` of `count` begins, or is at `detail`.
  void at(int number, int count, llvm::StringRef stage,
          llvm::StringRef detail = "");
  /// Wipes the line, so that something else can be written.
  void clear();
  double seconds() const;

private:
  ProgressKind kind;
  bool terminal, drawn = false;
  std::chrono::steady_clock::time_point start, last;
};

/// "318 MB"
std::string bytesText(uint64_t bytes);
/// "00:41"
std::string timeText(double seconds);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_PROGRESS_H
