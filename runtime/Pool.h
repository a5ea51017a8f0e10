// Threads that share the tasks of a launch.
//
// A step is some hundred launches of a few microseconds, so a launch must cost
// little and wait for nobody who is not at work. The tasks are cut into a few
// chunks a thread. One 64-bit word holds the number of the launch and of the
// next chunk, and a chunk is taken by counting that word up. So
//
//   - a thread that comes too late, or not at all, takes no chunk: the caller
//     alone would finish every launch, in a forked process too;
//   - who counted the word up of launch k keeps launch k alive until he has
//     said that his chunks are done, so kernel and arguments are safe to read.
//
// Idle threads watch the word for some 20 us, longer than what lies between two
// launches of a step, then sleep in the kernel. Who runs a task never changes
// its result: a task does not know its thread.
//
// Where other programs want the cores, several threads are slower than one:
// each launch waits for the one that was put aside. So the caller looks every
// 25 ms how often it lost its core or waited long for another thread; if that
// was often, it works alone for a while, and longer each time that it happens
// again.
#ifndef QOPT_RUNTIME_POOL_H
#define QOPT_RUNTIME_POOL_H

#include "qopt/runtime/Error.h"
#include "qopt/runtime/Memory.h"
#include "qopt/runtime/Profile.h"
#include "qopt/runtime/abi.h"

#include <atomic>
#include <pthread.h>

namespace qopt::runtime {

class Pool : public qopt_pool {
public:
  /// Starts `threads` - 1 threads: the caller of a launch is one, too.
  /// `spare` says that no other thread waits for their cores: else idle ones
  /// sleep at once.
  static qopt_status open(uint32_t threads, bool spare, Pool **pool,
                          qopt_error *error);
  static void close(Pool *pool);

  void run(qopt_kernel kernel, const int64_t *args, int64_t tasks);
  uint32_t threadCount() const { return threads; }

  Profile *profile = nullptr; ///< counts the launches, if there is one

private:
  struct Worker {
    Pool *pool;
    pthread_t thread;
    Block scratch;
  };

  static void launch(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                     int64_t tasks);
  static void *workerMain(void *worker);
  bool start(Worker &worker);
  void serve(uint8_t *scratch);
  bool waitForLaunch(uint32_t seen);
  void work(uint32_t number, uint8_t *scratch);
  void join(uint32_t chunks, uint64_t began);
  void lookAround();
  uint64_t patience() const;

  /// What the threads read in a launch; one line of the cache.
  struct alignas(64) Launch {
    std::atomic<uint64_t> next{0}; ///< number of the launch, then of the chunk
    std::atomic<qopt_kernel> kernel{nullptr};
    std::atomic<const int64_t *> args{nullptr};
    std::atomic<int64_t> tasks{0};
    std::atomic<uint32_t> chunks{0};
  } current;
  struct alignas(64) End {
    std::atomic<uint32_t> done{0}; ///< chunks
    std::atomic<uint32_t> callerSleeps{0};
  } end;
  struct alignas(64) Rest {
    std::atomic<uint32_t> sleepers{0}; ///< or about to be
    std::atomic<bool> closing{false};
  } rest;
  uint32_t threads = 1, started = 0; ///< with and without the caller
  bool spare = true;
  /// What the caller saw of other programs.
  struct Crowd {
    uint32_t launches = 0;
    uint64_t began = 0;                ///< the window, in ticks
    long switches = 0;                 ///< until then, of the caller
    uint32_t slow = 0;                 ///< long waits for a thread since then
    uint32_t alone = 0, nextAlone = 1; ///< windows without the other threads
  } crowd;
  Worker *workers = nullptr; ///< [threads]; the first is the caller's
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_POOL_H
