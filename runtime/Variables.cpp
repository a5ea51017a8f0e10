// What a context changes and keeps: where it lies, and what it is.

#include "qopt/runtime/Variables.h"

#include "qopt/runtime/Context.h"

#include <string.h>
#include <sys/mman.h>

namespace qopt::runtime {

static constexpr uint64_t page = 4096;

static constexpr const char *optimizers[] = {".adamw.", ".muon.", ".sgd."};

const qopt_variable *findVariable(const qopt_program &program,
                                  const char *name) {
  for (uint32_t i = 0; i < program.variable_count; ++i)
    if (!strcmp(program.variables[i].name, name))
      return &program.variables[i];
  return nullptr;
}

/// Whether the first `bytes` of `name` name a variable.
static bool isVariable(const qopt_program &program, const char *name,
                       size_t bytes) {
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const char *other = program.variables[i].name;
    if (!strncmp(other, name, bytes) && !other[bytes])
      return true;
  }
  return false;
}

VariableRole roleOf(const qopt_program &program,
                    const qopt_variable &variable) {
  const char *name = variable.name;
  for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
    bool isSum = !strcmp(dot, ".grad");
    bool isState = false;
    for (const char *optimizer : optimizers)
      isState |= !strncmp(dot, optimizer, strlen(optimizer));
    if ((isSum || isState) && isVariable(program, name, size_t(dot - name)))
      return isSum ? VariableRole::sum : VariableRole::state;
  }
  return VariableRole::parameter;
}

uint64_t bytesOf(const qopt_variable &variable) {
  uint64_t elements = 0;
  countElements(variable.dims, variable.rank, &elements);
  return elements * sizeOf(variable.type);
}

bool checkVariables(const qopt_program &program) {
  uint64_t size = program.variables_bytes;
  if (size % 64 || size > UINT64_MAX / 2 || program.initial_bytes > size ||
      (program.variable_count && !program.variables))
    return false;
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const qopt_variable &variable = program.variables[i];
    uint64_t elements, bytes, offset = uint64_t(variable.offset);
    if (!sizeOf(variable.type) || offset % 64 || offset > size ||
        !countElements(variable.dims, variable.rank, &elements) ||
        !multiply(elements, sizeOf(variable.type), &bytes) ||
        bytes > size - offset)
      return false;
  }
  return true;
}

uint64_t lambdaCount(const qopt_variant *variant) {
  for (uint32_t e = 0; e < variant->entry_count; ++e) {
    const qopt_entry &entry = variant->entries[e];
    for (uint32_t i = 0; i < entry.input_count; ++i) {
      const qopt_tensor_spec &spec = entry.inputs[i];
      uint64_t count = 0;
      if (!strcmp(spec.name, "lambda") && spec.type == QOPT_F32 &&
          countElements(spec.dims, spec.rank, &count))
        return count;
    }
  }
  return 0;
}

Variables::~Variables() {
  if (data)
    munmap(data, size);
}

qopt_status Variables::open(const qopt_model &model, qopt_error *error) {
  const qopt_program &program = *model.program;
  if (!program.variable_count)
    return QOPT_OK;
  uint64_t bytes = (program.variables_bytes + page - 1) / page * page;
  uint64_t initial = program.initial_bytes;
  void *reserved = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED)
    return failMemory(error, "what is trained", bytes);
  data = static_cast<uint8_t *>(reserved);
  size = bytes;
  if (initial &&
      mmap(data, initial, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
           model.fd, off_t(model.initialOffset)) == MAP_FAILED)
    return failMemory(error, "what is trained", initial);
  uint64_t copied = (initial + page - 1) / page * page;
  madvise(data + copied, bytes - copied, MADV_HUGEPAGE); // a wish
  // The file's last page goes on behind its values.
  if (uint64_t rest = initial % page)
    memset(data + initial, 0, page - rest);
  return QOPT_OK;
}

} // namespace qopt::runtime
