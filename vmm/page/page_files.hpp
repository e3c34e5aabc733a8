// What the page of `nestbed report` consists of before it has results; inside this program.
#pragma once

#include <span>
#include <string_view>

namespace nestbed::vmm {

struct PageFile {
    std::string_view name;  ///< "page.css"; "copyright" of what is not ours
    std::string_view text;
    std::string_view sha256;  ///< in base64
};

/// Scripts are in the order in which they are to be run.
std::span<const PageFile> page_files();

}  // namespace nestbed::vmm
