# NESTBED_NOTICES: a file with the notices of all that is linked into the program, with its version,
# and the texts of the licenses that ask for them (docs/licensing.md).
#
# Debian's packages have them. Elsewhere there is no such file, and what is installed lacks it.

# libstdc++'s package has the compiler's major version in its name, and so has the library's folder.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.a
  OUTPUT_VARIABLE libstdcxx OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
cmake_path(GET libstdcxx PARENT_PATH gcc_folder)
cmake_path(GET gcc_folder FILENAME gcc_version)

# One of each source's.
set(linked libc6-dev libstdc++-${gcc_version}-dev libdw-dev zlib1g-dev liblzma-dev libbz2-dev
  libseccomp-dev
  libcapstone-dev libfmt-dev nlohmann-json3-dev libcli11-dev)
set(NESTBED_NOTICES ${PROJECT_BINARY_DIR}/NOTICES)

set(notices "")
set(missing "")
function(nestbed_add_notice title file)
  if(EXISTS ${file})
    file(READ ${file} text)
    string(REPEAT "=" 78 line)
    set(notices "${notices}${line}\n${title}\n${line}\n\n${text}\n" PARENT_SCOPE)
  else()
    set(missing "${missing} ${file}" PARENT_SCOPE)
  endif()
endfunction()

foreach(library IN LISTS linked)
  execute_process(COMMAND dpkg-query -W -f "\${source:Package} \${source:Version}"
    ${library} OUTPUT_VARIABLE title ERROR_QUIET RESULT_VARIABLE unknown)
  nestbed_add_notice("${title}" /usr/share/doc/${library}/copyright)
endforeach()
foreach(file IN LISTS NESTBED_D3_LICENSES)
  nestbed_add_notice("Part of D3: ${file}" ${file})
endforeach()
foreach(license LGPL-2.1 LGPL-3 GPL-3)
  nestbed_add_notice("The text of ${license}" /usr/share/common-licenses/${license})
endforeach()

if(missing)
  message(STATUS "No notices of what is linked in: not found:${missing}")
  file(REMOVE ${NESTBED_NOTICES})
  unset(NESTBED_NOTICES)
else()
  file(CONFIGURE OUTPUT ${NESTBED_NOTICES} CONTENT "\
What is linked into the program nestbed, by Debian's source packages and their versions, with the\n\
notices of each, and the texts of the licenses that ask for them. What follows: docs/licensing.md.\n\
\n\
@notices@" @ONLY)
endif()
