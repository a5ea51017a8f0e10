// Puts adapters of PEFT into a context.
//
// The factors of a model's branches are weights like all others. A context that
// is given another adapter maps the weights a second time, privately, and
// writes the new factors over the old ones there: pages that nobody writes stay
// shared. Factors that are trained are variables, which each context has.

#include "qopt/runtime/Adapters.h"

#include "qopt/runtime/Context.h"
#include "qopt/runtime/Tensors.h"
#include "qopt/runtime/cuda/Execute.h"

#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::runtime {

/// Beginnings that take something off the base.
static const char *const changingInits[] = {"pissa", "olora", "corda", "loftq",
                                            "lora_ga"};

namespace {

/// A tensor of a safetensors file.
struct Factor {
  const char *type;
  uint64_t rows, columns;
  const uint8_t *data;
};

/// A file that is mapped to be read.
struct Mapping {
  ~Mapping() {
    if (data)
      munmap(data, size);
  }
  void *data = nullptr;
  uint64_t size = 0;
};

/// One change of a context's adapter.
class Change {
public:
  Change(qopt_context &context, const char *adapter, qopt_error *error)
      : context(context), adapter(adapter), error(error) {
    const char *slash = strrchr(adapter, '/');
    label = slash && slash[1] ? slash + 1 : adapter;
  }

  qopt_status run();

private:
  qopt_status own();
  qopt_status useCompiled(size_t which);
  qopt_status useFolder();
  qopt_status readConfig();
  qopt_status mapFactors();
  qopt_status find(const char *key, Factor *factor);
  qopt_status checkKeys();
  qopt_status check(const Slot &slot);
  double scaleOf(const char *module, uint64_t rank);
  void write(const Slot &slot, const Factor *factor, double by);

  qopt_context &context;
  const char *adapter, *label; ///< as given, and the end of its path
  qopt_error *error;
  Growing<Slot> slots;
  JsonText info, config, header;
  Mapping file;
  uint64_t dataBegin = 0;
};

} // namespace

qopt_status readSlots(const qopt_model &model, const JsonText &info,
                      Growing<Slot> &slots, qopt_error *error) {
  const JsonValue *adapters = info.member(info.root(), "adapters");
  if (!adapters)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "the model has no place for adapters: compile it with qopt "
                "--adapter DIR, or with branches (--lora-rank) beside weights "
                "that are not rotated");
  if (info.isTrue(adapters, "fixed"))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "its adapter replaced parameters (modules_to_save): it "
                "cannot be taken off; compile the model without it");
  const JsonValue *list = info.member(adapters, "slots");
  for (const JsonValue *each = info.first(list); each;
       each = info.next(list, each)) {
    Slot slot{info.textOf(each, "module"),
              !strcmp(info.textOf(each, "factor"), "A"),
              !strcmp(info.textOf(each, "type"), "f16"),
              info.isTrue(each, "plain"),
              info.countOf(each, "rows"),
              info.countOf(each, "columns"),
              info.countOf(each, "panel"),
              info.countOf(each, "offset"),
              info.countOf(each, "bytes"),
              info.isTrue(each, "variable"),
              info.numberOf(each, "scale", 0),
              info.member(each, "copies")};
    uint64_t size =
        slot.variable ? model.program->variables_bytes : model.weightsBytes;
    if (slot.offset > size || slot.bytes > size - slot.offset)
      return fail(error, QOPT_CORRUPT, "the model's adapters are damaged");
    slots.push(slot);
  }
  return slots.failed() ? failMemory(error, "adapters", 0) : QOPT_OK;
}

/// Gives the context weights of its own; only pages of slots can be written.
qopt_status Change::own() {
  bool needed = false;
  for (const Slot &slot : slots)
    needed |= !slot.variable;
  if (context.weights || !needed)
    return QOPT_OK;
  const qopt_model &model = *context.model;
  void *mapped = mmap(nullptr, model.weightsBytes, PROT_READ, MAP_PRIVATE,
                      model.fd, off_t(model.weightsOffset));
  if (mapped == MAP_FAILED)
    return failMemory(error, "the adapter's weights", model.weightsBytes);
  auto *weights = static_cast<uint8_t *>(mapped);
  for (const Slot &slot : slots) {
    if (slot.variable)
      continue;
    uint64_t page = 4096, begin = slot.offset / page * page;
    uint64_t end = slot.offset + slot.bytes;
    if (mprotect(weights + begin, end - begin, PROT_READ | PROT_WRITE)) {
      munmap(mapped, model.weightsBytes);
      return failMemory(error, "the adapter's weights", end - begin);
    }
  }
  context.weights = weights;
  return QOPT_OK;
}

qopt_status Change::useCompiled(size_t which) {
  if (qopt_status status = own())
    return status;
  for (const Slot &slot : slots) {
    if (slot.variable) {
      if (!context.variables.reset(*context.model, slot.offset, slot.bytes))
        return fail(error, QOPT_CORRUPT, "the model's file cannot be read");
      continue;
    }
    uint64_t from = slot.offset;
    if (which > 0)
      from = JsonText::toCount(info.element(slot.copies, uint32_t(which - 1)));
    if (from > context.model->weightsBytes - slot.bytes)
      return fail(error, QOPT_CORRUPT, "the model's adapters are damaged");
    memcpy(context.weights + slot.offset, context.model->weights + from,
           slot.bytes);
  }
  return QOPT_OK;
}

//===----------------------------------------------------------------------===//
// Folders
//===----------------------------------------------------------------------===//

/// False, null and what is empty ask for nothing.
static bool asksFor(const JsonValue *value) {
  if (!value || value->kind == JsonValue::null || value->kind == JsonValue::no)
    return false;
  bool holds =
      value->kind == JsonValue::array || value->kind == JsonValue::object;
  return !holds || value->count;
}

qopt_status Change::readConfig() {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/adapter_config.json", adapter) >=
      int(sizeof path))
    return fail(error, QOPT_INVALID_ARGUMENT, "the adapter's path is too long");
  char why[64];
  if (!config.parseFile(path))
    return fail(error, QOPT_NOT_FOUND,
                "cannot read '%.120s': %s; expected none, a name that was "
                "compiled in, or a folder",
                path, strerror_r(errno, why, sizeof why));
  const JsonValue *root = config.root();
  const char *type = config.textOf(root, "peft_type");
  if (strcmp(type, "LORA"))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "adapter '%.80s' has peft_type '%.40s', expected LORA", label,
                type);
  static const char *const changing[] = {
      "use_dora",          "lora_bias",
      "use_qalora",        "use_bdlora",
      "layer_replication", "trainable_token_indices",
      "modules_to_save",   "alora_invocation_tokens",
      "target_parameters", "arrow_config"};
  for (const char *key : changing)
    if (asksFor(config.member(root, key)))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "adapter '%.80s' asks for %s, which cannot be honoured at "
                  "run time",
                  label, key);
  const char *bias = config.textOf(root, "bias", "none");
  if (strcmp(bias, "none"))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "adapter '%.80s' has bias '%.40s', expected none", label, bias);
  const char *init = config.textOf(root, "init_lora_weights");
  for (const char *each : changingInits)
    if (!strncmp(init, each, strlen(each)))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "adapter '%.80s' has init_lora_weights '%.40s', which "
                  "changes the base: convert it when it is saved",
                  label, init);
  const char *base = config.textOf(root, "qopt_base");
  const char *own = info.textOf(info.root(), "source_hash");
  if (*base && strcmp(base, own))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "adapter '%.60s' was made for the base %.40s, this one is "
                "%.40s",
                label, base, own);
  return QOPT_OK;
}

qopt_status Change::mapFactors() {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/adapter_model.safetensors", adapter) >=
      int(sizeof path))
    return fail(error, QOPT_INVALID_ARGUMENT, "the adapter's path is too long");
  auto damaged = [&](const char *what) {
    return fail(error, QOPT_CORRUPT, "'%.120s' is no safetensors file: %s",
                path, what);
  };
  int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status)) {
    char text[64];
    if (fd >= 0)
      ::close(fd);
    return fail(error, QOPT_NOT_FOUND, "cannot open '%.150s': %s", path,
                strerror_r(errno, text, sizeof text));
  }
  file.size = uint64_t(status.st_size);
  void *mapped = file.size < 8
                     ? MAP_FAILED
                     : mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (mapped == MAP_FAILED)
    return damaged("it is too short");
  file.data = mapped;
  uint64_t length;
  memcpy(&length, mapped, 8);
  if (length > file.size - 8)
    return damaged("its header is cut off");
  if (!header.parse(static_cast<const char *>(mapped) + 8, length) ||
      header.root()->kind != JsonValue::object)
    return damaged("its header is no JSON");
  dataBegin = 8 + length;
  return QOPT_OK;
}

static uint64_t bytesOf(const char *type) {
  if (!strcmp(type, "F32"))
    return 4;
  return !strcmp(type, "F16") || !strcmp(type, "BF16") ? 2 : 0;
}

/// An element as a float.
static float elementOf(const Factor &factor, uint64_t at) {
  if (bytesOf(factor.type) == 4) {
    float value;
    memcpy(&value, factor.data + 4 * at, 4);
    return value;
  }
  uint16_t word;
  memcpy(&word, factor.data + 2 * at, 2);
  return widen(word, strcmp(factor.type, "F16") ? QOPT_BF16 : QOPT_F16);
}

/// The tensor of that key; its data is null if there is none.
qopt_status Change::find(const char *key, Factor *factor) {
  *factor = Factor{};
  const JsonValue *entry = header.member(header.root(), key);
  if (!entry)
    return QOPT_OK;
  const JsonValue *shape = header.member(entry, "shape");
  const JsonValue *range = header.member(entry, "data_offsets");
  auto at = [&](const JsonValue *array, uint32_t i) {
    return JsonText::toCount(header.element(array, i));
  };
  factor->type = header.textOf(entry, "dtype");
  factor->rows = at(shape, 0);
  factor->columns = at(shape, 1);
  uint64_t from = at(range, 0), to = at(range, 1);
  uint64_t size, room = file.size - dataBegin;
  if (!bytesOf(factor->type) || !shape || shape->count != 2)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.150s' is no matrix of F32, F16 or BF16", key);
  if (!multiply(factor->rows, factor->columns, &size) ||
      !multiply(size, bytesOf(factor->type), &size) || from > room ||
      to > room || to - from != size)
    return fail(error, QOPT_CORRUPT, "'%.150s' does not lie inside of its file",
                key);
  factor->data = static_cast<const uint8_t *>(file.data) + dataBegin + from;
  return QOPT_OK;
}

void nameOf(char (&key)[1024], const char *module, bool isA) {
  snprintf(key, sizeof key, "base_model.model.%s.lora_%c.weight", module,
           isA ? 'A' : 'B');
}

/// Every tensor of the file has a slot.
qopt_status Change::checkKeys() {
  const JsonValue *root = header.root();
  for (const JsonValue *each = header.first(root); each;
       each = header.next(root, each)) {
    const char *key = each->name;
    if (!strcmp(key, "__metadata__"))
      continue;
    bool known = false;
    for (const Slot &slot : slots) {
      char own[1024];
      nameOf(own, slot.module, slot.isA);
      known |= !strcmp(own, key);
    }
    if (!known)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "the model has no branch for '%.120s': compile the adapter "
                  "in with qopt --adapter",
                  key);
  }
  return QOPT_OK;
}

qopt_status Change::check(const Slot &slot) {
  char key[1024];
  Factor factor;
  nameOf(key, slot.module, slot.isA);
  if (qopt_status status = find(key, &factor))
    return status;
  if (!slot.plain)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "the branch of '%.100s' is in another basis than PEFT's "
                "(rotated or folded): compile the adapter in with qopt "
                "--adapter",
                slot.module);
  if (!factor.data) {
    char other[1024];
    nameOf(other, slot.module, !slot.isA);
    return header.member(header.root(), other)
               ? fail(error, QOPT_INVALID_ARGUMENT,
                      "'%.100s' has only one factor", slot.module)
               : QOPT_OK;
  }
  uint64_t own = slot.isA ? slot.columns : slot.rows;
  uint64_t got = slot.isA ? factor.columns : factor.rows;
  if (own != got)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.100s' has %llu features in the adapter and %llu here: it "
                "was made for another base",
                slot.module, static_cast<unsigned long long>(got),
                static_cast<unsigned long long>(own));
  uint64_t most = slot.isA ? slot.rows : slot.columns;
  uint64_t rank = slot.isA ? factor.rows : factor.columns;
  if (rank > most || !rank)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.100s' has rank %llu, the model has room for %llu: "
                "compile the adapter in with qopt --adapter",
                slot.module, static_cast<unsigned long long>(rank),
                static_cast<unsigned long long>(most));
  for (uint64_t i = 0; i < factor.rows * factor.columns; ++i)
    if (!__builtin_isfinite(elementOf(factor, i)))
      return fail(error, QOPT_CORRUPT,
                  "'%.150s' holds what is no finite number", key);
  if (!__builtin_isfinite(scaleOf(slot.module, rank)))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "adapter '%.80s' expects a number lora_alpha, and patterns "
                "that POSIX knows",
                label);
  return QOPT_OK;
}

/// Alpha over the rank, or its root; NaN if it cannot be told.
double Change::scaleOf(const char *module, uint64_t rank) {
  const JsonValue *root = config.root();
  double alpha = config.numberOf(root, "lora_alpha", __builtin_nan(""));
  const JsonValue *patterns = config.member(root, "alpha_pattern");
  for (const JsonValue *each = config.first(patterns); each;
       each = config.next(patterns, each)) {
    char whole[1024];
    regex_t regex;
    snprintf(whole, sizeof whole, "^(.*\\.)?(%s)$", each->name);
    if (each->kind != JsonValue::number ||
        regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB))
      return __builtin_nan("");
    if (!regexec(&regex, module, 0, nullptr, 0))
      alpha = each->value;
    regfree(&regex);
  }
  double r = double(rank);
  if (config.isTrue(root, "use_rslora"))
    r = _mm_cvtsd_f64(_mm_sqrt_pd(_mm_set1_pd(r))); // there is no libm
  return alpha / r;
}

/// The nearest half of a finite number, ties to even.
static uint16_t toHalf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size >= 0x47800000) // 65536
    return uint16_t(sign | 0x7c00);
  if (size < 0x38800000) { // 2^-14: what is added rounds at 2^-24
    float whole = (value < 0 ? -value : value) * 0x1p24f + 0x1p23f;
    memcpy(&bits, &whole, 4);
    return uint16_t(sign | (bits & 0x7ff));
  }
  size += 0xfff + (size >> 13 & 1);
  return uint16_t(sign | (size - 0x38000000) >> 13);
}

/// A factor times `by`, in the layout of its slot, zeros where it ends; null:
/// all zeros.
void Change::write(const Slot &slot, const Factor *factor, double by) {
  uint8_t *to =
      (slot.variable ? context.variables.get() : context.weights) + slot.offset;
  memset(to, 0, slot.bytes);
  if (!factor)
    return;
  for (uint64_t n = 0; n < factor->rows; ++n)
    for (uint64_t c = 0; c < factor->columns; ++c) {
      auto value =
          float(double(elementOf(*factor, n * factor->columns + c)) * by);
      uint64_t p = slot.panel;
      uint64_t at =
          p ? (n / p * slot.columns + c) * p + n % p : n * slot.columns + c;
      if (slot.isHalf) {
        uint16_t half = toHalf(value);
        memcpy(to + 2 * at, &half, 2);
      } else {
        memcpy(to + 4 * at, &value, 4);
      }
    }
}

qopt_status Change::useFolder() {
  qopt_status status = readConfig();
  if (!status)
    status = mapFactors();
  if (!status)
    status = checkKeys();
  for (const Slot &slot : slots)
    if (!status)
      status = check(slot);
  if (!status)
    status = own();
  if (status)
    return status;
  for (const Slot &slot : slots) {
    char key[1024];
    Factor factor;
    nameOf(key, slot.module, slot.isA);
    if ((status = find(key, &factor)))
      return status;
    double by = 1;
    if (factor.data && !slot.isA && slot.scale != 0)
      by = scaleOf(slot.module, factor.columns) / slot.scale;
    write(slot, factor.data ? &factor : nullptr, by);
  }
  return QOPT_OK;
}

qopt_status Change::run() {
  if (!info.parse(context.model->info, strlen(context.model->info)))
    return fail(error, QOPT_CORRUPT, "the model's description is damaged");
  if (qopt_status status = readSlots(*context.model, info, slots, error))
    return status;
  if (!strcmp(adapter, "none")) {
    if (qopt_status status = own())
      return status;
    for (const Slot &slot : slots)
      write(slot, nullptr, 0);
    return QOPT_OK;
  }
  const JsonValue *names =
      info.member(info.member(info.root(), "adapters"), "names");
  size_t which = 0;
  for (const JsonValue *each = info.first(names); each;
       each = info.next(names, each), ++which)
    if (!strcmp(each->string, adapter))
      return useCompiled(which);
  return useFolder();
}

void releaseWeights(qopt_context &context) {
  if (context.weights)
    munmap(context.weights, context.model->weightsBytes);
  context.weights = nullptr;
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_context_use_adapter(qopt_context *context, const char *adapter,
                                     qopt_error *error) {
  if (!context || !adapter)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context and the name of an adapter");
  if (qopt_status status = cuda::beforeRead(*context, error))
    return status;
  qopt_status status = Change(*context, adapter, error).run();
  cuda::afterWrite(*context);
  return status;
}
