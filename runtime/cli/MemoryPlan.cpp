// Memory that a training needs, before it has it.

#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/Context.h"
#include "qopt/runtime/Teacher.h"
#include "qopt/runtime/cli/Fill.h"
#include "qopt/runtime/cli/Machine.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

ByteText::ByteText(uint64_t bytes) {
  const char *units[] = {"B", "KB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  snprintf(text, sizeof text, "%.*f %s",
           unit && value < 99.95 ? (value < 9.995 ? 2 : 1) : 0, value,
           units[unit]);
}

/// Of x86-64, see Memory.cpp.
constexpr uint64_t largePage = 2 << 20;

/// The arena of an entry; false if there is no such number.
static bool arenaOf(const qopt_entry &entry, uint64_t batch, uint64_t seq,
                    uint64_t *bytes) {
  runtime::Growing<int64_t> symbols;
  for (uint32_t i = 0; i < entry.symbol_count; ++i)
    symbols.push(sizeOfName(entry.symbols[i], batch, seq));
  symbols.push(0);
  if (symbols.failed())
    return false;
  int64_t size = entry.arena_bytes(symbols.begin());
  if (size >= 0 && static_cast<uint64_t>(size) > *bytes)
    *bytes = static_cast<uint64_t>(size);
  return size >= 0;
}

bool MemoryPlan::make(const Session &session, uint64_t batch, uint64_t seq,
                      bool sums) {
  const qopt_model &model = *session.model;
  const qopt_program &program = *model.program;
  process = residentMemory();
  weights = model.weightsBytes;
  teacher = runtime::teacherBytes(model);
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const qopt_variable &variable = program.variables[i];
    uint64_t bytes = runtime::bytesOf(variable);
    switch (runtime::roleOf(program, variable)) {
    case runtime::VariableRole::parameter:
      parameters += bytes;
      break;
    case runtime::VariableRole::state:
      states += bytes;
      break;
    case runtime::VariableRole::sum:
      gradients += sums ? bytes : 0;
      break;
    }
  }
  const qopt_entry *entries[] = {sums ? model.trainAccumulate : model.trainStep,
                                 sums ? model.trainUpdate : nullptr};
  for (const qopt_entry *entry : entries)
    if (entry && !arenaOf(*entry, batch, seq, &arena))
      return false;
  // What is large comes in large pages; a thread uses the first of its own.
  if (arena >= largePage)
    arena = (arena + largePage - 1) / largePage * largePage;
  threads = session.context->pool->threadCount() * largePage;
  return true;
}

void MemoryPlan::print() const {
  fprintf(stderr,
          "memory      %s: frozen weights %s, %s%s%strained %s, optimizer %s, "
          "gradients %s, arena %s, threads %s, program and data %s\n",
          ByteText(total()).text, ByteText(weights).text,
          teacher ? "teacher " : "", teacher ? ByteText(teacher).text : "",
          teacher ? ", " : "", ByteText(parameters).text, ByteText(states).text,
          ByteText(gradients).text, ByteText(arena).text,
          ByteText(threads).text, ByteText(process).text);
}

bool MemoryPlan::fits() const {
  const char *limit = "";
  uint64_t needs = total() - process;
  uint64_t has = availableMemory("", needs - arena, &limit);
  if (needs <= has)
    return true;
  error("training needs %s more memory, %s has %s left: %s of it are the "
        "arena, which a smaller --batch (with a larger --accumulate) or --seq "
        "makes smaller",
        ByteText(needs).text, limit, ByteText(has).text, ByteText(arena).text);
  return false;
}

} // namespace qopt::cli
