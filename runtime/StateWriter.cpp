// Writes state files, whole or not at all.

#include "qopt/runtime/Hash.h"
#include "qopt/runtime/JsonPut.h"
#include "qopt/runtime/Replacement.h"
#include "qopt/runtime/State.h"
#include "qopt/runtime/cuda/Execute.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace qopt::runtime {

const char *stateTypeName(uint32_t type) {
  // In the order of qopt_type.
  static constexpr const char *names[] = {"F32", "F16", "BF16", "F64", "I8",
                                          "I16", "I32", "I64",  "U8",  "BOOL"};
  return type <= QOPT_BOOL ? names[type] : "?";
}

qopt_status readIdentity(const qopt_model &model, JsonText &info,
                         const char **hash, const char **recipe,
                         qopt_error *error) {
  if (!info.parse(model.info, strlen(model.info)))
    return fail(error, QOPT_CORRUPT, "the model's description is damaged");
  *hash = info.textOf(info.root(), "source_hash");
  *recipe = info.textOf(info.root(), "recipe");
  return QOPT_OK;
}

bool DataHash::add(const uint8_t *data, uint64_t bytes) {
  hashes.push(xxh64(data, bytes));
  return !hashes.failed();
}

void DataHash::finish(char (&text)[32]) const {
  auto *bytes = reinterpret_cast<const uint8_t *>(hashes.begin());
  uint64_t all = xxh64(bytes, hashes.size() * sizeof(uint64_t));
  snprintf(text, sizeof text, "xxh64:%016llx",
           static_cast<unsigned long long>(all));
}

namespace {

/// One state file under construction.
class Writer {
public:
  Writer(const qopt_context &context, const char *path,
         const qopt_train_state &state, qopt_error *error)
      : context(context), program(*context.model->program), path(path),
        state(state), error(error) {}
  ~Writer() { free(header); }

  qopt_status run();

private:
  qopt_status makeHeader();
  void putMetadata(FILE *out, const char *hash, const char *recipe,
                   const char *dataHash);
  void putTensors(FILE *out);
  bool writeAll(Replacement &file);

  template <typename Body> void forEachKept(Body body) {
    for (uint32_t i = 0; i < program.variable_count; ++i)
      if (isKept(program, program.variables[i]))
        body(program.variables[i],
             context.variables.get() + program.variables[i].offset);
  }

  const qopt_context &context;
  const qopt_program &program;
  const char *path;
  const qopt_train_state &state;
  qopt_error *error;
  char *header = nullptr;
  size_t headerBytes = 0;
};

} // namespace

void Writer::putMetadata(FILE *out, const char *hash, const char *recipe,
                         const char *dataHash) {
  auto text = [&](const char *key, const char *value) {
    putText(out, key);
    fputc(':', out);
    putText(out, value);
    fputc(',', out);
  };
  auto count = [&](const char *key, uint64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu",
             static_cast<unsigned long long>(value));
    text(key, digits);
  };
  fputs("{\"__metadata__\":{", out);
  text(state::formatVersion, state::version);
  text(state::model, hash);
  text(state::recipe, recipe);
  count(state::step, state.step);
  count(state::seed, state.seed);
  count(state::dataPosition, state.data_position);
  text(state::data, state.data);
  text(state::dataHash, dataHash);
  // A list in a text: only digits and signs, which need no backslash.
  fprintf(out, "\"%s\":\"[", state::lambda);
  for (size_t i = 0; i < context.lambda.size(); ++i) {
    fputs(i ? "," : "", out);
    putNumber(out, double(context.lambda[i]));
  }
  fputs("]\"}", out);
}

void Writer::putTensors(FILE *out) {
  uint64_t offset = 0;
  forEachKept([&](const qopt_variable &variable, const uint8_t *) {
    fputc(',', out);
    putText(out, variable.name);
    fprintf(out, ":{\"dtype\":\"%s\",\"shape\":[",
            stateTypeName(variable.type));
    for (uint32_t d = 0; d < variable.rank; ++d)
      fprintf(out, d ? ",%lld" : "%lld",
              static_cast<long long>(variable.dims[d]));
    uint64_t next = offset + bytesOf(variable);
    fprintf(out, "],\"data_offsets\":[%llu,%llu]}",
            static_cast<unsigned long long>(offset),
            static_cast<unsigned long long>(next));
    offset = next;
  });
}

qopt_status Writer::makeHeader() {
  JsonText info;
  const char *hash = "", *recipe = "";
  if (qopt_status status =
          readIdentity(*context.model, info, &hash, &recipe, error))
    return status;
  DataHash dataHash;
  bool fine = true;
  forEachKept([&](const qopt_variable &variable, const uint8_t *data) {
    fine = fine && dataHash.add(data, bytesOf(variable));
  });
  char digits[32];
  dataHash.finish(digits);

  FILE *out = fine ? open_memstream(&header, &headerBytes) : nullptr;
  if (out) {
    putMetadata(out, hash, recipe, digits);
    putTensors(out);
    fputc('}', out);
    // The data begins at a multiple of 64, as it lies in a context.
    while (!ferror(out) && ftell(out) % 64 != 56)
      fputc(' ', out);
    fine = !ferror(out);
    fine &= fclose(out) == 0;
  }
  return out && fine ? QOPT_OK
                     : failMemory(error, "the state file's header", 0);
}

bool Writer::writeAll(Replacement &file) {
  uint64_t length = headerBytes;
  bool fine = file.open() && file.write(&length, sizeof length) &&
              file.write(header, headerBytes);
  forEachKept([&](const qopt_variable &variable, const uint8_t *data) {
    fine = fine && file.write(data, bytesOf(variable));
  });
  return fine && file.commit();
}

qopt_status Writer::run() {
  if (qopt_status status = makeHeader())
    return status;
  Replacement file(path);
  if (writeAll(file))
    return QOPT_OK;
  if (errno == EWOULDBLOCK)
    return fail(error, QOPT_UNAVAILABLE,
                "cannot write '%.120s': another program is writing it; give "
                "each run a state file of its own",
                path);
  char text[64];
  return fail(error, QOPT_UNAVAILABLE,
              "cannot write '%.120s': %s; what was there before is as it was",
              path, strerror_r(errno, text, sizeof text));
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_state_save(const qopt_context *context, const char *path,
                            const qopt_train_state *state, qopt_error *error) {
  if (!context || !path || !*path || !state || state->size < sizeof *state ||
      !memchr(state->data, 0, sizeof state->data))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context, a path, and a state with its size set and "
                "a text that ends");
  if (!context->model->program->variable_count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "the model has no state: it was not compiled for training "
                "(qopt --train)");
  if (qopt_status status =
          cuda::beforeRead(const_cast<qopt_context &>(*context), error))
    return status;
  return Writer(*context, path, *state, error).run();
}
