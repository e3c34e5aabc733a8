# nestbed_add_revision(TARGET): a library of one small file, which says which sources it was built from
# (vmm/cli/revision.hpp). Each build asks git; the file is only written, and compiled, if the answer is
# another one.

function(nestbed_add_revision target)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/revision/revision.cpp)
  set(template ${PROJECT_SOURCE_DIR}/cmake/revision.cpp.in)
  set(script ${PROJECT_SOURCE_DIR}/cmake/WriteRevision.cmake)
  add_custom_target(${target}_file
    COMMAND ${CMAKE_COMMAND} -D SOURCES=${PROJECT_SOURCE_DIR} -D TEMPLATE=${template} -D FILE=${file}
      -P ${script}
    BYPRODUCTS ${file}
    COMMENT "Asking git for the revision")
  add_library(${target} OBJECT ${file})
  target_link_libraries(${target} PRIVATE nestbed_host)
  add_dependencies(${target} ${target}_file)
endfunction()
