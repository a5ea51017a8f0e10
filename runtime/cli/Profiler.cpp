// Which kernels the time of a step goes to.

#include "qopt/runtime/cli/Profiler.h"
#include "qopt/runtime/Context.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>
#include <stdlib.h>

namespace qopt::cli {

using Row = runtime::Profile::Row;

void Profiler::attach(runtime::Profile *to) {
  session.context->pool->profile = to;
  if (session.context->device)
    session.context->device->profile = to;
}

bool Profiler::open() {
  if (!parts || !profile.open(*session.model->variant)) {
    failMemory("preparing the profile");
    return false;
  }
  return true;
}

json_t *Profiler::describe(const Row &row) const {
  Json out(json_object());
  if (row.kernel) {
    out.set("kernel", row.kernel->kernel);
    out.set("family", row.kernel->family);
  }
  auto bytes = static_cast<double>(row.read + row.written);
  double rate =
      row.seconds > 0 && bytes > 0 ? bytes / row.seconds : __builtin_nan("");
  out.set("launches", row.launches);
  out.set("seconds", row.seconds);
  out.set("read_bytes", row.read);
  out.set("written_bytes", row.written);
  out.set("bytes_per_s", rate);
  out.set("bandwidth_share", rate / bandwidth);
  return json_incref(out.get());
}

static int bySeconds(const void *a, const void *b) {
  double left = static_cast<const Row *>(a)->seconds,
         right = static_cast<const Row *>(b)->seconds;
  return left > right ? -1 : left < right;
}

void Profiler::end(const char *part, uint64_t steps) {
  runtime::Growing<Row> rows;
  Row sum = {nullptr, 0, 0, 0, 0};
  for (const Row &row : profile.rows()) {
    if (!row.launches)
      continue;
    rows.push(row);
    sum.launches += row.launches;
    sum.seconds += row.seconds;
    sum.read += row.read;
    sum.written += row.written;
  }
  if (rows.size()) // qsort takes no null
    qsort(rows.begin(), rows.size(), sizeof(Row), bySeconds);
  Json out(json_object()), kernels(json_array());
  out.set("part", part);
  out.set("steps", steps);
  for (const Row &row : rows)
    json_array_append_new(kernels.get(), describe(row));
  json_object_set(out.get(), "kernels", kernels.get());
  json_object_set_new(out.get(), "sum", describe(sum));
  json_array_append(parts.get(), out.get());
  profile.clear();
}

//===--- as text ----------------------------------------------------------===//

static double numberOf(const json_t *row, const char *key) {
  return json_number_value(json_object_get(row, key));
}

/// "12.3", or "-" for what has no number.
static void printNumber(const json_t *row, const char *key, int width,
                        double scale) {
  if (json_is_number(json_object_get(row, key)))
    printf(" %*.*f", width, 1, numberOf(row, key) * scale);
  else
    printf(" %*s", width, "-");
}

static void printRow(const json_t *row, const char *name, double steps) {
  printf("  %-28.28s %-16.16s %8.4g", name, textOf(row, "family"),
         numberOf(row, "launches") / steps);
  printNumber(row, "seconds", 11, 1e6 / steps);
  printf(" %10.2f",
         1e-6 / steps *
             (numberOf(row, "read_bytes") + numberOf(row, "written_bytes")));
  printNumber(row, "bytes_per_s", 8, 1e-9);
  printNumber(row, "bandwidth_share", 6, 100);
  putchar('\n');
}

void printProfile(const json_t *parts) {
  size_t i = 0, k = 0;
  const json_t *part = nullptr, *row = nullptr;
  json_array_foreach(parts, i, part) {
    double steps = numberOf(part, "steps");
    printf("\n%s: a step, mean of %.0f\n  %-28s %-16s %8s %11s %10s %8s %6s\n",
           textOf(part, "part"), steps, "kernel", "family", "launches", "us",
           "MB", "GB/s", "%");
    json_array_foreach(json_object_get(part, "kernels"), k, row)
        printRow(row, textOf(row, "kernel", "(another model)"), steps);
    printRow(json_object_get(part, "sum"), "sum", steps);
  }
}

} // namespace qopt::cli
