// Flags as a table: parsing, suggestions, help.

#include "qopt/runtime/cli/Arguments.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

//===--- suggestions ------------------------------------------------------===//

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/// Letters to insert, delete or replace (Levenshtein); `far` when either word
/// is longer than any of our names.
static size_t distance(const char *from, const char *to) {
  constexpr size_t longest = 32, far = 2 * longest;
  size_t rows = strlen(from), columns = strlen(to);
  if (rows > longest || columns > longest)
    return far;
  size_t row[longest + 1];
  for (size_t j = 0; j <= columns; ++j)
    row[j] = j;
  for (size_t i = 1; i <= rows; ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= columns; ++j) {
      size_t replaced = diagonal + (from[i - 1] != to[j - 1]);
      diagonal = row[j];
      row[j] = least(replaced, 1 + least(row[j], row[j - 1]));
    }
  }
  return row[columns];
}

const char *closest(const char *word, const char *const *names, size_t count) {
  const char *best = nullptr;
  size_t bestDistance = 1 + strlen(word) / 3;
  for (size_t i = 0; i < count; ++i) {
    // The beginning of a name is a guess as good as a typing error.
    bool begins = strlen(word) > 2 && !strncmp(names[i], word, strlen(word));
    size_t d = begins ? 1 : distance(word, names[i]);
    if (d <= bestDistance && (!best || d < bestDistance)) {
      best = names[i];
      bestDistance = d;
    }
  }
  return best;
}

//===--- values -----------------------------------------------------------===//

bool readCount(const char *text, size_t bytes, uint64_t *value) {
  uint64_t result = 0;
  for (size_t i = 0; i < bytes; ++i) {
    if (text[i] < '0' || text[i] > '9' ||
        __builtin_mul_overflow(result, uint64_t(10), &result) ||
        __builtin_add_overflow(result, uint64_t(text[i] - '0'), &result))
      return false;
  }
  *value = result;
  return bytes > 0;
}

static bool storeCount(const Flag &flag, const char *text) {
  uint64_t value = 0;
  if (readCount(text, strlen(text), &value) && value >= flag.least &&
      value <= flag.most) {
    *static_cast<uint64_t *>(flag.target) = value;
    return true;
  }
  if (flag.most == UINT64_MAX)
    error("%s expects a whole number, at least %llu, got '%s'", flag.name,
          static_cast<unsigned long long>(flag.least), text);
  else
    error("%s expects a whole number from %llu to %llu, got '%s'", flag.name,
          static_cast<unsigned long long>(flag.least),
          static_cast<unsigned long long>(flag.most), text);
  return false;
}

static bool storeNumber(const Flag &flag, const char *text) {
  char *end = nullptr;
  double value = strtod(text, &end);
  // A NaN compares false with everything.
  if (*text && !*end && value >= 0 && value <= flag.largest) {
    *static_cast<double *>(flag.target) = value;
    return true;
  }
  error("%s expects a number from 0 to %g, got '%s'", flag.name, flag.largest,
        text);
  return false;
}

static bool store(const Flag &flag, const char *text) {
  switch (flag.kind) {
  case Flag::none:
    *static_cast<bool *>(flag.target) = true;
    return true;
  case Flag::text:
    *static_cast<const char **>(flag.target) = text;
    return true;
  case Flag::texts:
    static_cast<runtime::Growing<const char *> *>(flag.target)->push(text);
    return true;
  case Flag::count:
    return storeCount(flag, text);
  case Flag::number:
    return storeNumber(flag, text);
  }
  return false;
}

//===--- help -------------------------------------------------------------===//

/// Column where the texts of flags begin.
constexpr int helpColumn = 24;

/// A flag with its text, whose further lines are put below the first.
static void printFlag(const Flag &flag) {
  int width = printf("  %s%s%s", flag.name, flag.value ? " " : "",
                     flag.value ? flag.value : "");
  if (width > helpColumn - 2) {
    putchar('\n');
    width = 0;
  }
  printf("%*s", helpColumn - width, "");
  for (const char *c = flag.help; *c; ++c) {
    putchar(*c);
    if (*c == '\n')
      printf("%*s", helpColumn, "");
  }
  putchar('\n');
}

/// Whether a command has a flag of its own of that name.
static bool describes(const Description &description, const char *name) {
  for (size_t i = 0; i < description.flagCount; ++i)
    if (!strcmp(description.flags[i].name, name))
      return true;
  return false;
}

static void printHelp(const Invocation &invocation,
                      const Description &description, const Flag *shared,
                      size_t sharedCount) {
  printf("usage: %s %s %s\n\n%s\n", invocation.program, invocation.command,
         description.usage, description.summary);
  for (size_t i = 0; i < description.flagCount; ++i)
    printFlag(description.flags[i]);
  for (size_t i = 0; i < sharedCount; ++i)
    if (!describes(description, shared[i].name))
      printFlag(shared[i]);
}

//===--- parsing ----------------------------------------------------------===//

namespace {
/// All flags of a command: its own and the shared ones.
struct Flags {
  const Description &description;
  const Flag *shared;
  size_t sharedCount;

  size_t size() const { return description.flagCount + sharedCount; }
  const Flag &operator[](size_t i) const {
    return i < description.flagCount ? description.flags[i]
                                     : shared[i - description.flagCount];
  }
  const Flag *find(const char *word, size_t bytes) const {
    for (size_t i = 0; i < size(); ++i)
      if (strlen((*this)[i].name) == bytes &&
          !memcmp((*this)[i].name, word, bytes))
        return &(*this)[i];
    return nullptr;
  }
};
} // namespace

static void reportUnknown(const Invocation &invocation, const Flags &flags,
                          const char *word, size_t bytes) {
  if (word[0] != '-') {
    error("%s takes flags only, got '%s'; '%s %s --help' lists them",
          invocation.command, word, invocation.program, invocation.command);
    return;
  }
  char name[64];
  snprintf(name, sizeof name, "%.*s", static_cast<int>(least(bytes, 63)), word);
  runtime::Growing<const char *> names;
  for (size_t i = 0; i < flags.size(); ++i)
    names.push(flags[i].name);
  if (const char *meant = closest(name, names.begin(), names.size()))
    error("%s has no flag '%s'; did you mean '%s'?", invocation.command, name,
          meant);
  else
    error("%s has no flag '%s'; '%s %s --help' lists them", invocation.command,
          name, invocation.program, invocation.command);
}

bool parse(const Invocation &invocation, const Description &description,
           Common &common, int *code) {
  bool help = false, version = false;
  const Flag shared[] = {
      {"--threads", "N", "threads (default: the physical cores it may use)",
       common.threads, 1, 1024},
      {"--max-seq", "N",
       "longest sequence (default and most: what the model\n"
       "was compiled for)",
       common.maxSeq, 1, most32},
      {"--adapter", "DIR|none",
       "adapter: a folder, the name of one that was compiled\n"
       "in (default: the first of them), or none",
       common.adapter},
      {"--state", "FILE", "trained parameters, as 'train --state' writes them",
       common.state},
      {"--version", "print the version of qopt", version},
      {"--help", "print this", help},
      {"-h", "print this", help}};
  // -h is known, but not worth a line.
  constexpr size_t sharedCount = sizeof shared / sizeof *shared;
  Flags flags{description, shared, sharedCount};

  *code = misused;
  for (int i = 0; i < invocation.count; ++i) {
    const char *word = invocation.words[i];
    const char *equals = word[0] == '-' ? strchr(word, '=') : nullptr;
    size_t bytes = equals ? static_cast<size_t>(equals - word) : strlen(word);
    const Flag *flag = flags.find(word, bytes);
    if (!flag) {
      reportUnknown(invocation, flags, word, bytes);
      return false;
    }
    const char *value = equals ? equals + 1 : nullptr;
    if (flag->kind == Flag::none && value) {
      error("%s takes no value, got '%s'", flag->name, value);
      return false;
    }
    if (flag->kind != Flag::none && !value) {
      if (i + 1 == invocation.count) {
        error("%s expects a value: %s %s", flag->name, flag->name, flag->value);
        return false;
      }
      value = invocation.words[++i];
    }
    if (!store(*flag, value))
      return false;
  }

  if (help)
    printHelp(invocation, description, shared, sharedCount - 1);
  else if (version)
    printf("qopt %s\n", qopt_version());
  else
    return true;
  *code = flushOutput() ? done : failed;
  return false;
}

} // namespace qopt::cli
