// The model that another learns from, in its own files.
#ifndef QOPT_RUNTIME_TEACHER_H
#define QOPT_RUNTIME_TEACHER_H

#include "qopt/runtime/Model.h"

namespace qopt::runtime {

/// Bytes that it takes behind the variables: address space for its files, or,
/// of a program for a device, memory for its weights; 0: there is none.
uint64_t teacherBytes(const qopt_model &model);

/// Maps the files to be read, at `to`. Refused: a file that is missing, or
/// another than the one that the model was compiled with.
qopt_status mapTeacher(const qopt_model &model, uint8_t *to, qopt_error *error);

/// Takes some bytes of a weight, whose place is `at` bytes behind the first.
using TakePart = qopt_status (*)(void *taker, uint64_t at, const uint8_t *data,
                                 uint64_t bytes, qopt_error *error);

/// The same for a program for a device: hands over one weight after the other.
qopt_status readTeacher(const qopt_model &model, TakePart take, void *taker,
                        qopt_error *error);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_TEACHER_H
