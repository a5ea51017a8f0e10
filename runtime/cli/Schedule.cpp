// What changes from step to step: the learning rate, and lambda.

#include "qopt/runtime/cli/Schedule.h"
#include "qopt/runtime/Numbers.h"
#include "qopt/runtime/cli/Arguments.h"

#include <stdlib.h>
#include <string.h>

namespace qopt::cli {

bool RateSchedule::setShape(const char *name) {
  const char *const names[] = {"constant", "linear", "cosine"};
  for (int i = 0; i < 3; ++i)
    if (!strcmp(name, names[i])) {
      shape = static_cast<Shape>(i);
      return true;
    }
  return false;
}

double RateSchedule::after(uint64_t done) const {
  if (done < warmup)
    return peak * static_cast<double>(done + 1) /
           static_cast<double>(warmup + 1);
  if (shape == constant || done >= steps)
    return shape == constant ? peak : 0;
  double passed =
      static_cast<double>(done - warmup) / static_cast<double>(steps - warmup);
  if (shape == linear)
    return peak * (1 - passed);
  return peak * (1 + runtime::cosineOfPi(passed)) / 2;
}

bool LambdaSchedule::parse(const char *text) {
  const char *colon = strchr(text, ':');
  if (!colon) {
    char *end = nullptr;
    value = strtod(text, &end);
    shape = fixed;
    return *text && !*end && value >= 0 && value <= 1;
  }
  bool isLinear = !strncmp(text, "linear:", 7),
       isLayers = !strncmp(text, "layers:", 7);
  shape = isLinear ? linear : layers;
  return (isLinear || isLayers) &&
         readCount(colon + 1, strlen(colon + 1), &steps) && steps;
}

void LambdaSchedule::setLinear(uint64_t wanted) {
  shape = linear;
  steps = wanted ? wanted : 1;
}

void LambdaSchedule::after(uint64_t done, float *values, uint64_t sites) const {
  double part = static_cast<double>(done) / static_cast<double>(steps);
  for (uint64_t site = 0; site < sites; ++site) {
    double lambda = value;
    if (shape == linear)
      lambda = part;
    else if (shape == layers)
      lambda = part * static_cast<double>(sites) - static_cast<double>(site);
    values[site] = static_cast<float>(lambda < 0 ? 0 : lambda > 1 ? 1 : lambda);
  }
}

} // namespace qopt::cli
