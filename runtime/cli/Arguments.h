// Flags as a table: what they are called, where their value goes, what --help
// says about them.
#ifndef QOPT_RUNTIME_CLI_ARGUMENTS_H
#define QOPT_RUNTIME_CLI_ARGUMENTS_H

#include "qopt/runtime/Growing.h"

namespace qopt::cli {

/// One flag. `value` is what --help calls its value; null for a flag without.
/// A flag given twice keeps the last value, unless its target takes many.
struct Flag {
  enum Kind { none, text, texts, count, number };

  Flag(const char *name, const char *help, bool &target)
      : name(name), value(nullptr), help(help), kind(none), target(&target) {}
  Flag(const char *name, const char *value, const char *help,
       const char *&target)
      : name(name), value(value), help(help), kind(text), target(&target) {}
  Flag(const char *name, const char *value, const char *help,
       runtime::Growing<const char *> &target)
      : name(name), value(value), help(help), kind(texts), target(&target) {}
  Flag(const char *name, const char *value, const char *help, uint64_t &target,
       uint64_t least, uint64_t most)
      : name(name), value(value), help(help), kind(count), target(&target),
        least(least), most(most) {}
  Flag(const char *name, const char *value, const char *help, double &target,
       double most)
      : name(name), value(value), help(help), kind(number), target(&target),
        largest(most) {}

  const char *name, *value, *help;
  Kind kind;
  void *target;
  uint64_t least = 0, most = UINT64_MAX; ///< of a count
  double largest = 0;                    ///< of a number; the least is 0
};

/// The words of a command line behind the command.
struct Invocation {
  const char *program, *command;
  int count;
  char **words;
};

/// Flags that all commands share.
struct Common {
  uint64_t threads = 0;          ///< 0: the physical cores
  uint64_t maxSeq = 0;           ///< 0: what the model was compiled for
  const char *adapter = nullptr; ///< null: the one that is compiled in
  const char *state = nullptr;   ///< null: as it was compiled
};

/// What a command is, for --help.
struct Description {
  const char *usage;   ///< behind the command's name
  const char *summary; ///< a paragraph; lines end in '\n'
  const Flag *flags;
  size_t flagCount;
};

/// Reads the words into the targets of the flags and `common`. True: go on.
/// False: help was printed or the words are wrong, and `*code` is the exit
/// code.
bool parse(const Invocation &invocation, const Description &description,
           Common &common, int *code);

/// The one of `names` that `word` was probably meant to be, or null.
const char *closest(const char *word, const char *const *names, size_t count);

/// A whole number without sign; false for anything else.
bool readCount(const char *text, size_t bytes, uint64_t *value);

/// The most that the C API takes.
constexpr uint64_t most32 = UINT32_MAX;

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_ARGUMENTS_H
