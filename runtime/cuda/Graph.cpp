// Records launches once, and changes the words that differ.

#include "qopt/runtime/cuda/Graph.h"

#include <new>
#include <string.h>

namespace qopt::runtime::cuda {

void Queue::clear() {
  launches.clear();
  words.clear();
}

void Queue::push(const Launch &launch, const int64_t *args) {
  launches.push(launch);
  if (launches.failed())
    return;
  launches.back().first = words.size();
  words.append(args, launch.count);
}

Graph *Graph::make(const qopt_entry &entry, const int64_t *symbols) {
  void *memory = malloc(sizeof(Graph));
  if (!memory)
    return nullptr;
  auto *graph = new (memory) Graph;
  graph->entry = &entry;
  if (graph->sizes.resize(entry.symbol_count + 1)) {
    graph->rename(symbols);
    return graph;
  }
  graph->~Graph();
  free(graph);
  return nullptr;
}

void Graph::clear(const Driver &driver) {
  if (executable)
    driver.destroyExecutable(executable);
  if (graph)
    driver.destroyGraph(graph);
  executable = graph = nullptr;
}

void Graph::destroy(const Driver &driver) {
  clear(driver);
  this->~Graph();
  free(this);
}

bool Graph::isOf(const qopt_entry &other, const int64_t *symbols) const {
  if (entry != &other)
    return false;
  for (uint32_t i = 0; i < entry->symbol_count; ++i)
    if (sizes[i] != symbols[i] && strcmp(entry->symbols[i], "past"))
      return false;
  return true;
}

bool Graph::isPreparedFor(const int64_t *symbols) const {
  return !memcmp(sizes.begin(), symbols, entry->symbol_count * sizeof *symbols);
}

void Graph::rename(const int64_t *symbols) {
  for (uint32_t i = 0; i < entry->symbol_count; ++i)
    sizes[i] = symbols[i];
}

bool Graph::hasKernelsOf(const Queue &queue) const {
  size_t n = queue.launches.size();
  if (!executable || known.launches.size() != n)
    return false;
  for (size_t i = 0; i < n; ++i)
    if (known.launches[i].kernel != queue.launches[i].kernel)
      return false;
  return true;
}

/// What the driver is told of a launch; it copies the words.
NodeParameters Graph::parametersOf(const Queue &queue, size_t i) {
  const Queue::Launch &launch = queue.launches[i];
  for (size_t k = 0; k < launch.count; ++k)
    places[k] = const_cast<int64_t *>(&queue.words[launch.first + k]);
  return {launch.function,
          launch.blocks,
          1,
          1,
          launch.threads,
          1,
          1,
          launch.sharedBytes,
          places.begin(),
          nullptr,
          nullptr,
          nullptr};
}

/// A chain: a launch begins when the one before it has ended.
Code Graph::build(const Driver &driver, const Queue &queue) {
  clear(driver);
  size_t n = queue.launches.size();
  if (!nodes.resize(n))
    return outOfMemory;
  Code code = driver.createGraph(&graph, 0);
  for (size_t i = 0; !code && i < n; ++i) {
    NodeParameters parameters = parametersOf(queue, i);
    code = driver.addNode(&nodes[i], graph, i ? &nodes[i - 1] : nullptr, i > 0,
                          &parameters);
  }
  return code ? code : driver.instantiate(&executable, graph, 0);
}

Code Graph::update(const Driver &driver, const Queue &queue) {
  Code code = 0;
  for (size_t i = 0; !code && i < queue.launches.size(); ++i) {
    const Queue::Launch &now = queue.launches[i], &old = known.launches[i];
    const int64_t *words = queue.words.begin() + now.first;
    if (now.count == old.count && now.blocks == old.blocks &&
        now.threads == old.threads && now.sharedBytes == old.sharedBytes &&
        !memcmp(words, known.words.begin() + old.first,
                now.count * sizeof *words))
      continue;
    NodeParameters parameters = parametersOf(queue, i);
    code = driver.setNode(executable, nodes[i], &parameters);
  }
  return code;
}

Code Graph::prepare(const Driver &driver, const Queue &queue) {
  size_t most = 1;
  for (const Queue::Launch &launch : queue.launches)
    most = launch.count > most ? launch.count : most;
  if (!places.resize(most))
    return outOfMemory;
  bool isReady = hasKernelsOf(queue) && !update(driver, queue);
  Code code = isReady ? 0 : build(driver, queue);
  known.clear();
  known.launches.append(queue.launches.begin(), queue.launches.size());
  known.words.append(queue.words.begin(), queue.words.size());
  if (!code && known.failed())
    code = outOfMemory;
  if (code) // nobody knows what it has now
    clear(driver);
  return code;
}

Code Graph::launch(const Driver &driver, Handle stream) {
  // An entry may have nothing to do.
  return known.launches.size() ? driver.launchGraph(executable, stream) : 0;
}

} // namespace qopt::runtime::cuda
