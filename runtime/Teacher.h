// The model that another learns from, in its own files.
#ifndef QOPT_RUNTIME_TEACHER_H
#define QOPT_RUNTIME_TEACHER_H

#include "qopt/runtime/Model.h"

namespace qopt::runtime {

/// Bytes of address space that its files take behind the variables; 0: there is
/// none.
uint64_t teacherBytes(const qopt_model &model);

/// Maps the files to be read, at `to`. Refused: a file that is missing, or
/// another than the one that the model was compiled with.
qopt_status mapTeacher(const qopt_model &model, uint8_t *to, qopt_error *error);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_TEACHER_H
