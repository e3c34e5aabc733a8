#include "vmm/nested/frame.hpp"

#include <cstring>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr char magic = '\x9e';
constexpr std::size_t header_size = 6;

bool is_kind(char byte) {
    return byte >= static_cast<char>(FrameKind::ready) &&
           byte <= static_cast<char>(FrameKind::problem);
}

}  // namespace

std::string frames_of(FrameKind kind, std::string_view text) {
    std::string bytes;
    do {
        const std::string_view payload = text.substr(0, max_payload);
        const auto length = static_cast<std::uint32_t>(payload.size());
        bytes += magic;
        bytes += static_cast<char>(kind);
        bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
        bytes += payload;
        text.remove_prefix(payload.size());
    } while (!text.empty());
    return bytes;
}

void take_frames(std::string& bytes,
                 const std::function<void(FrameKind, std::string_view payload)>& handler) {
    std::string_view rest = bytes;
    while (rest.size() >= header_size) {
        std::uint32_t length = 0;
        std::memcpy(&length, &rest[2], sizeof length);
        if (rest[0] != magic || !is_kind(rest[1]) || length > max_payload) {
            throw_error(ErrorKind::host_lacks,
                        "the nested machine sent something else than results: its serial line, or "
                        "its kernel, is broken");
        }
        if (rest.size() < header_size + length) {
            break;
        }
        handler(static_cast<FrameKind>(rest[1]), rest.substr(header_size, length));
        rest.remove_prefix(header_size + length);
    }
    bytes.erase(0, bytes.size() - rest.size());
}

}  // namespace nestbed::vmm
