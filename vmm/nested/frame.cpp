#include "vmm/nested/frame.hpp"

#include <cstring>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint8_t magic = 0x9E;

struct [[gnu::packed]] Header {
    std::uint8_t magic;
    FrameKind kind;
    std::uint32_t length;
};

}  // namespace

std::string frames_of(FrameKind kind, std::string_view text) {
    std::string bytes;
    do {
        const std::string_view payload = text.substr(0, max_payload);
        const Header header{magic, kind, static_cast<std::uint32_t>(payload.size())};
        bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
        bytes += payload;
        text.remove_prefix(payload.size());
    } while (!text.empty());
    return bytes;
}

void take_frames(std::string& bytes,
                 const std::function<void(FrameKind, std::string_view payload)>& handler) {
    std::string_view rest = bytes;
    for (Header header{}; rest.size() >= sizeof header;) {
        std::memcpy(&header, rest.data(), sizeof header);
        if (header.magic != magic || header.kind < FrameKind::ready ||
            header.kind > FrameKind::problem || header.length > max_payload) {
            throw_error(ErrorKind::host_lacks,
                        "the nested machine sent something else than results: its serial line, or "
                        "its kernel, is broken");
        }
        if (rest.size() < sizeof header + header.length) {
            break;
        }
        handler(header.kind, rest.substr(sizeof header, header.length));
        rest.remove_prefix(sizeof header + header.length);
    }
    bytes.erase(0, bytes.size() - rest.size());
}

}  // namespace nestbed::vmm
