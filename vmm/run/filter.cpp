#include "vmm/run/filter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <sstream>

namespace nestbed::vmm {

Filter::Filter(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        std::istringstream stream(argument);
        for (std::string pattern; std::getline(stream, pattern, ':');) {
            if (!pattern.empty()) {
                patterns_.push_back(pattern);
            }
        }
    }
}

bool Filter::matches(const std::string& full_name) const {
    return patterns_.empty() || std::ranges::any_of(patterns_, [&](const std::string& pattern) {
               return ::fnmatch(pattern.c_str(), full_name.c_str(), 0) == 0;
           });
}

std::string Filter::text() const {
    std::string text;
    for (const std::string& pattern : patterns_) {
        text += (text.empty() ? "" : ":") + pattern;
    }
    return text;
}

}  // namespace nestbed::vmm
