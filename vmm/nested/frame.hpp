// What goes from the nested machine to this one: frames on a serial line that nothing else uses.
//
// A frame is a magic byte, its kind, the payload's length (32 bits, little-endian) and the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

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

/// Payloads are at most this long; longer texts go in several frames.
inline constexpr std::size_t max_payload = 4096;

/// One frame or, for a longer text, several, as they go over the line. A text of nothing is one
/// frame.
std::string frames_of(FrameKind kind, std::string_view text);

/// Calls `handler` for each frame that is complete in `bytes`, which begin with one, and takes it
/// off. Throws Error(host_lacks) at bytes that are no frame.
void take_frames(std::string& bytes,
                 const std::function<void(FrameKind, std::string_view payload)>& handler);

}  // namespace nestbed::vmm
