# find_package(qopt): the dialects and passes as libraries.
include(CMakeFindDependencyMacro)
find_dependency(MLIR 22.1 CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
include(${CMAKE_CURRENT_LIST_DIR}/qoptTargets.cmake)
