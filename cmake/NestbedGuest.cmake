# nestbed_add_guest(NAME SOURCES FILE...): a guest ELF of one or more suites, NAME.elf, linked with the
# guest runtime, which is compiled by the project's own compiler.
#
# The installed package has this file too, in a folder beside guest/ and shared/ as here.

cmake_policy(VERSION 3.20)

# How guests are compiled and linked, whatever the project does elsewhere: these options stand behind
# all others, so they win. nestbed_add_guest() links it; a library of helpers for guests does as well.
function(_nestbed_add_options)
  get_filename_component(root ${CMAKE_CURRENT_FUNCTION_LIST_DIR} DIRECTORY)
  add_library(nestbed::guest INTERFACE IMPORTED GLOBAL)
  target_compile_features(nestbed::guest INTERFACE cxx_std_20)
  target_include_directories(nestbed::guest INTERFACE ${root})
  target_compile_definitions(nestbed::guest INTERFACE NESTBED_GUEST)

  # In one string each: of two equal options CMake drops the second, and -O2 must be the last -O.
  string(CONCAT both
    "-O2 -gno-split-dwarf -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mgeneral-regs-only "
    "-march=x86-64 -mtune=generic -masm=att -mno-red-zone -fno-omit-frame-pointer "
    "-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables "
    # A frame of more than a page must not step over the guard page below a stack.
    "-fstack-clash-protection "
    # A user-mode function may not reach into the kernel image for the table of a switch.
    "-fno-jump-tables "
    # What these call is not there.
    "-fno-lto -fno-sanitize=all -fno-profile-arcs -fno-test-coverage "
    "-U_FORTIFY_SOURCE -U_GLIBCXX_ASSERTIONS -U_GLIBCXX_DEBUG")
  string(CONCAT gnu
    # There are no vector registers, and constants gathered for them are loaded from memory.
    "-fno-tree-vectorize -fno-tree-switch-conversion "
    # Nothing else takes back what --coverage asks for.
    "-fprofile-exclude-files=.*")
  string(CONCAT clang
    # libstdc++ names long double, which Clang wants the x87 for. No instruction of it is used.
    # And libc++ has no std::atomic_ref before 19.
    "-stdlib=libstdc++ -mx87 -msoft-float -fno-vectorize -fno-slp-vectorize "
    "-fno-profile-instr-generate -fno-coverage-mapping -Wno-unused-command-line-argument")
  # The runtime is in every guest, and nearly all of a guest's file would be what describes its types and
  # variables, which no diagnosis shows. What it needs stays: functions, lines, what is inlined where.
  set(is_runtime $<STREQUAL:$<TARGET_PROPERTY:NAME>,nestbed-guest-runtime>)
  set(is_small $<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,${is_runtime}>)
  target_compile_options(nestbed::guest INTERFACE
    "SHELL:$<$<COMPILE_LANGUAGE:C,CXX>:${both}>"
    "SHELL:$<$<COMPILE_LANGUAGE:C,CXX>:$<IF:${is_small},-g1 -gstatement-frontiers -ginline-points,-g>>"
    "SHELL:$<$<COMPILE_LANG_AND_ID:C,GNU>:${gnu}>$<$<COMPILE_LANG_AND_ID:CXX,GNU>:${gnu}>"
    "SHELL:$<$<COMPILE_LANG_AND_ID:C,Clang>:${clang}>$<$<COMPILE_LANG_AND_ID:CXX,Clang>:${clang}>"
    "SHELL:$<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>"
    # Clang's assembler does not map the names of files in DWARF 5.
    $<$<COMPILE_LANGUAGE:ASM>:$<IF:$<COMPILE_LANG_AND_ID:ASM,Clang>,-gdwarf-4,-g>>
    # Diagnoses and results name files from the top of the project, and ours as the repository does.
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${root}/=)
  target_link_options(nestbed::guest INTERFACE
    "SHELL:-nostdlib -static -no-pie -fno-lto -fno-sanitize=all"
    "SHELL:-T \"${root}/guest/boot/guest.ld\""
    "SHELL:-Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack"
    # Warnings of -no-pie beside -static, and of what the project has in its flags.
    "SHELL:$<$<LINK_LANG_AND_ID:CXX,Clang>:-Wno-unused-command-line-argument>")
endfunction()
if(NOT TARGET nestbed::guest)
  _nestbed_add_options()
endif()

# Why the project's compiler makes no guests, if it does not.
function(_nestbed_check_compiler call)
  if(NOT CMAKE_CXX_COMPILER_LOADED)
    message(FATAL_ERROR "${call}: guests are C++: say project(… LANGUAGES CXX).")
  endif()
  set(compiler "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER})")
  if(NOT ((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
      OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 14)))
    message(FATAL_ERROR "${call}: guests are compiled by GCC 12 or Clang 14, or newer, and this is \
${compiler}: name another with -DCMAKE_CXX_COMPILER=….")
  endif()
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  get_directory_property(options COMPILE_OPTIONS)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang"
      AND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}} ${options}" MATCHES "--coverage")
    message(FATAL_ERROR "${call}: what Clang's --coverage adds does not work in guests, and no other option \
takes it back: use -fprofile-instr-generate -fcoverage-mapping, or add it only to targets that want it.")
  endif()
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
  if(NOT processor MATCHES "^(x86_64|amd64|x86-64)$" OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
    math(EXPR bits "8 * ${CMAKE_SIZEOF_VOID_P}")
    message(FATAL_ERROR "${call}: guests are for x86-64, and ${compiler} compiles for \
${CMAKE_SYSTEM_PROCESSOR}, ${bits} bits: build them in a project, or with a toolchain file, of their own.")
  endif()
endfunction()

# Which of the sources is not there, in the words of who named it.
function(_nestbed_check_sources call)
  foreach(source IN LISTS ARGN)
    get_source_file_property(is_generated ${source} GENERATED)
    get_filename_component(path ${source} ABSOLUTE)
    get_filename_component(path_in_build ${source} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_BINARY_DIR})
    if(NOT source MATCHES "\\$<" AND NOT is_generated AND NOT EXISTS ${path} AND NOT EXISTS ${path_in_build})
      message(FATAL_ERROR "${call}: there is no file ${path}.")
    elseif(IS_DIRECTORY ${path})
      message(FATAL_ERROR "${call}: ${path} is a folder: name the files in it.")
    endif()
  endforeach()
endfunction()

function(nestbed_add_guest name)
  set(call "nestbed_add_guest(${name})")
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  set(usage "Say nestbed_add_guest(${name} SOURCES FILE.cpp).")
  if(name STREQUAL "SOURCES")
    message(FATAL_ERROR "nestbed_add_guest: no name. Say nestbed_add_guest(NAME SOURCES FILE.cpp).")
  elseif(NOT "${arg_UNPARSED_ARGUMENTS}" STREQUAL "")
    string(REPLACE ";" " " unknown "${arg_UNPARSED_ARGUMENTS}")
    message(FATAL_ERROR "${call}: unknown argument ${unknown}. ${usage}")
  elseif("${arg_SOURCES}" STREQUAL "")
    message(FATAL_ERROR "${call}: no SOURCES. ${usage}")
  endif()
  _nestbed_check_compiler(${call})
  _nestbed_check_sources(${call} ${arg_SOURCES})

  if(NOT TARGET nestbed-guest-runtime)
    get_filename_component(root ${CMAKE_CURRENT_FUNCTION_LIST_DIR} DIRECTORY)
    add_subdirectory(${root}/guest ${CMAKE_BINARY_DIR}/nestbed-guest-runtime EXCLUDE_FROM_ALL)
    # The project's warnings are about the project.
    target_compile_options(nestbed-guest-runtime PRIVATE -w)
  endif()
  add_executable(${name} ${arg_SOURCES} $<TARGET_OBJECTS:nestbed-guest-runtime>)
  target_link_libraries(${name} PRIVATE nestbed::guest)
  set_target_properties(${name} PROPERTIES
    SUFFIX .elf
    LINKER_LANGUAGE CXX
    LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../guest/boot/guest.ld
    POSITION_INDEPENDENT_CODE OFF
    INTERPROCEDURAL_OPTIMIZATION OFF
    ENABLE_EXPORTS OFF)
  if(NOT CMAKE_RUNTIME_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/guests)
  endif()
  # It has no linker scripts; and where it is, GNU's linker is.
  if("${CMAKE_EXE_LINKER_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fuse-ld=mold")
    target_link_options(${name} PRIVATE -fuse-ld=bfd)
  elseif("${CMAKE_LINKER_TYPE}" STREQUAL "MOLD")
    set_target_properties(${name} PROPERTIES LINKER_TYPE BFD)
  endif()
endfunction()
