// Writes the adapter that a context uses, for PEFT and for qopt.

#include "qopt/runtime/Adapters.h"
#include "qopt/runtime/JsonPut.h"
#include "qopt/runtime/Tensors.h"
#include "qopt/runtime/cuda/Execute.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::runtime {

namespace {

/// A folder that is being written.
class Writer {
public:
  Writer(const qopt_context &context, const char *folder, qopt_error *error)
      : context(context), folder(folder), error(error) {}

  qopt_status run();

private:
  /// Writes `name` in the folder under another name first.
  template <typename Body> qopt_status replace(const char *name, Body body);
  bool writeConfig(FILE *file);
  bool writeFactors(FILE *file);
  bool writeFactor(const Slot &slot, FILE *file);

  const qopt_context &context;
  const char *folder;
  qopt_error *error;
  JsonText info;
  Growing<Slot> slots;
};

} // namespace

template <typename Body>
qopt_status Writer::replace(const char *name, Body body) {
  char path[4096], temporary[4112];
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= int(sizeof path))
    return fail(error, QOPT_INVALID_ARGUMENT, "the folder's path is too long");
  snprintf(temporary, sizeof temporary, "%s.part", path);
  FILE *file = fopen(temporary, "wb");
  bool fine = file && body(file) && !fflush(file) && !fsync(fileno(file));
  if (file)
    fine &= !fclose(file);
  if (fine && !rename(temporary, path))
    return QOPT_OK;
  char text[64];
  qopt_status status =
      fail(error, QOPT_UNAVAILABLE, "cannot write '%.150s': %s", path,
           strerror_r(errno, text, sizeof text));
  if (file)
    unlink(temporary);
  return status;
}

/// One rank and alpha for all; who differs has an entry under its whole name.
bool Writer::writeConfig(FILE *file) {
  double rank = 0, alpha = 0;
  for (const Slot &slot : slots)
    if (slot.isA && rank == 0) {
      rank = double(slot.rows);
      alpha = slot.scale * rank;
    }
  fputs("{\n  \"peft_type\": \"LORA\",\n  \"task_type\": \"CAUSAL_LM\",\n"
        "  \"bias\": \"none\",\n  \"use_rslora\": false,\n"
        "  \"inference_mode\": true,\n  \"r\": ",
        file);
  putNumber(file, rank);
  fputs(",\n  \"lora_alpha\": ", file);
  putNumber(file, alpha);
  auto table = [&](const char *name, auto valueOf, double usual) {
    fprintf(file, ",\n  \"%s\": {", name);
    const char *separator = "";
    for (const Slot &slot : slots)
      if (double value = valueOf(slot); slot.isA && value != usual) {
        fputs(separator, file);
        putText(file, slot.module);
        fputs(": ", file);
        putNumber(file, value);
        separator = ", ";
      }
    fputc('}', file);
  };
  table(
      "rank_pattern", [](const Slot &s) { return double(s.rows); }, rank);
  table(
      "alpha_pattern", [](const Slot &s) { return s.scale * double(s.rows); },
      alpha);
  fputs(",\n  \"target_modules\": [", file);
  const char *separator = "";
  for (const Slot &slot : slots)
    if (slot.isA) {
      fputs(separator, file);
      putText(file, slot.module);
      separator = ", ";
    }
  fputs("],\n  \"qopt_base\": ", file);
  putText(file, info.textOf(info.root(), "source_hash"));
  fputs("\n}\n", file);
  return !ferror(file);
}

/// One factor, row after row, in f32.
bool Writer::writeFactor(const Slot &slot, FILE *file) {
  const uint8_t *from = slot.variable     ? context.variables.get()
                        : context.weights ? context.weights
                                          : context.model->weights;
  from += slot.offset;
  for (uint64_t n = 0; n < slot.rows; ++n)
    for (uint64_t c = 0; c < slot.columns; ++c) {
      float value;
      uint16_t half;
      if (slot.isHalf) {
        memcpy(&half, from + 2 * slot.place(n, c), 2);
        value = widen(half, QOPT_F16);
      } else {
        memcpy(&value, from + 4 * slot.place(n, c), 4);
      }
      if (fwrite(&value, 4, 1, file) != 1)
        return false;
    }
  return true;
}

bool Writer::writeFactors(FILE *file) {
  // The length of the header comes first, and is known last.
  uint64_t offset = 0, length = 0;
  fwrite(&length, 8, 1, file);
  const char *separator = "{";
  for (const Slot &slot : slots) {
    char key[1024];
    nameOf(key, slot.module, slot.isA);
    uint64_t next = offset + 4 * slot.rows * slot.columns;
    fputs(separator, file);
    putText(file, key);
    fprintf(file,
            ":{\"dtype\":\"F32\",\"shape\":[%llu,%llu],"
            "\"data_offsets\":[%llu,%llu]}",
            static_cast<unsigned long long>(slot.rows),
            static_cast<unsigned long long>(slot.columns),
            static_cast<unsigned long long>(offset),
            static_cast<unsigned long long>(next));
    separator = ",";
    offset = next;
  }
  fputc('}', file);
  // The data begins at a multiple of 8.
  while (!ferror(file) && ftell(file) % 8)
    fputc(' ', file);
  length = uint64_t(ftell(file)) - 8;
  bool fine = !fseek(file, 0, SEEK_SET) && fwrite(&length, 8, 1, file) == 1 &&
              !fseek(file, 0, SEEK_END);
  for (const Slot &slot : slots)
    fine = fine && writeFactor(slot, file);
  return fine && !ferror(file);
}

qopt_status Writer::run() {
  if (!info.parse(context.model->info, strlen(context.model->info)))
    return fail(error, QOPT_CORRUPT, "the model's description is damaged");
  if (qopt_status status = readSlots(*context.model, info, slots, error))
    return status;
  for (const Slot &slot : slots)
    if (!slot.plain)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "the branch of '%.100s' is in another basis than PEFT's "
                  "(rotated or folded): it cannot be written",
                  slot.module);
  if (mkdir(folder, 0777) && errno != EEXIST) {
    char text[64];
    return fail(error, QOPT_UNAVAILABLE, "cannot make '%.150s': %s", folder,
                strerror_r(errno, text, sizeof text));
  }
  qopt_status status = replace("adapter_model.safetensors",
                               [&](FILE *file) { return writeFactors(file); });
  if (status)
    return status;
  return replace("adapter_config.json",
                 [&](FILE *file) { return writeConfig(file); });
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_context_save_adapter(const qopt_context *context,
                                      const char *folder, qopt_error *error) {
  if (!context || !folder)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context and a folder");
  if (qopt_status status =
          cuda::beforeRead(const_cast<qopt_context &>(*context), error))
    return status;
  return Writer(*context, folder, error).run();
}
