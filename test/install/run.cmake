# Installs qopt into an empty folder, builds a program against it, runs both.
# cmake -DBUILD=<build folder> -DCXX=<compiler> -DC=<compiler> -DFLAGS=<of the linker> -P run.cmake
set(prefix ${BUILD}/test/install/prefix)
set(user ${BUILD}/test/install/user)
set(program ${CMAKE_CURRENT_LIST_DIR}/../tools/qopt/compare.mlir)
file(REMOVE_RECURSE ${prefix} ${user})
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT code EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "exit code ${code} from: ${command}\n${text}")
  endif()
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run(${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR} -B ${user}
  -DCMAKE_C_COMPILER=${C} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_EXE_LINKER_FLAGS=${FLAGS}
  -DCMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${user})
run(${user}/user ${program})
# The installed compiler finds its own bundle.
run(${prefix}/bin/qopt ${program} --emit=obj -q -o ${user}/model.o --compare)
run(${prefix}/bin/qopt-opt ${program})
run(${prefix}/bin/qopt-interpret --help)
foreach(file lib/libQoptPlugin.so lib/qopt/Scrt1.o include/qopt/dialects/nn/NnOps.td include/qopt/passes/Passes.h.inc)
  if(NOT EXISTS ${prefix}/${file})
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()
