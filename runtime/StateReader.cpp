// Reads state files. Nothing in them is believed before it was checked, and
// nothing of a context changes before all was.

#include "qopt/runtime/State.h"
#include "qopt/runtime/cuda/Execute.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::runtime {

namespace {

/// "[2, 3]", as far as there is room.
class ShapeText {
public:
  void add(int64_t size) {
    if (used + 24 > sizeof text)
      return;
    used += size_t(snprintf(text + used, sizeof text - used, "%s%lld",
                            used ? ", " : "[", static_cast<long long>(size)));
  }
  const char *get() {
    strcpy(text + used, used ? "]" : "[]");
    return text;
  }

private:
  char text[80] = "";
  size_t used = 0;
};

/// One file that is being read.
class Reader {
public:
  Reader(qopt_context &context, const char *path, qopt_error *error)
      : context(context), program(*context.model->program), path(path),
        error(error) {}
  ~Reader() {
    if (map)
      munmap(map, size);
  }

  qopt_status run(qopt_train_state *state);

private:
  qopt_status damaged(const char *what) {
    return fail(error, QOPT_CORRUPT, "'%.100s' is no whole state file: %s",
                path, what);
  }
  qopt_status mapFile();
  qopt_status parseHeader();
  qopt_status checkOrigin();
  qopt_status readCounts(qopt_train_state &state);
  qopt_status readLambda();
  qopt_status checkNames();
  qopt_status find(const qopt_variable &variable, const uint8_t **data);
  qopt_status checkHash();
  void forget(const uint8_t *data, uint64_t bytes);
  void copy();
  const char *said(const char *key) const {
    return header.textOf(metadata, key);
  }

  qopt_context &context;
  const qopt_program &program;
  const char *path;
  qopt_error *error;
  void *map = nullptr;
  uint64_t size = 0, dataBegin = 0;
  JsonText header;
  const JsonValue *metadata = nullptr;
  Growing<float> lambda;
  Growing<const uint8_t *> places; ///< of all variables; null for sums
};

} // namespace

qopt_status Reader::mapFile() {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about = {};
  if (file >= 0 && fstat(file, &about) == 0 && !S_ISREG(about.st_mode)) {
    close(file);
    return damaged("it is no file");
  }
  if (file < 0) {
    char text[64];
    return fail(error, QOPT_NOT_FOUND, "cannot read '%.120s': %s", path,
                strerror_r(errno, text, sizeof text));
  }
  size = uint64_t(about.st_size);
  void *mapped =
      size ? mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
  close(file);
  if (!size)
    return damaged("it is empty");
  if (mapped == MAP_FAILED)
    return failMemory(error, "the state file", size);
  map = mapped;
  return QOPT_OK;
}

qopt_status Reader::parseHeader() {
  auto *bytes = static_cast<const uint8_t *>(map);
  uint64_t length = 0;
  if (size >= sizeof length)
    memcpy(&length, bytes, sizeof length);
  if (size < sizeof length || length > size - sizeof length)
    return damaged("it was cut off, or is no safetensors file");
  dataBegin = sizeof length + length;
  if (!header.parse(reinterpret_cast<const char *>(bytes + sizeof length),
                    length) ||
      header.root()->kind != JsonValue::object)
    return damaged("its header is no JSON");
  metadata = header.member(header.root(), "__metadata__");
  const char *version = said(state::formatVersion);
  if (!*version)
    return damaged("its header names no format_version; expected what 'train' "
                   "writes");
  if (strcmp(version, state::version))
    return fail(error, QOPT_CORRUPT,
                "'%.100s': expected version %s of the format, got '%.20s'; use "
                "the qopt that wrote it",
                path, state::version, version);
  return QOPT_OK;
}

/// The model that is open, and its recipe.
qopt_status Reader::checkOrigin() {
  JsonText info;
  const char *hash = "", *recipe = "";
  if (qopt_status status =
          readIdentity(*context.model, info, &hash, &recipe, error))
    return status;
  if (strcmp(said(state::model), hash))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.80s' is the state of another model: expected one of %.30s, "
                "got %.30s",
                path, hash, said(state::model));
  if (strcmp(said(state::recipe), recipe))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.80s' is the state of another recipe: expected '%.40s', got "
                "'%.40s'; compile the model with --recipe=%.40s",
                path, recipe, said(state::recipe), said(state::recipe));
  return QOPT_OK;
}

/// A whole number in a text.
static bool readDigits(const char *text, uint64_t *value) {
  *value = 0;
  const char *at = text;
  for (; *at >= '0' && *at <= '9'; ++at)
    if (!multiply(*value, 10, value) ||
        !add(*value, uint64_t(*at - '0'), value))
      return false;
  return at > text && !*at;
}

qopt_status Reader::readCounts(qopt_train_state &state) {
  const char *data = said(state::data);
  if (!readDigits(said(state::step), &state.step) ||
      !readDigits(said(state::seed), &state.seed) ||
      !readDigits(said(state::dataPosition), &state.data_position) ||
      strlen(data) >= sizeof state.data)
    return damaged("step, seed or data_position is no number");
  strcpy(state.data, data);
  return QOPT_OK;
}

qopt_status Reader::readLambda() {
  const char *text = said(state::lambda);
  JsonText list;
  if (!list.parse(text, strlen(text)) || list.root()->kind != JsonValue::array)
    return damaged("lambda is no list");
  for (const JsonValue *each = list.first(list.root()); each;
       each = list.next(list.root(), each)) {
    if (each->kind != JsonValue::number || !(each->value >= 0) ||
        each->value > 1)
      return damaged("lambda is no list of numbers from 0 to 1");
    lambda.push(float(each->value));
  }
  if (lambda.failed())
    return failMemory(error, "lambda", list.root()->count * sizeof(float));
  if (lambda.size() != context.lambda.size())
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.100s': expected lambda for %zu sites, got %zu", path,
                context.lambda.size(), lambda.size());
  return QOPT_OK;
}

/// Everything in the file is something here.
qopt_status Reader::checkNames() {
  const JsonValue *root = header.root();
  for (const JsonValue *each = header.first(root); each;
       each = header.next(root, each)) {
    if (!strcmp(each->name, "__metadata__"))
      continue;
    const qopt_variable *variable = findVariable(program, each->name);
    if (!variable || !isKept(program, *variable))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "'%.80s' holds '%.80s', which this model does not have: it "
                  "was compiled with another --train or --optim",
                  path, each->name);
  }
  return QOPT_OK;
}

/// Where the file has the variable.
qopt_status Reader::find(const qopt_variable &variable, const uint8_t **data) {
  const JsonValue *entry = header.member(header.root(), variable.name);
  if (!entry)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.80s' lacks '%.80s': it was trained with another --train or "
                "--optim",
                path, variable.name);
  const JsonValue *shape = header.member(entry, "shape"),
                  *range = header.member(entry, "data_offsets");
  const char *type = header.textOf(entry, "dtype");
  bool same = !strcmp(type, stateTypeName(variable.type)) && shape &&
              shape->kind == JsonValue::array && shape->count == variable.rank;
  ShapeText got;
  for (uint32_t d = 0; shape && d < shape->count; ++d) {
    uint64_t dim = JsonText::toCount(header.element(shape, d));
    same = same && d < variable.rank && dim == uint64_t(variable.dims[d]);
    got.add(int64_t(dim));
  }
  ShapeText wanted;
  for (uint32_t d = 0; d < variable.rank; ++d)
    wanted.add(variable.dims[d]);
  if (!same)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.60s': '%.80s': expected %s %s, got %.8s %s", path,
                variable.name, stateTypeName(variable.type), wanted.get(), type,
                got.get());
  uint64_t from = JsonText::toCount(header.element(range, 0)),
           to = JsonText::toCount(header.element(range, 1)),
           room = size - dataBegin;
  if (from > to || to > room || to - from != bytesOf(variable))
    return damaged("it was cut off: a tensor does not lie inside of it");
  *data = static_cast<const uint8_t *>(map) + dataBegin + from;
  return QOPT_OK;
}

/// Gives pages of the file back that were read: a state and its copy together
/// would be the most memory that a run takes.
void Reader::forget(const uint8_t *data, uint64_t bytes) {
  constexpr uintptr_t page = 4096;
  auto begin = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
  auto end = (reinterpret_cast<uintptr_t>(data) + bytes) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

/// Files that others wrote have no hash.
qopt_status Reader::checkHash() {
  const char *expected = said(state::dataHash);
  if (!*expected)
    return QOPT_OK;
  DataHash hash;
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    uint64_t bytes = bytesOf(program.variables[i]);
    if (places[i] && !hash.add(places[i], bytes))
      return failMemory(error, "the state file's hash", 0);
    if (places[i])
      forget(places[i], bytes);
  }
  char text[32];
  hash.finish(text);
  return strcmp(text, expected) ? damaged("its data was altered") : QOPT_OK;
}

void Reader::copy() {
  // Only the parameters begin with values, and all of them come.
  context.variables.own(*context.model, /*values=*/false);
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const qopt_variable &variable = program.variables[i];
    uint8_t *to = context.variables.get() + variable.offset;
    if (!places[i])
      continue; // sums of gradients are zero between steps
    memcpy(to, places[i], bytesOf(variable));
    forget(places[i], bytesOf(variable));
  }
  for (size_t i = 0; i < lambda.size(); ++i)
    context.lambda[i] = lambda[i];
  context.position = 0;
}

qopt_status Reader::run(qopt_train_state *result) {
  qopt_train_state state = {};
  qopt_status status = mapFile();
  if (!status)
    status = parseHeader();
  if (!status)
    status = checkOrigin();
  if (!status)
    status = readCounts(state);
  if (!status)
    status = readLambda();
  if (!status)
    status = checkNames();
  if (!places.resize(program.variable_count))
    return failMemory(error, "the names of a state", program.variable_count);
  for (uint32_t i = 0; !status && i < program.variable_count; ++i) {
    places[i] = nullptr;
    if (isKept(program, program.variables[i]))
      status = find(program.variables[i], &places[i]);
  }
  if (!status)
    status = checkHash();
  if (status)
    return status;
  copy();
  if (result) {
    state.size = result->size;
    *result = state;
  }
  return QOPT_OK;
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_state_load(qopt_context *context, const char *path,
                            qopt_train_state *state, qopt_error *error) {
  if (!context || !path || (state && state->size < sizeof *state))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context, a path, and a state with its size set");
  if (!context->model->program->variable_count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "the model has no state: it was not compiled for training "
                "(qopt --train)");
  if (qopt_status status = cuda::beforeRead(*context, error))
    return status;
  qopt_status status = Reader(*context, path, error).run(state);
  cuda::afterWrite(*context);
  return status;
}
