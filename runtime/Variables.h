// What a context changes and keeps: trained parameters, and what their
// optimizers remember.
#ifndef QOPT_RUNTIME_VARIABLES_H
#define QOPT_RUNTIME_VARIABLES_H

#include "qopt/runtime/Model.h"

namespace qopt::runtime {

/// What a variable is to a training. States and sums are told by their names:
/// NAME.adamw.m, NAME.muon.momentum, NAME.sgd.v and the like, and NAME.grad,
/// where NAME is a variable, too.
enum class VariableRole { parameter, state, sum };

VariableRole roleOf(const qopt_program &program, const qopt_variable &variable);

/// The variable of that name, or null.
const qopt_variable *findVariable(const qopt_program &program,
                                  const char *name);

/// Bytes of its elements; checkVariables has seen that there are so many.
uint64_t bytesOf(const qopt_variable &variable);

/// Whether the table of a file's variables is one: each lies in their area, and
/// has a type.
bool checkVariables(const qopt_program &program);

/// How many values of lambda the model's entries take; 0: none.
uint64_t lambdaCount(const qopt_variant *variant);

/// The variables of a context: one piece of address space. It begins with the
/// file's values, copied page by page when they are written; what lies behind
/// them is zero, and takes memory only once it is written.
class Variables {
public:
  Variables() = default;
  Variables(const Variables &) = delete;
  Variables &operator=(const Variables &) = delete;
  ~Variables();

  /// Nothing happens for a model without variables.
  qopt_status open(const qopt_model &model, qopt_error *error);

  /// Some bytes become what they began with; false if the file cannot be read.
  bool reset(const qopt_model &model, uint64_t offset, uint64_t bytes);

  /// Copies the file's values into memory of large pages, at the same place: a
  /// step writes all of them anyway, and sweeps over them again and again.
  /// Nothing happens where there is no such memory, or the second time. Without
  /// `values` only the memory changes: they are about to be written.
  void own(const qopt_model &model, bool values);

  /// Maps the teacher behind the variables; nothing happens without one, or the
  /// second time. For a device it is only noted that steps read one.
  qopt_status openTeacher(const qopt_model &model, qopt_error *error);

  /// Whether a step may come, which reads the teacher.
  bool areTaught() const { return taught; }

  uint8_t *get() const { return data; }
  /// With the teacher's address space behind them.
  uint64_t bytes() const { return size; }

private:
  uint8_t *data = nullptr;
  uint64_t size = 0;
  bool owned = false, taught = false;
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_VARIABLES_H
