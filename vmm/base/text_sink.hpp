// Text that is written piece by piece, since all of it at once may be more than there is room for.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace nestbed::vmm {

/// Takes the next piece. Throws Error(io) if that cannot be.
using TextSink = std::function<void(std::string_view)>;

/// What `write` writes, as one text.
template <typename Write>
std::string text_written_by(const Write& write) {
    std::string text;
    write(TextSink([&](std::string_view piece) { text += piece; }));
    return text;
}

}  // namespace nestbed::vmm
