// Colours of a terminal.
#pragma once

#include <string>
#include <string_view>

namespace nestbed::vmm {

enum class Ink { red, green, yellow };

/// `text` in a colour if there are to be any. It is to be printable already.
inline std::string painted(std::string_view text, Ink ink, bool has_color) {
    const char* const begin = ink == Ink::red     ? "\x1b[31m"
                              : ink == Ink::green ? "\x1b[32m"
                                                  : "\x1b[33m";
    return has_color ? std::string(begin).append(text).append("\x1b[0m") : std::string(text);
}

}  // namespace nestbed::vmm
