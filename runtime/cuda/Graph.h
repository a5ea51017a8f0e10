// The launches of an entry as a CUDA graph that is recorded once.
//
// Most of what a step launches is what the last one of its shape has launched,
// down to the words: inputs lie where they lay. What differs are a few numbers,
// the positions that a cache holds, say. So the launches of a call are queued
// here, and compared with those that the graph has: of nodes whose words differ
// these are set anew, and only when other kernels are launched, or in another
// order, is another graph made.
#ifndef QOPT_RUNTIME_CUDA_GRAPH_H
#define QOPT_RUNTIME_CUDA_GRAPH_H

#include "qopt/runtime/Growing.h"
#include "qopt/runtime/abi.h"
#include "qopt/runtime/cuda/Driver.h"

namespace qopt::runtime::cuda {

/// Launches in order, and their words, one behind the other's.
struct Queue {
  struct Launch {
    int64_t kernel; ///< its number
    Handle function;
    unsigned blocks, threads, sharedBytes;
    size_t first, count; ///< of its words
  };

  void clear();
  void push(const Launch &launch, const int64_t *args);
  bool failed() const { return launches.failed() || words.failed(); }

  Growing<Launch> launches;
  Growing<int64_t> words;
};

/// One graph, and what it is of.
class Graph {
public:
  /// Of `entry` at these sizes; null if there is no memory for it.
  static Graph *make(const qopt_entry &entry, const int64_t *symbols);
  void destroy(const Driver &driver);

  /// Whether it is of `entry` at sizes that differ in nothing but "past", which
  /// grows from step to step.
  bool isOf(const qopt_entry &entry, const int64_t *symbols) const;
  /// Whether nothing differs.
  bool isPreparedFor(const int64_t *symbols) const;
  const qopt_entry &of() const { return *entry; }
  /// Says that it is of these sizes from now on.
  void rename(const int64_t *symbols);

  /// Becomes the graph of these launches.
  Code prepare(const Driver &driver, const Queue &queue);
  Code launch(const Driver &driver, Handle stream);

  Graph *next = nullptr; ///< in the list of its device

private:
  bool hasKernelsOf(const Queue &queue) const;
  Code build(const Driver &driver, const Queue &queue);
  Code update(const Driver &driver, const Queue &queue);
  NodeParameters parametersOf(const Queue &queue, size_t i);
  void clear(const Driver &driver);

  const qopt_entry *entry = nullptr;
  Growing<int64_t> sizes;
  Queue known;            ///< what `executable` launches
  Growing<Handle> nodes;  ///< of `graph`, one a launch
  Growing<void *> places; ///< of the words of the launch that is set
  Handle graph = nullptr, executable = nullptr;
};

} // namespace qopt::runtime::cuda

#endif // QOPT_RUNTIME_CUDA_GRAPH_H
