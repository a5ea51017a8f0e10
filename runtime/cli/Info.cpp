// `info`: what the compiler stored about the model, for people and programs.

#include "qopt/runtime/Model.h"
#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Fill.h"
#include "qopt/runtime/cli/Json.h"
#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Session.h"
#include "qopt/runtime/cli/TrainInfo.h"

#include <stdio.h>

namespace qopt::cli {

/// "i64 [batch, 4]".
static void printShape(const json_t *tensor) {
  printf("%-5s[", textOf(tensor, "type"));
  const json_t *dims = json_object_get(tensor, "dims");
  for (size_t i = 0; i < json_array_size(dims); ++i) {
    const json_t *dim = json_array_get(dims, i);
    printf("%s", i ? ", " : "");
    if (json_is_integer(dim))
      printf("%lld", static_cast<long long>(json_integer_value(dim)));
    else
      printf("%s", json_is_string(dim) ? json_string_value(dim) : "?");
  }
  printf("]\n");
}

static int widest(const json_t *list, int least) {
  int width = least;
  for (size_t i = 0; i < json_array_size(list); ++i) {
    auto size =
        static_cast<int>(strlen(textOf(json_array_get(list, i), "name")));
    width = size > width && size <= 48 ? size : width;
  }
  return width;
}

static void printTensors(const char *kind, const json_t *list) {
  int width = widest(list, 12);
  for (size_t i = 0; i < json_array_size(list); ++i) {
    const json_t *tensor = json_array_get(list, i);
    printf("  %-8s%-*s  ", kind, width, textOf(tensor, "name"));
    printShape(tensor);
  }
}

/// What an entry needs beside the weights, for one sequence of `seq` tokens.
static void printArena(const qopt_model *model, const char *name,
                       uint64_t seq) {
  const qopt_entry *entry = runtime::findEntry(model->variant, name);
  runtime::Growing<int64_t> symbols;
  for (uint32_t i = 0; entry && i < entry->symbol_count; ++i)
    symbols.push(sizeOfName(entry->symbols[i], 1, seq));
  if (entry && !symbols.failed())
    printf("  %-8s%s at batch 1 x %llu\n", "arena",
           ByteText(static_cast<uint64_t>(entry->arena_bytes(symbols.begin())))
               .text,
           static_cast<unsigned long long>(seq));
}

static void printEntries(const json_t *entries, const qopt_model *model,
                         uint64_t seq) {
  for (size_t i = 0; i < json_array_size(entries); ++i) {
    const json_t *entry = json_array_get(entries, i);
    printf("\nentry %s\n", textOf(entry, "name"));
    printTensors("input", json_object_get(entry, "inputs"));
    printTensors("output", json_object_get(entry, "outputs"));
    printArena(model, textOf(entry, "name"), seq);
  }
}

static void printLayers(const json_t *layers) {
  if (!json_array_size(layers))
    return;
  int width = widest(layers, 12);
  printf("\n%-*s  %-10s  %-12s  %s\n", width, "layer", "bytes", "scheme",
         "compute path: family, activations, kernel");
  for (size_t i = 0; i < json_array_size(layers); ++i) {
    const json_t *layer = json_array_get(layers, i);
    printf("%-*s  %-10s  %-12s  %s", width, textOf(layer, "name"),
           ByteText(countOf(layer, "bytes")).text,
           textOf(layer, "scheme", "float"), textOf(layer, "path"));
    const char *activations = textOf(layer, "activations");
    printf("%s%s, %s\n", *activations ? ", " : "", activations,
           textOf(layer, "kernel"));
  }
}

static void printCpus(const json_t *cpus, const char *used) {
  printf("CPU         %s", json_array_size(cpus) ? "" : "any (x86-64)");
  for (size_t i = 0; i < json_array_size(cpus); ++i) {
    const json_t *cpu = json_array_get(cpus, i);
    const char *name = textOf(cpu, "name");
    printf("%s%s", i ? ", " : "", name);
    if (json_is_true(json_object_get(cpu, "emulated")))
      printf(" (emulated, runs on %s)", textOf(cpu, "instructions"));
    printf("%s", strcmp(name, used) ? "" : " (used here)");
  }
  printf("\n");
}

static void printGpus(const json_t *gpus) {
  printf("GPU         %s", json_array_size(gpus) ? "" : "none");
  for (size_t i = 0; i < json_array_size(gpus); ++i)
    printf("%s%s", i ? ", " : "", json_string_value(json_array_get(gpus, i)));
  printf("\n");
}

static void print(const json_t *info, const qopt_model *model) {
  printf("model       %s\n", textOf(info, "name"));
  printf("built from  %s, %s\n", textOf(info, "source"),
         textOf(info, "source_hash", "no hash"));
  printf("built by    qopt %s\n", textOf(info, "qopt", qopt_version()));
  printf("recipe      %s\n", textOf(info, "recipe", "none"));
  printf("parameters  %llu",
         static_cast<unsigned long long>(countOf(info, "parameters")));
  if (const json_t *seed = json_object_get(info, "init_seed"))
    printf(", begun at random with seed %lld",
           static_cast<long long>(json_integer_value(seed)));
  printf("\n");
  printf("weights     %s, %s read for a token\n",
         ByteText(countOf(info, "weight_bytes")).text,
         ByteText(countOf(info, "bytes_per_token")).text);
  printf("limits      batch %llu, sequence %llu\n",
         static_cast<unsigned long long>(countOf(info, "max_batch")),
         static_cast<unsigned long long>(countOf(info, "max_seq")));
  printTraining(model);
  printCpus(json_object_get(info, "cpus"), model->variant->name);
  printGpus(json_object_get(info, "gpus"));
  printEntries(json_object_get(info, "entries"), model,
               countOf(info, "max_seq"));
  printLayers(json_object_get(info, "layers"));
}

int info(const Invocation &invocation) {
  bool json = false;
  Common common;
  const Flag flags[] = {{"--json", "print JSON", json}};
  Description about = {"[--json]",
                       "Prints inputs, outputs, recipe, layers, sizes, and "
                       "what the model needs.\n",
                       flags, 1};
  int code = done;
  if (!parse(invocation, about, common, &code))
    return code;
  Session session;
  if (!session.openModel())
    return failed;
  Json stored(readInfo(session.model));
  if (!stored)
    return failed;
  addTraining(stored, session.model);
  if (json)
    return stored.print() ? done : failed;
  print(stored.get(), session.model);
  return flushOutput() ? done : failed;
}

} // namespace qopt::cli
