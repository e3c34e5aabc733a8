// The files that `nestbed new` writes (guest/template), inside this program.
#pragma once

#include <span>
#include <string_view>

namespace nestbed::vmm {

struct ProjectFile {
    std::string_view path;  ///< in the project's folder
    std::string_view text;  ///< with @NAME@ of the project and @VERSION@ of nestbed to be filled in
};

std::span<const ProjectFile> project_files();

}  // namespace nestbed::vmm
