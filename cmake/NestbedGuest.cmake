# nestbed_add_guest(NAME SOURCES...): a guest ELF of one or more suites, linked with the guest runtime.

function(nestbed_add_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${arg_UNPARSED_ARGUMENTS})
  endif()
  if(NOT NESTBED_GUESTS STREQUAL "${PROJECT_BINARY_DIR}/guests")
    add_executable(${name} IMPORTED GLOBAL)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${NESTBED_GUESTS}/${name}.elf)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE nestbed_guest)
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME ${name} SUFFIX .elf
    RUNTIME_OUTPUT_DIRECTORY ${NESTBED_GUESTS}
    LINK_DEPENDS ${NESTBED_GUEST_LINKER_SCRIPT})
endfunction()
