// What comes over a nested machine's serial line: frames, in pieces of any size, or none.

#include <optional>
#include <utility>
#include <vector>

#include "tests/fuzz/target.hpp"
#include "vmm/base/error.hpp"
#include "vmm/nested/frame.hpp"

namespace nestbed {
namespace {

struct TakenFrames {
    std::vector<std::pair<vmm::FrameKind, std::string>> frames;
    std::string rest;
    bool is_refused = false;

    bool operator==(const TakenFrames&) const = default;
};

/// `first` bytes come at once, and then the others.
TakenFrames take_in_two(std::string_view line, std::size_t first) {
    TakenFrames taken;
    const auto take = [&](std::string_view piece) {
        taken.rest += piece;
        vmm::take_frames(taken.rest, [&](vmm::FrameKind kind, std::string_view payload) {
            taken.frames.emplace_back(kind, payload);
        });
    };
    try {
        take(line.substr(0, first));
        take(line.substr(first));
    } catch (const vmm::Error&) {
        taken.is_refused = true;
        taken.rest.clear();
    }
    return taken;
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(frames) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    const auto first = choices.value<std::uint16_t>();
    const std::string_view line = fuzz::text_of(choices.rest());
    const TakenFrames taken = take_in_two(line, line.size());
    std::string again;
    for (const auto& [kind, payload] : taken.frames) {
        fuzz::require(payload.size() <= vmm::max_payload, "no payload is too long");
        again += vmm::frames_of(kind, payload);
    }
    fuzz::require(taken.is_refused ? line.starts_with(again) : line == again + taken.rest,
                  "frames are what they were made of");
    fuzz::require(taken.rest.size() < sizeof(vmm::FrameHeader) + vmm::max_payload,
                  "what is kept is part of one frame");
    fuzz::require(taken == take_in_two(line, first % (line.size() + 1)),
                  "it does not matter in which pieces they come");
}
