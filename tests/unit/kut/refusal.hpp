// What a refused text says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/nested/failure.hpp"
#include "vmm/kut/qemu_options.hpp"
#include "vmm/kut/shell_words.hpp"

namespace nestbed::vmm::test {

/// Options as they would be typed.
inline QemuRequest request_of(std::string_view command_line) {
    return read_qemu_options(shell_words(command_line, {}));
}

inline std::string refusal_of(std::string_view command_line) {
    return failure_of([&] { request_of(command_line); }, ErrorKind::usage);
}

}  // namespace nestbed::vmm::test
