// What a context changes and keeps: where it lies, and what it is.

#include "qopt/runtime/Variables.h"

#include "qopt/runtime/Context.h"
#include "qopt/runtime/Teacher.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace qopt::runtime {

static constexpr uint64_t page = 4096, largePage = 2 << 20;

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

bool Variables::reset(const qopt_model &model, uint64_t offset,
                      uint64_t bytes) {
  uint64_t initial = model.program->initial_bytes, stored = 0;
  if (offset < initial)
    stored = bytes < initial - offset ? bytes : initial - offset;
  memset(data + offset + stored, 0, bytes - stored);
  while (stored) {
    ssize_t got = pread(model.fd, data + offset, stored,
                        off_t(model.initialOffset + offset));
    if (got <= 0)
      return false;
    offset += uint64_t(got);
    stored -= uint64_t(got);
  }
  return true;
}

/// Pages at a multiple of a large one's size; null if there is no such room.
static uint8_t *reserve(uint64_t bytes) {
  void *mapped = mmap(nullptr, bytes + largePage, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    return nullptr;
  auto *begin = static_cast<uint8_t *>(mapped);
  uint64_t before = -reinterpret_cast<uintptr_t>(begin) % largePage;
  if (before)
    munmap(begin, before);
  munmap(begin + before + bytes, largePage - before);
  return begin + before;
}

void Variables::own(const qopt_model &model, bool values) {
  uint64_t initial = model.program->initial_bytes;
  if (owned || !initial)
    return;
  owned = true;
  uint64_t bytes = (initial + page - 1) / page * page;
  uint8_t *copy = reserve(bytes);
  if (!copy)
    return;
  madvise(copy, bytes, MADV_HUGEPAGE); // a wish
  if (values)
    memcpy(copy, data, bytes);
  if (mremap(copy, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, data) ==
      MAP_FAILED)
    munmap(copy, bytes);
}

qopt_status Variables::openTeacher(const qopt_model &model, qopt_error *error) {
  uint64_t bytes = model.program->variables_bytes;
  qopt_status status = QOPT_OK;
  if (data && !taught && !model.program->device)
    status = mapTeacher(model, data + (bytes + page - 1) / page * page, error);
  taught |= status == QOPT_OK;
  return status;
}

qopt_status Variables::open(const qopt_model &model, qopt_error *error) {
  const qopt_program &program = *model.program;
  if (!program.variable_count)
    return QOPT_OK;
  uint64_t bytes = (program.variables_bytes + page - 1) / page * page;
  uint64_t initial = program.initial_bytes;
  uint64_t teacher = program.device ? 0 : teacherBytes(model);
  data = reserve(bytes + teacher);
  if (!data)
    return failMemory(error, "what is trained", bytes);
  size = bytes + teacher;
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
