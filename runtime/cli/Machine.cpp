// What a measurement needs to know of the machine.

#include "qopt/runtime/cli/Machine.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cuda/Device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace qopt::cli {

//===--- load -------------------------------------------------------------===//

/// Seconds that all CPUs together were busy and stolen, since they started.
/// Zeros where the system does not tell.
static void readLoad(double *busy, double *stolen) {
  *busy = *stolen = 0;
  FILE *file = fopen("/proc/stat", "re");
  if (!file)
    return;
  unsigned long long t[8] = {};
  // user, nice, system, idle, iowait, irq, softirq, steal
  if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
             &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8) {
    double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
    *busy = tick * static_cast<double>(t[0] + t[1] + t[2] + t[5] + t[6]);
    *stolen = tick * static_cast<double>(t[7]);
  }
  fclose(file);
}

static double ownTime() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

Watch::Watch() : begin(now()), own(ownTime()) { readLoad(&busy, &stolen); }

bool Watch::disturbed() const {
  double busyNow, stolenNow;
  readLoad(&busyNow, &stolenNow);
  double machine =
      (now() - begin) * static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  double others = (busyNow - busy) - (ownTime() - own);
  // Ticks are 10 ms long and counted where they end: a few are no sign.
  constexpr double unsure = 0.03;
  return others > 0.05 * machine + unsure ||
         stolenNow - stolen > 0.01 * machine + unsure;
}

//===--- memory -----------------------------------------------------------===//

uint64_t readKilobytes(const char *path, const char *name) {
  FILE *file = fopen(path, "re");
  char line[256];
  unsigned long long value = 0;
  size_t bytes = strlen(name);
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, name, bytes) &&
        sscanf(line + bytes, ": %llu", &value) == 1)
      break;
  if (file)
    fclose(file);
  return value * 1024;
}

uint64_t residentMemory() {
  return readKilobytes("/proc/self/status", "VmRSS");
}

uint64_t peakMemory() {
  if (uint64_t bytes = readKilobytes("/proc/self/status", "VmHWM"))
    return bytes;
  // Less exact: it counts what the process held before it became this program.
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

//===--- bandwidth --------------------------------------------------------===//

namespace {
/// A register's worth: memory is slower than even these loads.
typedef uint64_t Vector __attribute__((vector_size(16)));

constexpr uint64_t step =
    8; ///< loads under way, so that none waits for another
constexpr int passes = 6;

struct Reader {
  Vector *data;
  uint64_t count; ///< a multiple of `step`
  pthread_barrier_t *barrier;
  pthread_t thread;
  uint64_t sum;
};
} // namespace

static uint64_t readOnce(const Vector *data, uint64_t count) {
  Vector sums[step] = {};
  for (uint64_t i = 0; i < count; i += step)
    for (uint64_t j = 0; j < step; ++j)
      sums[j] ^= data[i + j];
  Vector sum = {};
  for (Vector part : sums)
    sum ^= part;
  return sum[0] ^ sum[1];
}

/// Touches its part first, which places it near its thread; then reads it in
/// step with the others.
static void *readPart(void *argument) {
  auto &reader = *static_cast<Reader *>(argument);
  memset(reader.data, 1, reader.count * sizeof(Vector));
  for (int pass = 0; pass < passes; ++pass) {
    pthread_barrier_wait(reader.barrier);
    reader.sum ^= readOnce(reader.data, reader.count);
    pthread_barrier_wait(reader.barrier);
  }
  return nullptr;
}

/// Bytes of a last-level cache; 0 if the system does not tell. Not sysconf's,
/// which is ten times too much on some virtual machines.
static uint64_t lastLevelCache() {
  FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "re");
  unsigned long long kilobytes = 0;
  if (file) {
    if (fscanf(file, "%lluK", &kilobytes) != 1)
      kilobytes = 0;
    fclose(file);
  }
  return kilobytes * 1024;
}

/// Several times the caches of the threads, but not what other programs need.
static uint64_t bufferBytes(uint64_t threads) {
  constexpr uint64_t megabyte = 1 << 20;
  uint64_t bytes = 2 * lastLevelCache() * threads;
  bytes = bytes < 256 * megabyte    ? 256 * megabyte
          : bytes > 2048 * megabyte ? 2048 * megabyte
                                    : bytes;
  uint64_t available = readKilobytes("/proc/meminfo", "MemAvailable");
  return available && bytes > available / 4 ? available / 4 : bytes;
}

/// The fastest pass of readers that are about to start; this thread reads the
/// first part.
static double fastestPass(Reader *readers, uint64_t count) {
  uint64_t started = 1;
  while (started < count && pthread_create(&readers[started].thread, nullptr,
                                           readPart, &readers[started]) == 0)
    ++started;
  Reader &own = readers[0];
  if (started < count) {
    // The others wait at the barrier for ever; they end with the program.
    return 0;
  }
  memset(own.data, 1, own.count * sizeof(Vector));
  double fastest = 0;
  for (int pass = 0; pass < passes; ++pass) {
    pthread_barrier_wait(own.barrier);
    double begin = now();
    own.sum ^= readOnce(own.data, own.count);
    pthread_barrier_wait(own.barrier);
    double seconds = now() - begin;
    if (pass == 0 || seconds < fastest)
      fastest = seconds;
  }
  for (uint64_t i = 1; i < count; ++i)
    pthread_join(readers[i].thread, nullptr);
  return fastest;
}

double readBandwidth(uint64_t threads) {
  uint64_t part = bufferBytes(threads) / sizeof(Vector) / threads / step * step;
  uint64_t bytes = part * threads * sizeof(Vector);
  void *buffer = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto *readers = static_cast<Reader *>(calloc(threads, sizeof(Reader)));
  pthread_barrier_t barrier;
  if (buffer == MAP_FAILED || !readers ||
      pthread_barrier_init(&barrier, nullptr, static_cast<unsigned>(threads)))
    return 0;
  madvise(buffer, bytes, MADV_HUGEPAGE);
  for (uint64_t i = 0; i < threads; ++i)
    readers[i] = {static_cast<Vector *>(buffer) + i * part, part, &barrier, 0,
                  0};
  double seconds = fastestPass(readers, threads);
  if (seconds <= 0)
    return 0;
  // The sums are stored where the compiler cannot know that nobody reads them.
  volatile uint64_t sink = 0;
  for (uint64_t i = 0; i < threads; ++i)
    sink = sink ^ readers[i].sum;
  free(readers);
  munmap(buffer, bytes);
  return static_cast<double>(bytes) / seconds;
}

double copyBandwidth(runtime::cuda::Device &device) {
  // Ten times the cache of the largest GPUs, and less than others need. A pass
  // is long beside what it takes to start and to wait for it.
  constexpr uint64_t most = 256 << 20, copies = 10;
  uint64_t bytes = device.freeBytes() / 4;
  bytes = bytes < most ? bytes : most;
  runtime::cuda::Buffer from, to;
  double fastest = 0;
  if (!device.reserve(from, bytes, "measuring", nullptr) &&
      !device.reserve(to, bytes, "measuring", nullptr)) {
    for (int pass = 0; pass <= passes; ++pass) {
      double begin = now();
      if (device.copy(to.address, from.address, bytes, copies, nullptr)) {
        fastest = 0;
        break;
      }
      double seconds = now() - begin;
      if (pass == 1 || (pass && seconds < fastest)) // 0 warms up
        fastest = seconds;
    }
  }
  device.release(from);
  device.release(to);
  return fastest > 0 ? static_cast<double>(2 * copies * bytes) / fastest : 0;
}

} // namespace qopt::cli
