# NESTBED_RELEASE_DATE: of this version, as CHANGELOG.md has it in its first heading. Manual pages and
# the package bear it, so that who makes them again has the same files.

set(changelog ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${changelog})
file(STRINGS ${changelog} headings REGEX "^## ")
list(GET headings 0 heading)
if(NOT heading MATCHES "^## ${PROJECT_VERSION} - ([0-9]+-[0-9]+-[0-9]+)$")
  message(FATAL_ERROR
    "${changelog} begins with \"${heading}\": it should be \"## ${PROJECT_VERSION} - YEAR-MONTH-DAY\"")
endif()
set(NESTBED_RELEASE_DATE ${CMAKE_MATCH_1})
