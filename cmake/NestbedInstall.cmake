# `cmake --install`: the program, and the shared headers with a package `nestbed` for CMake.
#
#   cmake --install BUILD                        everything
#   cmake --install BUILD --component headers    the headers and the package; nothing must be built
#
# An outside project then says
#
#   find_package(nestbed CONFIG REQUIRED)
#   target_link_libraries(... nestbed::paging)
#
# and includes <nestbed/paging/mapper.hpp>. It defines `nestbed_paging_fatal` (paging/fatal.hpp).

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

# The hypercall channel is between this program and its own guests, and stays here.
foreach(directory arch paging shootdown stats study)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/shared/${directory}
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nestbed
    COMPONENT headers
    FILES_MATCHING PATTERN "*.hpp")
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/nestbed)
install(TARGETS nestbed_paging EXPORT nestbedTargets COMPONENT headers)
install(EXPORT nestbedTargets NAMESPACE nestbed:: DESTINATION ${package} COMPONENT headers)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/nestbedConfig.cmake.in ${PROJECT_BINARY_DIR}/nestbedConfig.cmake
  INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change anything. Headers serve any processor's compiler.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nestbedConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/nestbedConfig.cmake ${PROJECT_BINARY_DIR}/nestbedConfigVersion.cmake
  DESTINATION ${package}
  COMPONENT headers)

# What its JSON reports are held against.
install(FILES ${PROJECT_SOURCE_DIR}/docs/report.schema.json
    ${PROJECT_SOURCE_DIR}/docs/list.schema.json
  DESTINATION ${CMAKE_INSTALL_DATADIR}/nestbed COMPONENT program)
install(TARGETS nestbed RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
