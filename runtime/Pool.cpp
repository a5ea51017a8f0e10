// Runs launches on threads, see Pool.h.

#include "qopt/runtime/Pool.h"

#include <errno.h>
#include <linux/futex.h>
#include <new>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

extern "C" __attribute__((visibility("hidden"))) void
qopt_parallel(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
              int64_t tasks) {
  pool->parallel(pool, kernel, args, tasks);
}

namespace qopt::runtime {

/// More chunks balance better, and cost a line of the cache each.
static constexpr uint32_t chunksPerThread = 4;

// In ticks of the time stamp counter, 2 to 4 of which are a nanosecond.
static constexpr uint64_t longSpin = 1 << 16, shortSpin = 1 << 11;

/// The caller looks around after so many launches, once a window (in ticks).
static constexpr uint32_t lookingLaunches = 16;
static constexpr uint64_t window = 1 << 26;
static constexpr uint32_t mostAlone = 32; ///< windows

static void sleepWhile(std::atomic<uint32_t> *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

static void wake(std::atomic<uint32_t> *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

/// The half of `next` that changes once a launch, as a futex.
static std::atomic<uint32_t> *numberOf(std::atomic<uint64_t> *next) {
  static_assert(sizeof(std::atomic<uint64_t>) == 8 &&
                    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                "the number of the launch is the upper half");
  return reinterpret_cast<std::atomic<uint32_t> *>(next) + 1;
}

/// Spins until `done()`; false if that takes longer than `ticks`.
template <typename Done> static bool spin(uint64_t ticks, Done done) {
  uint64_t began = __rdtsc();
  do {
    for (int i = 0; i < 16; ++i) {
      if (done())
        return true;
      _mm_pause();
    }
  } while (__rdtsc() - began < ticks);
  return done();
}

uint64_t Pool::patience() const { return spare ? longSpin : shortSpin; }

/// Waits for a launch that is not number `seen`; false when the pool closes.
bool Pool::waitForLaunch(uint32_t seen) {
  auto isNew = [&] {
    // A worker that was late may have seen the number that closing counts.
    return uint32_t(current.next.load(std::memory_order_acquire) >> 32) !=
               seen ||
           rest.closing.load(std::memory_order_acquire);
  };
  if (!spin(patience(), isNew)) {
    // Either the caller sees the sleeper, or the sleeper sees the launch.
    rest.sleepers.fetch_add(1, std::memory_order_seq_cst);
    while (!isNew())
      sleepWhile(numberOf(&current.next), seen);
    rest.sleepers.fetch_sub(1, std::memory_order_relaxed);
  }
  return !rest.closing.load(std::memory_order_acquire);
}

/// Takes chunks of launch `number` until there are none.
void Pool::work(uint32_t number, uint8_t *scratch) {
  uint32_t finished = 0;
  uint64_t next = current.next.load(std::memory_order_acquire);
  while (uint32_t(next >> 32) == number) {
    uint32_t chunk = uint32_t(next);
    uint32_t chunks = current.chunks.load(std::memory_order_acquire);
    if (chunk >= chunks)
      break;
    if (!current.next.compare_exchange_weak(next, next + 1,
                                            std::memory_order_acq_rel,
                                            std::memory_order_acquire))
      continue;
    int64_t tasks = current.tasks.load(std::memory_order_relaxed);
    // Read before the chunk was taken, it may be that of a later launch.
    chunks = current.chunks.load(std::memory_order_relaxed);
    int64_t share = tasks / chunks, longer = tasks % chunks;
    int64_t begin = chunk * share + (chunk < longer ? chunk : longer);
    current.kernel.load(std::memory_order_relaxed)(
        current.args.load(std::memory_order_relaxed), begin,
        begin + share + (chunk < longer), scratch);
    ++finished;
    next = current.next.load(std::memory_order_acquire);
  }
  if (!finished)
    return;
  end.done.fetch_add(finished, std::memory_order_seq_cst);
  if (end.callerSleeps.load(std::memory_order_seq_cst))
    wake(&end.done, 1);
}

/// Waits for the chunks that others have taken.
void Pool::join(uint32_t chunks, uint64_t began) {
  auto isDone = [&] {
    return end.done.load(std::memory_order_acquire) == chunks;
  };
  if (isDone())
    return;
  uint64_t waits = __rdtsc();
  if (spin(patience(), isDone))
    return;
  end.callerSleeps.store(1, std::memory_order_seq_cst);
  for (uint32_t done = end.done.load(std::memory_order_seq_cst); done != chunks;
       done = end.done.load(std::memory_order_seq_cst))
    sleepWhile(&end.done, done);
  end.callerSleeps.store(0, std::memory_order_relaxed);
  // Chunks are alike: who is slower by far than the caller was not running.
  if (__rdtsc() - waits > (waits - began) + longSpin)
    ++crowd.slow;
}

/// Decides whether the next launches are the caller's alone, see Pool.h.
void Pool::lookAround() {
  if (++crowd.launches % lookingLaunches)
    return;
  uint64_t now = __rdtsc(), passed = now - crowd.began;
  if (passed < window)
    return;
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  uint64_t lost = uint64_t(usage.ru_nivcsw - crowd.switches) + crowd.slow;
  // Once may be chance. What passed may be long: callers rest between steps.
  bool crowded = crowd.began && lost > 1 && lost > passed / window;
  crowd.began = now;
  crowd.switches = usage.ru_nivcsw;
  crowd.slow = 0;
  if (crowd.alone) {
    --crowd.alone;
  } else if (crowded) {
    crowd.alone = crowd.nextAlone;
    crowd.nextAlone = crowd.alone < mostAlone ? 2 * crowd.alone : mostAlone;
  } else {
    crowd.nextAlone = 1;
  }
}

void Pool::run(qopt_kernel kernel, const int64_t *args, int64_t tasks) {
  uint8_t *scratch = workers[0].scratch.get();
  if (tasks <= 0)
    return;
  if (threads == 1 || tasks == 1)
    return kernel(args, 0, tasks, scratch);
  lookAround();
  if (crowd.alone)
    return kernel(args, 0, tasks, scratch);
  uint64_t began = __rdtsc();
  uint32_t chunks = threads * chunksPerThread;
  if (tasks < chunks)
    chunks = uint32_t(tasks);
  // Nobody is in a launch now: all chunks of the last one are done.
  uint64_t last = current.next.load(std::memory_order_relaxed);
  uint32_t number = uint32_t(last >> 32) + 1;
  // First the last launch is closed: who still looks at it, and sees that the
  // new one has more chunks, must not take one.
  current.next.store(last | UINT32_MAX, std::memory_order_relaxed);
  end.done.store(0, std::memory_order_relaxed);
  current.kernel.store(kernel, std::memory_order_relaxed);
  current.args.store(args, std::memory_order_relaxed);
  current.tasks.store(tasks, std::memory_order_relaxed);
  current.chunks.store(chunks, std::memory_order_release);
  current.next.store(uint64_t(number) << 32, std::memory_order_seq_cst);
  if (rest.sleepers.load(std::memory_order_seq_cst))
    wake(numberOf(&current.next), int(threads));
  work(number, scratch);
  join(chunks, began);
}

void Pool::launch(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                  int64_t tasks) {
  auto &self = *static_cast<Pool *>(pool);
  if (!self.profile)
    return self.run(kernel, args, tasks);
  size_t place = self.profile->find(kernel);
  self.profile->add(place, args);
  if (tasks <= 0)
    return;
  double began = secondsNow();
  self.run(kernel, args, tasks);
  self.profile->time(place, secondsNow() - began);
}

void Pool::serve(uint8_t *scratch) {
  for (uint32_t seen = 0; waitForLaunch(seen);) {
    seen = uint32_t(current.next.load(std::memory_order_acquire) >> 32);
    work(seen, scratch);
  }
}

void *Pool::workerMain(void *worker) {
  auto *self = static_cast<Worker *>(worker);
  self->pool->serve(self->scratch.get());
  return nullptr;
}

bool Pool::start(Worker &worker) {
  worker.pool = this;
  // Signals are for the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = pthread_create(&worker.thread, nullptr, workerMain, &worker);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started += code == 0;
  return code == 0;
}

qopt_status Pool::open(uint32_t threads, bool spare, Pool **out,
                       qopt_error *error) {
  uint64_t bytes = sizeof(Pool) + threads * sizeof(Worker);
  void *memory = nullptr;
  if (posix_memalign(&memory, alignof(Pool), sizeof(Pool)))
    return failMemory(error, "a context", bytes);
  auto *pool = new (memory) Pool;
  pool->parallel = launch;
  pool->threads = threads;
  pool->spare = spare;
  pool->workers = static_cast<Worker *>(calloc(threads, sizeof(Worker)));
  bool fine = pool->workers;
  for (uint32_t i = 0; fine && i < threads; ++i)
    fine =
        (new (&pool->workers[i]) Worker)->scratch.reserve(QOPT_SCRATCH_BYTES);
  if (!fine) {
    close(pool);
    return failMemory(error, "the threads' scratch",
                      uint64_t(threads) * QOPT_SCRATCH_BYTES);
  }
  for (uint32_t i = 1; i < threads; ++i)
    if (!pool->start(pool->workers[i])) {
      close(pool);
      return fail(error, QOPT_UNAVAILABLE,
                  "cannot start thread %u of %u: the system refuses; open the "
                  "context with fewer threads",
                  i + 1, threads);
    }
  *out = pool;
  return QOPT_OK;
}

void Pool::close(Pool *pool) {
  if (!pool)
    return;
  pool->rest.closing.store(true, std::memory_order_release);
  pool->current.chunks.store(0, std::memory_order_relaxed);
  pool->current.next.fetch_add(uint64_t(1) << 32, std::memory_order_seq_cst);
  wake(numberOf(&pool->current.next), int(pool->threads));
  for (uint32_t i = 1; i <= pool->started; ++i)
    pthread_join(pool->workers[i].thread, nullptr);
  for (uint32_t i = 0; pool->workers && i < pool->threads; ++i)
    pool->workers[i].scratch.release();
  free(pool->workers);
  pool->~Pool();
  free(pool);
}

} // namespace qopt::runtime
