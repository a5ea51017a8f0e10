# What `cmake --install` puts where; find_package(qopt) finds it again.
set(programs qopt qopt-opt qopt-interpret qopt-gguf-to-onnx)
set_target_properties(${programs} QoptPlugin PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS ${programs} RUNTIME DESTINATION bin)
install(TARGETS QoptPlugin LIBRARY DESTINATION lib)
install(DIRECTORY ${CMAKE_BINARY_DIR}/lib/qopt DESTINATION lib)
install(DIRECTORY codegen dialects frontends passes runtime DESTINATION include/qopt
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
foreach(folder dialects passes)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/${folder} DESTINATION include/qopt
    FILES_MATCHING PATTERN "*.h.inc" PATTERN "CMakeFiles" EXCLUDE)
endforeach()
# qopt::Nn, qopt::Lowbit, qopt::Train, qopt::Kernel, qopt::Passes
foreach(library Nn Lowbit Train Kernel Passes)
  set_target_properties(Qopt${library} PROPERTIES EXPORT_NAME ${library})
  install(TARGETS Qopt${library} EXPORT qopt ARCHIVE DESTINATION lib INCLUDES DESTINATION include)
endforeach()
install(EXPORT qopt NAMESPACE qopt:: DESTINATION lib/cmake/qopt FILE qoptTargets.cmake)
install(FILES tools/cmake/qoptConfig.cmake DESTINATION lib/cmake/qopt)
install(FILES LICENSE DESTINATION share/doc/qopt)
