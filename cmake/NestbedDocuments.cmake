# Manual pages and completion, which the program writes of what its --help says, and what else is
# installed to be read.

include(NestbedNotices)

set(documents ${PROJECT_BINARY_DIR}/documents)
set(script ${PROJECT_SOURCE_DIR}/cmake/make_documents.sh)
add_custom_command(OUTPUT ${documents}/made
  COMMAND ${script} $<TARGET_FILE:nestbed> ${documents}
  COMMAND ${CMAKE_COMMAND} -E touch ${documents}/made
  DEPENDS nestbed ${script}
  COMMENT "Writing manual pages and completion")
add_custom_target(documents ALL DEPENDS ${documents}/made)

install(DIRECTORY ${documents}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
set(completions ${documents}/completions)
install(FILES ${completions}/nestbed
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program)
install(FILES ${completions}/_nestbed
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT program)
install(FILES ${completions}/nestbed.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)

set(doc ${CMAKE_INSTALL_DATADIR}/doc/nestbed)
file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/*.md)
install(FILES ${pages} DESTINATION ${doc} COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/docs/gitlab-ci.yml ${PROJECT_SOURCE_DIR}/docs/github-workflow.yml
    ${PROJECT_SOURCE_DIR}/tests/expected_skips.json
  DESTINATION ${doc}/examples COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/guest/suites
  DESTINATION ${doc}/examples COMPONENT program FILES_MATCHING PATTERN "*.cpp")

# By Debian's rules: a changelog in Debian's form, long texts compressed without the time of that.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE license)
string(REGEX REPLACE "^.*\nPermission" "Permission" license "${license}")
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REGEX REPLACE "\n(.)" "\n \\1" license " ${license}")
configure_file(${PROJECT_SOURCE_DIR}/packaging/copyright.in ${documents}/copyright @ONLY)
install(FILES ${documents}/copyright DESTINATION ${doc} COMPONENT program)

# The package (NestbedPackage) names him too.
set(NESTBED_MAINTAINER "The nestbed authors <nestbed@example.invalid>" CACHE STRING
  "Who answers for the package: whoever builds one for others names himself")
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/packaging/debian_changelog.sh
    ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_VERSION} ${NESTBED_MAINTAINER}
  OUTPUT_FILE ${documents}/changelog COMMAND_ERROR_IS_FATAL ANY)

function(nestbed_install_compressed file)
  execute_process(COMMAND gzip -9nc ${file} OUTPUT_FILE ${file}.gz COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${file}.gz DESTINATION ${doc} COMPONENT program)
endfunction()
nestbed_install_compressed(${documents}/changelog)
if(NESTBED_NOTICES)
  nestbed_install_compressed(${NESTBED_NOTICES})
endif()
