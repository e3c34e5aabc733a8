# The Debian package, which `./dev package` makes: cpack -G DEB --config BUILD/CPackConfig.cmake

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME nestbed)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "KVM-backed testbed for x86-64 paging and TLB shootdowns")
set(CPACK_PACKAGE_DESCRIPTION "\
nestbed runs freestanding guests with several vCPUs on /dev/kvm, each test in
a VM of its own, and says why a guest died. It measures TLB shootdowns, page
faults, page walks, hypercalls and dirty logging.

Without a usable /dev/kvm it does the same in a machine that QEMU or Bochs
emulates, with nested paging (NPT, EPT) or shadow paging.

The package has the program, its manual, the headers of the entry library,
and what guests of one's own are built with.")
set(CPACK_PACKAGE_VENDOR nestbed)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/debian.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${NESTBED_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # nothing, of a static program
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
# What emulated machines need, and what builds guests.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "qemu-system-x86, bochs, bochs-term, bochsbios, vgabios, grub-pc-bin,\
 grub-common, xorriso, xz-utils, cmake, g++ (>= 4:12) | clang (>= 1:14)")

# The time of all its files: the release's, so that the same sources give the same package.
execute_process(COMMAND date -u -d ${NESTBED_RELEASE_DATE} +%s
  OUTPUT_VARIABLE NESTBED_RELEASE_TIME OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_BINARY_DIR}/CPackTime.cmake)
file(CONFIGURE OUTPUT ${CPACK_PROJECT_CONFIG_FILE} @ONLY CONTENT [[
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  set(ENV{SOURCE_DATE_EPOCH} @NESTBED_RELEASE_TIME@)
endif()
]])

include(CPack)
