#include "vmm/nested/frame.hpp"

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr char magic = '\x9e';
constexpr std::size_t header_size = 6;

std::string header(FrameKind kind, std::size_t length) {
    std::string bytes{magic, static_cast<char>(kind)};
    for (unsigned shift = 0; shift < 32; shift += 8) {
        bytes += static_cast<char>(length >> shift & 0xFF);
    }
    return bytes;
}

std::size_t length_in(std::string_view header) {
    std::size_t length = 0;
    for (unsigned n = 0; n < 4; ++n) {
        length |= std::size_t{static_cast<unsigned char>(header[2 + n])} << (8 * n);
    }
    return length;
}

bool is_kind(char byte) {
    return byte >= static_cast<char>(FrameKind::ready) &&
           byte <= static_cast<char>(FrameKind::problem);
}

}  // namespace

std::string frames_of(FrameKind kind, std::string_view text) {
    std::string bytes;
    do {
        const std::string_view payload = text.substr(0, max_payload);
        bytes += header(kind, payload.size());
        bytes += payload;
        text.remove_prefix(payload.size());
    } while (!text.empty());
    return bytes;
}

void FrameReader::take(std::string_view bytes) {
    pending_ += bytes;
    std::size_t begin = 0;
    while (pending_.size() - begin >= header_size) {
        const std::string_view rest = std::string_view(pending_).substr(begin);
        const std::size_t length = length_in(rest);
        if (rest[0] != magic || !is_kind(rest[1]) || length > max_payload) {
            throw_error(ErrorKind::host_lacks,
                        "the nested machine sent something else than results: its serial line, or "
                        "its kernel, is broken");
        }
        if (rest.size() < header_size + length) {
            break;
        }
        handler_(static_cast<FrameKind>(rest[1]), rest.substr(header_size, length));
        begin += header_size + length;
    }
    pending_.erase(0, begin);
}

}  // namespace nestbed::vmm
