// What a run writes about each step, and what it remembers of its losses.

#include "qopt/runtime/cli/TrainLog.h"
#include "qopt/runtime/JsonPut.h"
#include "qopt/runtime/JsonText.h"
#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::cli {

TrainLog::~TrainLog() {
  if (file >= 0)
    close(file);
}

static bool isFinite(double value) { return value - value == 0; }

/// Takes the steps up to `done` into the curve; how many bytes they are.
uint64_t TrainLog::readLines(const runtime::Growing<char> &text,
                             uint64_t done) {
  const char *at = text.begin(), *stop = text.end();
  runtime::JsonText line;
  while (at < stop) {
    auto *newline = static_cast<const char *>(
        memchr(at, '\n', static_cast<size_t>(stop - at)));
    if (!newline || !line.parse(at, static_cast<size_t>(newline - at)))
      break;
    uint64_t step = line.countOf(line.root(), "step");
    if (step > done) // or none at all
      break;
    const runtime::JsonValue *loss = line.member(line.root(), "loss");
    if (loss && loss->kind == runtime::JsonValue::number)
      points.push({step, loss->value});
    at = newline + 1;
  }
  return static_cast<uint64_t>(at - text.begin());
}

bool TrainLog::open(const char *wanted, uint64_t done) {
  path = wanted;
  if (!path)
    return true;
  runtime::Growing<char> text;
  struct stat about;
  if (done && stat(path, &about) == 0 && !readWhole(path, text))
    return false;
  uint64_t kept = text.size() ? readLines(text, done) : 0;
  file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file >= 0 && ftruncate(file, static_cast<off_t>(kept)) != 0 &&
      errno != EINVAL) { // a pipe has no length
    close(file);
    file = -1;
  }
  if (file < 0)
    error("cannot write '%s': %s", path, strerror(errno));
  return file >= 0;
}

static void putMember(FILE *out, const char *name, double value) {
  fprintf(out, ", \"%s\": ", name);
  if (isFinite(value))
    runtime::putNumber(out, value);
  else
    fputs("null", out);
}

static void putLambda(FILE *out, const StepRecord &record) {
  bool equal = true;
  for (uint64_t i = 1; i < record.sites; ++i)
    equal &= record.lambda[i] == record.lambda[0];
  fputs(", \"lambda\": ", out);
  if (!record.sites) {
    fputs("null", out);
  } else if (equal) {
    runtime::putNumber(out, static_cast<double>(record.lambda[0]));
  } else {
    for (uint64_t i = 0; i < record.sites; ++i) {
      fputs(i ? ", " : "[", out);
      runtime::putNumber(out, static_cast<double>(record.lambda[i]));
    }
    fputc(']', out);
  }
}

void TrainLog::add(const StepRecord &record) {
  if (isFinite(record.loss))
    points.push({record.step, record.loss});
  if (file < 0)
    return;
  char *line = nullptr;
  size_t bytes = 0;
  FILE *out = open_memstream(&line, &bytes);
  if (out) {
    fprintf(out, "{\"step\": %llu",
            static_cast<unsigned long long>(record.step));
    putMember(out, "loss", record.loss);
    putMember(out, "grad_norm", record.norm);
    putMember(out, "lr", record.rate);
    putLambda(out, record);
    putMember(out, "tokens_per_s", record.tokensPerSecond);
    fputs("}\n", out);
    fclose(out);
  }
  // In one call: a line is there, or it is not.
  if (!line || !writeAll(file, line, bytes)) {
    error("cannot write '%s': %s; the run goes on without a log", path,
          strerror(errno));
    close(file);
    file = -1;
  }
  free(line);
}

} // namespace qopt::cli
