# `cmake --install`: the program, and a package `nestbed` for CMake: the shared headers, and what guests
# are made of.
#
#   cmake --install BUILD                        everything
#   cmake --install BUILD --component headers    the package with the headers; nothing must be built
#   cmake --install BUILD --component guest      the package with headers and guests; likewise
#
# An outside project then says
#
#   find_package(nestbed CONFIG REQUIRED)
#   target_link_libraries(... nestbed::paging)
#   nestbed_add_guest(mine SOURCES mine.cpp)
#
# In the first case it includes <nestbed/paging/mapper.hpp> and defines `nestbed_paging_fatal`
# (paging/fatal.hpp); of the second, docs/guests-of-your-own.md says more.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(nestbed_paging INTERFACE)
add_library(nestbed::paging ALIAS nestbed_paging)
set_target_properties(nestbed_paging PROPERTIES EXPORT_NAME paging)
target_compile_features(nestbed_paging INTERFACE cxx_std_20)

# In the source tree the directory is called shared/. A link gives it its installed name, so that
# the same #include works with both.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/shared ${PROJECT_BINARY_DIR}/include/nestbed SYMBOLIC)
target_include_directories(nestbed_paging INTERFACE
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_include_directories(nestbed::guest INTERFACE ${PROJECT_BINARY_DIR}/include)

# Somebody else's `cmake --install` is not about this project.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

function(nestbed_install_headers component)
  foreach(directory IN LISTS ARGN)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/shared/${directory}
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nestbed
      COMPONENT ${component}
      FILES_MATCHING PATTERN "*.hpp")
  endforeach()
endfunction()

# The hypercall channel is between the program and its guests.
set(library arch paging shootdown stats study)
nestbed_install_headers(headers ${library})
nestbed_install_headers(guest ${library} channel chase)

# As in the tree, so that sources of guests are the same text in both: guest/ beside shared/, and
# cmake/ beside them. The link is no copy, for a header that is included by two names is one.
set(nestbed_data ${CMAKE_INSTALL_DATADIR}/nestbed)
foreach(directory boot harness kernel)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/guest/${directory}
    DESTINATION ${nestbed_data}/guest COMPONENT guest)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/guest/CMakeLists.txt
  DESTINATION ${nestbed_data}/guest COMPONENT guest)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/NestbedGuest.cmake
  DESTINATION ${nestbed_data}/cmake COMPONENT guest)
file(RELATIVE_PATH shared
  ${CMAKE_INSTALL_FULL_DATADIR}/nestbed ${CMAKE_INSTALL_FULL_INCLUDEDIR}/nestbed)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/links)
file(CREATE_LINK ${shared} ${PROJECT_BINARY_DIR}/links/shared SYMBOLIC)
install(FILES ${PROJECT_BINARY_DIR}/links/shared DESTINATION ${nestbed_data} COMPONENT guest)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/nestbed)
install(TARGETS nestbed_paging EXPORT nestbedTargets)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/nestbedConfig.cmake.in ${PROJECT_BINARY_DIR}/nestbedConfig.cmake
  INSTALL_DESTINATION ${package}
  PATH_VARS nestbed_data CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change anything. Headers serve any processor's compiler.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nestbedConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
foreach(component headers guest)
  install(EXPORT nestbedTargets NAMESPACE nestbed:: DESTINATION ${package} COMPONENT ${component})
  install(FILES ${PROJECT_BINARY_DIR}/nestbedConfig.cmake ${PROJECT_BINARY_DIR}/nestbedConfigVersion.cmake
    DESTINATION ${package}
    COMPONENT ${component})
endforeach()

if(NESTBED_VMM)
  # What its JSON reports are held against.
  install(FILES ${PROJECT_SOURCE_DIR}/docs/report.schema.json
      ${PROJECT_SOURCE_DIR}/docs/list.schema.json
    DESTINATION ${nestbed_data} COMPONENT program)
  install(TARGETS nestbed RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  install(FILES ${PROJECT_BINARY_DIR}/nestbed-qemu
    DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
