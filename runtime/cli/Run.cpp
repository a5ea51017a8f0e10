// `run`: the model on .npy files, with the ONNX model's own inputs and outputs.

#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Entry.h"
#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Report.h"

#include <errno.h>
#include <stdio.h>

namespace qopt::cli {

using Names = runtime::Growing<char>;

/// Appends "a, b, c" to `list`.
static void listName(Names &list, const char *name) {
  if (list.size())
    list.append(", ", 2);
  list.append(name, strlen(name));
}

//===--- inputs -----------------------------------------------------------===//

/// The input that NAME=FILE names; a name may hold '=' itself.
static int64_t findInput(const qopt_signature &signature, const char *word,
                         const char **path) {
  for (uint32_t i = 0; i < signature.input_count; ++i) {
    size_t bytes = strlen(signature.inputs[i].name);
    if (!strncmp(word, signature.inputs[i].name, bytes) && word[bytes] == '=') {
      *path = word + bytes + 1;
      return i;
    }
  }
  Names known;
  for (uint32_t i = 0; i < signature.input_count; ++i)
    listName(known, signature.inputs[i].name);
  error("the model has no input '%.*s'; it has %.*s",
        static_cast<int>(strcspn(word, "=")), word,
        static_cast<int>(known.size()), known.begin());
  return -1;
}

/// Types must be equal: a silent conversion would hide a mistake.
static bool checkType(const qopt_value &input, const Array &array,
                      const char *path) {
  if (input.type.code == array.type.code && input.type.bits == array.type.bits)
    return true;
  error("input '%s' expects %s, got %s in '%s'; save a.astype('%s')",
        input.name, TypeName(input.type).text, TypeName(array.type).text, path,
        numpyName(input.type));
  return false;
}

static bool readInputs(const qopt_signature &signature,
                       const runtime::Growing<const char *> &words,
                       Arrays &arrays) {
  for (const char *word : words) {
    const char *path = nullptr;
    int64_t i = findInput(signature, word, &path);
    if (i < 0)
      return false;
    Array &array = arrays[static_cast<size_t>(i)];
    if (array.data) {
      error("input '%s' is given twice", signature.inputs[i].name);
      return false;
    }
    if (!readNpy(path, array) || !checkType(signature.inputs[i], array, path))
      return false;
  }

  Names missing;
  for (uint32_t i = 0; i < signature.input_count; ++i)
    if (!arrays[i].data)
      listName(missing, signature.inputs[i].name);
  if (missing.size())
    error("inputs are missing: %.*s; give each as --input NAME=FILE.npy",
          static_cast<int>(missing.size()), missing.begin());
  return missing.size() == 0;
}

//===--- outputs ----------------------------------------------------------===//

/// "NAME.npy", with '_' for what a file name should not hold.
static bool fileName(const char *name, runtime::Growing<char> &file) {
  for (const char *c = name; *c; ++c) {
    bool kept = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
                (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-';
    file.push(kept ? *c : '_');
  }
  file.append(".npy", 5);
  return !file.failed();
}

/// Two outputs must not end in one file.
static bool checkNames(const qopt_signature &signature) {
  for (uint32_t i = 0; i < signature.output_count; ++i)
    for (uint32_t j = 0; j < i; ++j) {
      runtime::Growing<char> one, other;
      const char *first = signature.outputs[j].name;
      const char *second = signature.outputs[i].name;
      if (!fileName(first, other) || !fileName(second, one))
        return false;
      if (!strcmp(one.begin(), other.begin())) {
        error("outputs '%s' and '%s' would both be written to '%s'", first,
              second, one.begin());
        return false;
      }
    }
  return true;
}

static bool writeOutputs(const qopt_signature &signature, const char *folder,
                         const Arrays &outputs) {
  OutputFolder files;
  if (!files.open(folder))
    return false;
  for (uint32_t i = 0; i < signature.output_count; ++i) {
    runtime::Growing<char> name;
    if (!fileName(signature.outputs[i].name, name))
      return false;
    const Array &array = outputs[i];
    int file = files.begin(name.begin());
    if (file < 0 || !files.finish(writeNpy(file, array.type, array.shape,
                                           array.rank, array.data)))
      return false;
  }
  return files.commit();
}

//===--- the command ------------------------------------------------------===//

int run(const Invocation &invocation) {
  runtime::Growing<const char *> words;
  const char *folder = nullptr;
  Common common;
  const Flag flags[] = {
      {"--input", "NAME=FILE", "an input as .npy file; once for each input",
       words},
      {"--output-dir", "DIR",
       "folder for the outputs, NAME.npy each; made if missing", folder}};
  Description about = {
      "--input NAME=FILE.npy ... --output-dir DIR",
      "Runs the model with the inputs and outputs of its ONNX file.\n", flags,
      sizeof flags / sizeof *flags};
  int code = done;
  if (!parse(invocation, about, common, &code))
    return code;
  if (!folder) {
    error("run expects --output-dir DIR");
    return misused;
  }
  for (const char *word : words)
    if (!strchr(word, '=')) {
      error("--input expects NAME=FILE.npy, got '%s'", word);
      return misused;
    }

  Session session;
  if (!session.open(common))
    return failed;
  Entry entry(session);
  if (!entry.open() || !checkNames(entry.signature) ||
      !readInputs(entry.signature, words, entry.inputs) ||
      !entry.makeOutputs() || !entry.run())
    return failed;
  return writeOutputs(entry.signature, folder, entry.outputs) ? done : failed;
}

} // namespace qopt::cli
