// The words that bash makes of a text, as far as kvm-unit-tests' lists need it: quotes,
// backslashes, variables and the time. What a shell would do more with is refused.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

struct ShellContext {
    std::map<std::string, std::string> variables = {};  ///< $NAME and ${NAME}, no other
    std::string now = {};                               ///< what stands for `date +%s`
};

/// Throws Error(input) that says what in `text` cannot be had. Patterns stay as they are.
std::vector<std::string> shell_words(std::string_view text, const ShellContext& context);

}  // namespace nestbed::vmm
