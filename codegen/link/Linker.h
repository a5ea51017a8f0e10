// Links the object of a compiled model: LLD in this process.

#ifndef QOPT_CODEGEN_LINK_LINKER_H
#define QOPT_CODEGEN_LINK_LINKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace qopt::link {

/// What a model's object becomes.
enum class Kind {
  executable, ///< position-independent, `main` is the runtime's
  library     ///< exports what runtime/qopt.h declares
};

/// Links `object` with the bundle in the folder `bundle` (startup files,
/// runtime, compiler-rt's builtins) and this machine's libc.so.6 into the file
/// `output`. `name` is what a library calls itself. The same object gives the
/// same bytes.
llvm::Error linkObject(llvm::ArrayRef<char> object, Kind kind,
                       llvm::StringRef bundle, llvm::StringRef output,
                       llvm::StringRef name);

} // namespace qopt::link

#endif // QOPT_CODEGEN_LINK_LINKER_H
