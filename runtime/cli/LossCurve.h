// The losses of a run as a picture.
#ifndef QOPT_RUNTIME_CLI_LOSSCURVE_H
#define QOPT_RUNTIME_CLI_LOSSCURVE_H

#include "qopt/runtime/cli/TrainLog.h"

namespace qopt::cli {

/// Writes an SVG of the losses of `title`; false leaves the reason in errno.
/// Nothing is written where there are no losses.
bool writeLossCurve(const char *path, const char *title,
                    const runtime::Growing<LossPoint> &points);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_LOSSCURVE_H
