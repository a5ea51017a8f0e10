// The command line of an emitted executable.

#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Report.h"

#include <signal.h>
#include <stdio.h>

namespace qopt::cli {

namespace {
struct Command {
  const char *name, *summary;
  int (*run)(const Invocation &invocation);
};
} // namespace

constexpr Command commands[] = {
    {"info", "what the model is, and what it needs", info},
    {"run", "run the model on .npy files", run},
    {"generate", "continue a text", generate},
    {"bench", "measure speed", bench},
    {"eval", "measure perplexity on a text", eval},
    {"train", "train the model, if it was compiled for it", train}};

static void printHelp(FILE *stream, const char *program) {
  fprintf(stream, "usage: %s COMMAND [flags]\n\n", program);
  for (const Command &command : commands)
    fprintf(stream, "  %-10s%s\n", command.name, command.summary);
  fprintf(stream,
          "\n'%s COMMAND --help' lists the flags of a command. Results go to "
          "stdout,\nall else to stderr. Exit codes: 0; 1, the model or its "
          "data is the reason;\n2, the command line is wrong.\n",
          program);
}

static int start(int count, char **words) {
  // A reader that has gone is an error of write(), which ends us quietly.
  signal(SIGPIPE, SIG_IGN);
  // So is a file that may not grow.
  signal(SIGXFSZ, SIG_IGN);
  const char *program = count > 0 ? words[0] : "model";
  if (count < 2) {
    printHelp(stderr, program);
    return misused;
  }

  const char *word = words[1];
  if (!strcmp(word, "--help") || !strcmp(word, "-h"))
    printHelp(stdout, program);
  else if (!strcmp(word, "--version"))
    printf("qopt %s\n", qopt_version());
  if (!strcmp(word, "--help") || !strcmp(word, "-h") ||
      !strcmp(word, "--version"))
    return flushOutput() ? done : failed;

  constexpr size_t commandCount = sizeof commands / sizeof *commands;
  const char *names[commandCount];
  for (size_t i = 0; i < commandCount; ++i) {
    names[i] = commands[i].name;
    if (!strcmp(word, names[i]))
      return commands[i].run({program, word, count - 2, words + 2});
  }
  if (word[0] == '-')
    error("a command comes before the flags: %s COMMAND %s", program, word);
  else if (const char *meant = closest(word, names, commandCount))
    error("there is no command '%s'; did you mean '%s'?", word, meant);
  else
    error("there is no command '%s'; '%s --help' lists them", word, program);
  return misused;
}

} // namespace qopt::cli

int main(int count, char **words) { return qopt::cli::start(count, words); }
