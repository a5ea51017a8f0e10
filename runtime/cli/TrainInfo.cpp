// What `info` says of a model that trains: read off the program itself.

#include "qopt/runtime/cli/TrainInfo.h"
#include "qopt/runtime/Context.h"
#include "qopt/runtime/cli/MemoryPlan.h"

#include <stdio.h>
#include <string.h>

namespace qopt::cli {

namespace {
/// Sums over the variables of a program.
struct Training {
  explicit Training(const qopt_program &program);

  uint64_t tensors = 0, parameters = 0, parameterBytes = 0, stateBytes = 0;
  bool uses[3] = {}; ///< optimizers
};
} // namespace

constexpr const char *optimizers[] = {"adamw", "muon", "sgd"};

/// Which optimizer a state belongs to: "NAME.adamw.m".
static bool isStateOf(const char *name, const char *optimizer) {
  const char *found = strstr(name, optimizer);
  return found && found > name && found[-1] == '.' &&
         found[strlen(optimizer)] == '.';
}

Training::Training(const qopt_program &program) {
  for (uint32_t i = 0; i < program.variable_count; ++i) {
    const qopt_variable &variable = program.variables[i];
    uint64_t bytes = runtime::bytesOf(variable);
    switch (runtime::roleOf(program, variable)) {
    case runtime::VariableRole::parameter:
      ++tensors;
      parameters += bytes / runtime::sizeOf(variable.type);
      parameterBytes += bytes;
      break;
    case runtime::VariableRole::state:
      stateBytes += bytes;
      for (size_t k = 0; k < 3; ++k)
        uses[k] |= isStateOf(variable.name, optimizers[k]);
      break;
    case runtime::VariableRole::sum:
      break;
    }
  }
}

void printTraining(const qopt_model *model) {
  Training training(*model->program);
  if (!training.tensors)
    return;
  printf("training    %llu parameters in %llu tensors (%s)",
         static_cast<unsigned long long>(training.parameters),
         static_cast<unsigned long long>(training.tensors),
         ByteText(training.parameterBytes).text);
  for (size_t k = 0; k < 3; ++k)
    printf("%s%s", training.uses[k] ? ", " : "",
           training.uses[k] ? optimizers[k] : "");
  printf(" with states of %s", ByteText(training.stateBytes).text);
  if (uint64_t sites = qopt_model_lambda_count(model))
    printf(", lambda of %llu sites", static_cast<unsigned long long>(sites));
  printf("\n");
}

void addTraining(Json &info, const qopt_model *model) {
  Training training(*model->program);
  if (!training.tensors)
    return;
  Json facts(json_object());
  facts.set("parameters", training.parameters);
  facts.set("tensors", training.tensors);
  facts.set("parameter_bytes", training.parameterBytes);
  facts.set("state_bytes", training.stateBytes);
  facts.set("lambda_sites", qopt_model_lambda_count(model));
  json_t *names = json_array();
  for (size_t k = 0; k < 3; ++k)
    if (training.uses[k])
      json_array_append_new(names, json_string(optimizers[k]));
  json_object_set_new(facts.get(), "optimizers", names);
  json_object_set(info.get(), "training", facts.get());
}

} // namespace qopt::cli
