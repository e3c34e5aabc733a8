// Which sources this program was built from (cmake/NestbedRevision.cmake).
#pragma once

namespace nestbed::vmm {

/// Git's name of the commit, with "-dirty" behind it if the tree had changes; empty if the sources
/// were in no repository.
extern const char* const source_revision;

}  // namespace nestbed::vmm
