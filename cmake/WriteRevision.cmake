# A script of NestbedRevision.cmake: writes FILE by TEMPLATE, unless that is what it says already.

# A git hook that builds has these point elsewhere.
foreach(variable GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE)
  unset(ENV{${variable}})
endforeach()

# Without a lock on the index: somebody may be working in there. And whoever owns the sources: who
# builds them trusts them.
macro(ask_git result variable)
  execute_process(COMMAND git -c safe.directory=* --no-optional-locks -C ${SOURCES} ${ARGN}
    RESULT_VARIABLE ${result} OUTPUT_VARIABLE ${variable} ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endmacro()

set(revision "")
# Sources without a repository of their own may lie in somebody else's.
if(EXISTS ${SOURCES}/.git)
  ask_git(commit_failed commit rev-parse HEAD)
  ask_git(status_failed changes status --porcelain)
  if("${commit_failed}" STREQUAL "0" AND "${status_failed}" STREQUAL "0")
    set(revision ${commit})
    if(NOT "${changes}" STREQUAL "")
      string(APPEND revision "-dirty")
    endif()
  endif()
endif()
configure_file(${TEMPLATE} ${FILE} @ONLY)
