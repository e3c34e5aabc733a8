# Warnings of all our code, host and guest; sanitizers of the host code.

add_library(nestbed_warnings INTERFACE)
target_compile_options(nestbed_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -Wshadow -Wold-style-cast>
  # What a compiler warns of that we do not know is no error of a project that contains this one.
  $<$<AND:$<BOOL:${PROJECT_IS_TOP_LEVEL}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>
  # At -O3 GCC 12 sees copies that overlap in std::string's operator+ (GCC bug 105651).
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  # Diagnoses and results name source files as the repository does.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

add_library(nestbed_host INTERFACE)
target_link_libraries(nestbed_host INTERFACE nestbed_warnings)
target_include_directories(nestbed_host INTERFACE ${PROJECT_SOURCE_DIR})
if(NESTBED_SANITIZE STREQUAL "address")
  # Without vptr: that looks at memory through a pipe, and takes a process that has no descriptors
  # left for one with a bug. Undefined behavior traps, and AddressSanitizer shows where if
  # ASAN_OPTIONS has handle_sigill=1, as it has in the preset's tests: what UBSan would print instead
  # is 90 MB of data with as many relocations, which took each of a thousand tests a fifth of a
  # second to load.
  target_compile_options(nestbed_host INTERFACE
    -fsanitize=address,undefined -fno-sanitize=vptr -fsanitize-undefined-trap-on-error
    -fno-omit-frame-pointer -fno-pie)
  target_link_options(nestbed_host INTERFACE -fsanitize=address,undefined -no-pie)
elseif(NESTBED_SANITIZE STREQUAL "thread")
  # What it does not know, and GCC warns of, are fences: it sees a race where one orders two accesses.
  target_compile_options(nestbed_host INTERFACE -fsanitize=thread -Wno-tsan -fno-omit-frame-pointer -fno-pie)
  target_link_options(nestbed_host INTERFACE -fsanitize=thread -no-pie)
elseif(NESTBED_SANITIZE)
  message(FATAL_ERROR "NESTBED_SANITIZE is address, thread or OFF, and not ${NESTBED_SANITIZE}")
endif()
if(NESTBED_FUZZ)
  # libFuzzer wants to know which branches an input took; what is undefined is said, and is the end.
  target_compile_options(nestbed_host INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  # And the library's own checks: of what is past the end of a view AddressSanitizer sees little.
  target_compile_definitions(nestbed_host INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(nestbed_host INTERFACE -fsanitize=address,undefined)
endif()
