// What goes from the nested machine to this one: frames on a serial line that nothing else uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

enum class FrameKind : std::uint8_t {
    ready = 1,  ///< KVM is there, the command is about to begin
    output,     ///< of the command, on its standard output
    error,      ///< on its standard error
    progress,   ///< a line that tells a person how far the command is
    file,       ///< begins the next of the files to be brought back: its number, in decimal
    contents,   ///< appended to that file
    finished,   ///< the command's exit code, in decimal: the last frame
    problem,    ///< why there will be no `finished`: the last frame
};

inline constexpr std::uint8_t frame_magic = 0x9E;

/// Of a frame; the payload follows it.
struct [[gnu::packed]] FrameHeader {
    std::uint8_t magic;
    FrameKind kind;
    std::uint32_t length;  ///< of the payload
};

/// Payloads are at most this long; longer texts go in several frames.
inline constexpr std::size_t max_payload = 4096;

/// A text as it goes over the line: one frame, also of an empty text, or several of a long one.
inline std::string frames_of(FrameKind kind, std::string_view text) {
    std::string bytes;
    do {
        const std::string_view payload = text.substr(0, max_payload);
        const FrameHeader header{frame_magic, kind, static_cast<std::uint32_t>(payload.size())};
        bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
        bytes += payload;
        text.remove_prefix(payload.size());
    } while (!text.empty());
    return bytes;
}

/// Calls `handler` for each frame that is complete in `bytes`, which begin with one, and takes it
/// off. Throws Error(host_lacks) at bytes that are no frame.
inline void take_frames(std::string& bytes,
                        const std::function<void(FrameKind, std::string_view payload)>& handler) {
    std::string_view rest = bytes;
    for (FrameHeader header{}; rest.size() >= sizeof header;) {
        std::memcpy(&header, rest.data(), sizeof header);
        if (header.magic != frame_magic || header.kind < FrameKind::ready ||
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
