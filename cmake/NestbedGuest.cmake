# nestbed_add_guest(NAME SOURCES...): a guest ELF of one or more suites, linked with the guest runtime.

function(nestbed_add_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${arg_UNPARSED_ARGUMENTS})
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE nestbed_guest)
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME ${name} SUFFIX .elf
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/guests
    LINK_DEPENDS ${NESTBED_GUEST_LINKER_SCRIPT})
endfunction()
