// Opens compiled files: footer, weights, program, variant.
//
// Nothing in a file is believed before it was checked, but its code is run: a
// compiled model is a program.

#include "qopt/runtime/Model.h"

#include "qopt/runtime/Cpu.h"
#include "qopt/runtime/Hash.h"
#include "qopt/runtime/Variables.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::runtime {

namespace {

/// Opens one file, step by step; the first that fails says why.
class Opening {
public:
  Opening(const char *path, qopt_error *error) : path(path), error(error) {}
  ~Opening() {
    if (fd >= 0)
      ::close(fd);
  }

  qopt_status open(qopt_model &model);

private:
  const char *name() const { return path ? path : "this program's file"; }
  qopt_status corrupt(const char *what) {
    return fail(error, QOPT_CORRUPT,
                "'%.100s' is damaged: %s; compile the model again", name(),
                what);
  }
  qopt_status openFile();
  qopt_status readFooter();
  qopt_status checkRanges();
  qopt_status map(qopt_model &model);
  qopt_status findProgram(qopt_model &model);
  qopt_status loadLibrary(qopt_model &model);
  qopt_status checkProgram(qopt_model &model);
  qopt_status chooseVariant(qopt_model &model);
  qopt_status finish(qopt_model &model);
  bool isOwn();
  bool isLibrary();

  const char *path;
  qopt_error *error;
  int fd = -1;
  uint64_t bytes = 0; ///< of the file
  struct stat info;
  qopt_footer footer;
};

} // namespace

qopt_status Opening::openFile() {
  fd = path ? ::open(path, O_RDONLY | O_CLOEXEC) : openOwnFile();
  if (fd < 0) {
    char text[64];
    return fail(error, QOPT_NOT_FOUND, "cannot open '%.150s': %s", name(),
                strerror_r(errno, text, sizeof text));
  }
  if (fstat(fd, &info) || !S_ISREG(info.st_mode))
    return fail(error, QOPT_NOT_FOUND,
                "'%.100s' is no file: expected an executable or library that "
                "qopt wrote",
                name());
  bytes = uint64_t(info.st_size);
  return QOPT_OK;
}

qopt_status Opening::readFooter() {
  if (bytes < sizeof footer ||
      pread(fd, &footer, sizeof footer, off_t(bytes - sizeof footer)) !=
          ssize_t(sizeof footer) ||
      memcmp(footer.magic, QOPT_MAGIC, sizeof footer.magic))
    return fail(error, QOPT_CORRUPT,
                "'%.80s' does not end as a compiled model does: it was cut "
                "off, or qopt did not write it (strip removes the weights)",
                name());
  if (footer.abi_version != QOPT_ABI_VERSION)
    return fail(error, QOPT_CORRUPT,
                "'%.80s': expected version %u of the format, got %u; compile "
                "the model again",
                name(), QOPT_ABI_VERSION, footer.abi_version);
  return checkRanges();
}

/// Weights, initial values, tokenizer and info follow one another up to the
/// footer.
qopt_status Opening::checkRanges() {
  const uint64_t ranges[][2] = {
      {footer.weights_offset, footer.weights_bytes},
      {footer.initial_offset, footer.initial_bytes},
      {footer.tokenizer_offset, footer.tokenizer_bytes},
      {footer.info_offset, footer.info_bytes}};
  uint64_t end = bytes - sizeof footer, position = 0;
  for (auto [offset, size] : ranges) {
    if (offset % 4096 || offset < position || offset > end ||
        size > end - offset)
      return corrupt("its parts do not lie inside of it");
    position = offset + size;
  }
  if (position != end || !footer.info_bytes)
    return corrupt("its parts do not fill it");
  return QOPT_OK;
}

qopt_status Opening::map(qopt_model &model) {
  uint64_t size = bytes - footer.weights_offset;
  void *mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd,
                      off_t(footer.weights_offset));
  if (mapped == MAP_FAILED)
    return fail(error, QOPT_UNAVAILABLE,
                "cannot map '%.100s': %llu bytes of address space are needed",
                name(), static_cast<unsigned long long>(size));
  model.map = static_cast<const uint8_t *>(mapped);
  model.mapBytes = size;
  model.weightsOffset = footer.weights_offset;
  model.initialOffset = footer.initial_offset;
  model.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  // Read ahead: soon all of it will be used. Large pages where the system has
  // them for files. Both are wishes.
  madvise(mapped, size, MADV_WILLNEED);
  madvise(mapped, size, MADV_HUGEPAGE);
  auto at = [&](uint64_t offset) {
    return model.map + (offset - footer.weights_offset);
  };
  model.weights = at(footer.weights_offset);
  model.weightsBytes = footer.weights_bytes;
  model.tokenizerBlob = at(footer.tokenizer_offset);
  model.tokenizerBytes = footer.tokenizer_bytes;
  const uint8_t *text = at(footer.info_offset);
  if (xxh64(text, footer.info_bytes) != footer.info_hash)
    return corrupt("its description was altered");
  model.info = static_cast<char *>(malloc(footer.info_bytes + 1));
  if (!model.info)
    return failMemory(error, "the description", footer.info_bytes + 1);
  memcpy(model.info, text, footer.info_bytes);
  model.info[footer.info_bytes] = 0;
  return QOPT_OK;
}

/// Whether the file is the one that this code comes from.
bool Opening::isOwn() {
  if (!path)
    return true;
  struct stat own;
  int ownFd = openOwnFile();
  bool same = ownFd >= 0 && !fstat(ownFd, &own) && own.st_dev == info.st_dev &&
              own.st_ino == info.st_ino;
  if (ownFd >= 0)
    ::close(ownFd);
  return same;
}

/// Whether it is an ELF library: position-independent, without a loader.
bool Opening::isLibrary() {
  Elf64_Ehdr header;
  if (pread(fd, &header, sizeof header, 0) != ssize_t(sizeof header) ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_type != ET_DYN)
    return false;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    uint64_t offset = header.e_phoff + i * sizeof segment;
    if (offset > bytes ||
        pread(fd, &segment, sizeof segment, off_t(offset)) !=
            ssize_t(sizeof segment) ||
        segment.p_type == PT_INTERP)
      return false;
  }
  return true;
}

qopt_status Opening::loadLibrary(qopt_model &model) {
  if (!isLibrary())
    return fail(error, QOPT_INVALID_ARGUMENT,
                "'%.80s' is another executable: only itself can open it; "
                "compile the model with --emit=lib to open it from here",
                name());
  // A path with a slash, which dlopen takes as it is.
  char *real = realpath(path, nullptr);
  model.library = real ? dlopen(real, RTLD_NOW | RTLD_LOCAL) : nullptr;
  free(real);
  if (!model.library) {
    const char *why = dlerror();
    return fail(error, QOPT_CORRUPT, "cannot load '%.80s': %.140s", name(),
                why ? why : "unknown error");
  }
  auto program = reinterpret_cast<const qopt_program *(*)()>(
      dlsym(model.library, "qopt_library_program"));
  if (!program)
    return corrupt("it exports no qopt_library_program");
  model.program = program();
  return QOPT_OK;
}

qopt_status Opening::findProgram(qopt_model &model) {
  if (isOwn())
    model.program = ownProgram();
  else if (qopt_status status = loadLibrary(model))
    return status;
  if (model.program->abi_version != QOPT_ABI_VERSION)
    return fail(error, QOPT_CORRUPT,
                "'%.80s': expected code of version %u, got %u; compile the "
                "model again",
                name(), QOPT_ABI_VERSION, model.program->abi_version);
  if (model.program->info_hash != footer.info_hash ||
      model.program->weights_bytes != footer.weights_bytes ||
      model.program->initial_bytes != footer.initial_bytes)
    return corrupt("its weights belong to other code");
  if (!checkVariables(*model.program))
    return corrupt("what it trains does not lie inside of it");
  return QOPT_OK;
}

qopt_status Opening::chooseVariant(qopt_model &model) {
  uint64_t has = cpuFeatures();
  const char *missing = nullptr;
  const qopt_variant *least = nullptr;
  for (uint32_t i = 0; i < model.program->variant_count; ++i) {
    least = &model.program->variants[i];
    missing = cpuMissing(least->features | cpuBaseline, has);
    if (!missing) {
      model.variant = least;
      return QOPT_OK;
    }
  }
  if (!least)
    return corrupt("it has no code");
  return fail(error, QOPT_UNAVAILABLE,
              "this CPU lacks %s, which the code for %.20s needs; compile the "
              "model with --mcpu=native on this machine, or --mcpu=plain",
              missing, least->name);
}

qopt_status Opening::finish(qopt_model &model) {
  model.prefill = findEntry(model.variant, "prefill");
  model.decode = findEntry(model.variant, "decode");
  model.nll = findEntry(model.variant, "nll");
  model.trainStep = findEntry(model.variant, "train_step");
  model.trainAccumulate = findEntry(model.variant, "train_accumulate");
  model.trainUpdate = findEntry(model.variant, "train_update");
  model.signatures = makeSignatures(model.variant);
  if (!model.signatures)
    return failMemory(error, "the signatures",
                      model.variant->entry_count * sizeof(qopt_signature));
  if (!model.tokenizerBytes)
    return QOPT_OK;
  char message[200];
  if (!tokenizerOpen(model.tokenizerBlob, model.tokenizerBytes,
                     &model.tokenizer, message, sizeof message))
    return fail(error, QOPT_CORRUPT, "%s", message);
  return QOPT_OK;
}

qopt_status Opening::open(qopt_model &model) {
  qopt_status status = openFile();
  if (!status)
    status = readFooter();
  if (!status)
    status = map(model);
  if (!status)
    status = findProgram(model);
  if (!status)
    status = chooseVariant(model);
  return status ? status : finish(model);
}

} // namespace qopt::runtime

using namespace qopt::runtime;

const char *qopt_version(void) { return QOPT_VERSION; }

qopt_status qopt_model_open(const char *path, qopt_model **out,
                            qopt_error *error) {
  if (!out)
    return fail(error, QOPT_INVALID_ARGUMENT, "expected a place for the model");
  auto *model = static_cast<qopt_model *>(calloc(1, sizeof(qopt_model)));
  if (!model)
    return failMemory(error, "a model", sizeof(qopt_model));
  if (qopt_status status = Opening(path, error).open(*model)) {
    qopt_model_close(model);
    return status;
  }
  *out = model;
  return QOPT_OK;
}

void qopt_model_close(qopt_model *model) {
  if (!model)
    return;
  tokenizerClose(model->tokenizer);
  free(model->signatures);
  free(model->info);
  if (model->map) {
    munmap(const_cast<uint8_t *>(model->map), model->mapBytes);
    if (model->fd >= 0)
      close(model->fd);
  }
  if (model->library)
    dlclose(model->library);
  free(model);
}

const char *qopt_model_info(const qopt_model *model) { return model->info; }

int64_t qopt_model_vocabulary(const qopt_model *model) {
  return model->prefill ? model->program->vocabulary : 0;
}

int qopt_model_has_cache(const qopt_model *model) {
  return model->prefill && model->prefill->state_count;
}
