// A GPU that runs the kernels of a context.
//
// Everything that kernels read or write is memory of the device. What the host
// reads or writes, too, has a mirror there: bytes go over when the other side
// changed them, and somebody looks.
//
// The launches of an entry at given sizes are one CUDA graph that is kept, see
// Graph.h; those of a decoded token two, so that one can be made ready for the
// next position while the other runs. With a profile they are launched one by
// one, between two events each.
#ifndef QOPT_RUNTIME_CUDA_DEVICE_H
#define QOPT_RUNTIME_CUDA_DEVICE_H

#include "qopt/runtime/Profile.h"
#include "qopt/runtime/cuda/Graph.h"

namespace qopt::runtime::cuda {

/// Memory of the device that grows.
struct Buffer {
  Address address = 0;
  uint64_t size = 0;
};

/// Memory of the host that kernels work on, too.
struct Mirror {
  uint8_t *host = nullptr;
  uint64_t bytes = 0;
  Buffer device;
  enum { same, hostChanged, deviceChanged } state = hostChanged;
};

/// What a context keeps on the device.
struct Mirrors {
  Mirror all[3];
  Address teacher = 0; ///< where its weights are; 0: nowhere yet
  Mirror &weights() { return all[0]; }
  Mirror &variables() { return all[1]; }
  Mirror &caches() { return all[2]; }
};

class Device : public qopt_pool {
public:
  /// Memory grows in steps, so that growing sequences rarely ask for more.
  static constexpr uint64_t unit = 2 << 20;
  static uint64_t roundUp(uint64_t bytes) {
    return (bytes + unit - 1) / unit * unit;
  }

  /// Device number `index` with the kernels of a program. Refused: none of that
  /// number, and one that no code is for.
  static qopt_status open(const qopt_device &program, int32_t index,
                          Device **out, qopt_error *error);
  static void close(Device *device);

  /// "NVIDIA H100 PCIe"
  const char *name() const { return label; }
  /// Bytes that are free on it.
  uint64_t freeBytes() const;

  /// Makes room; what was in it is lost if it grows. `what` is what needs it.
  qopt_status reserve(Buffer &buffer, uint64_t bytes, const char *what,
                      qopt_error *error);
  void release(Buffer &buffer);
  qopt_status upload(Address to, const void *from, uint64_t bytes,
                     qopt_error *error);
  qopt_status download(void *to, Address from, uint64_t bytes,
                       qopt_error *error);

  /// Copies within its memory, `times` times, and waits until that is done.
  qopt_status copy(Address to, Address from, uint64_t bytes, uint64_t times,
                   qopt_error *error);

  /// The device has what the host has.
  qopt_status push(Mirror &mirror, const char *what, qopt_error *error);
  /// The host has what the device has.
  qopt_status pull(Mirror &mirror, qopt_error *error);

  /// An entry runs between begin and start, which launches what was queued;
  /// at the end of finish it is done.
  qopt_status begin(qopt_error *error);
  qopt_status start(const qopt_entry &entry, const int64_t *symbols,
                    qopt_error *error);
  qopt_status finish(const qopt_entry &entry, qopt_error *error);
  /// Between start and finish, when the entry ran once more after begin: makes
  /// ready what was queued, a step at other positions, while this one runs.
  void prepare(const qopt_entry &entry, const int64_t *symbols);

  Profile *profile = nullptr; ///< counts the launches, if there is one
  /// Sums the seconds between the begin and the end of the launches of each
  /// call, by events, in `seconds`.
  bool timed = false;
  double seconds = 0;

  // Of the call that runs.
  Buffer arena, arguments;
  Growing<const void *> inputs;
  Growing<void *> outputs, states;
  Growing<uint8_t> staging; ///< small inputs, then small outputs
  Growing<int64_t> nextSymbols;

private:
  static void launchOne(qopt_pool *pool, int64_t kernel, const int64_t *args,
                        int64_t count, int64_t blocks, int64_t threads,
                        int64_t sharedBytes);
  qopt_status load(const qopt_device &program, int32_t index,
                   qopt_error *error);
  qopt_status choose(const qopt_device &program, const qopt_device_code **code,
                     qopt_error *error);
  qopt_status check(Code code, const char *doing, qopt_error *error) const;
  Graph *graphOf(const qopt_entry &entry, const int64_t *symbols);
  Code record(size_t number);
  Code secondsBetween(size_t first, double *out);
  Code launchGraph(Graph &graph);
  Code runProfiled();

  Driver driver = {};
  int number = -1; ///< the driver's; -1: the context is not retained
  char label[128] = {};
  Handle context = nullptr, module = nullptr, stream = nullptr;
  Growing<Handle> functions; ///< by ordinal
  Graph *graphs = nullptr;   ///< the last that ran first
  Queue queue;               ///< of the call that runs
  Growing<Handle> events;
  Growing<void *> places; ///< of the words of a launch without a graph
  Code failed = 0;        ///< the first launch that was refused
  int64_t failedKernel = 0;
  const qopt_device *kernels = nullptr;
};

} // namespace qopt::runtime::cuda

#endif // QOPT_RUNTIME_CUDA_DEVICE_H
