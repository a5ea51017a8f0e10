// Draws progress.

#include "qopt/tools/qopt/Progress.h"

#include <sys/resource.h>
#include <unistd.h>

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace qopt::driver {

uint64_t peakMemory() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return uint64_t(usage.ru_maxrss) << 10;
}

std::string bytesText(uint64_t bytes) {
  static constexpr const char *units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = bytes;
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit)
    value /= 1000;
  std::string text;
  raw_string_ostream(text) << format(unit == 0 || value >= 10 ? "%.0f" : "%.1f",
                                     value)
                           << " " << units[unit];
  return text;
}

std::string timeText(double seconds) {
  std::string text;
  int whole = int(seconds);
  raw_string_ostream(text) << format("%02d:%02d", whole / 60, whole % 60);
  return text;
}

Progress::Progress(ProgressKind kind)
    : kind(kind), start(std::chrono::steady_clock::now()),
      last(start - std::chrono::hours(1)) {
  terminal = kind == ProgressKind::automatic && isatty(STDERR_FILENO);
}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

void Progress::clear() {
  if (drawn)
    errs() << "\r\x1b[K";
  drawn = false;
}

void Progress::at(int number, int count, StringRef stage, StringRef detail) {
  auto now = std::chrono::steady_clock::now();
  if (kind == ProgressKind::none)
    return;
  if (kind == ProgressKind::json) {
    json::OStream out(errs());
    out.object([&] {
      out.attribute("stage", stage);
      out.attribute("number", number);
      out.attribute("count", count);
      out.attribute("detail", detail);
      out.attribute("seconds", seconds());
      out.attribute("peak_rss_bytes", int64_t(peakMemory()));
    });
    errs() << "\n";
    return;
  }
  if (!terminal && now - last < std::chrono::seconds(10))
    return;
  last = now;
  clear();
  errs() << "[" << number << "/" << count << " " << stage << "]";
  if (!detail.empty())
    errs() << " " << detail;
  errs() << "  " << timeText(seconds()) << "  RSS " << bytesText(peakMemory());
  if (!terminal)
    errs() << "\n";
  drawn = terminal;
}

} // namespace qopt::driver
