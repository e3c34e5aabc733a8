#include "vmm/nested/frame.hpp"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "tests/unit/nested/failure.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Frames = std::vector<std::pair<FrameKind, std::string>>;

/// The frames in `bytes`, which come `step` at a time.
Frames frames_in(std::string_view bytes, std::size_t step) {
    Frames frames;
    std::string come;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
        come += bytes.substr(0, step);
        take_frames(come, [&](FrameKind kind, std::string_view payload) {
            frames.emplace_back(kind, payload);
        });
    }
    return frames;
}

Frames frames_in(std::string_view bytes) { return frames_in(bytes, bytes.size()); }

TEST(Frame, IsMagicKindLengthAndPayload) {
    EXPECT_EQ(frames_of(FrameKind::error, "abc"), "\x9e\x03\x03\0\0\0abc"s);
}

TEST(Frame, OfEachKindComesBack) {
    for (const FrameKind kind :
         {FrameKind::ready, FrameKind::output, FrameKind::error, FrameKind::progress,
          FrameKind::file, FrameKind::contents, FrameKind::finished, FrameKind::problem}) {
        EXPECT_THAT(frames_in(frames_of(kind, "text")), ElementsAre(Pair(kind, "text")));
    }
}

TEST(Frame, MayHoldAnyBytes) {
    const std::string bytes = "\x9e\x01\0\xFF\r\n"s;
    EXPECT_THAT(frames_in(frames_of(FrameKind::contents, bytes)),
                ElementsAre(Pair(FrameKind::contents, bytes)));
}

TEST(Frame, OfNothingIsOneFrame) {
    EXPECT_THAT(frames_in(frames_of(FrameKind::ready, "")),
                ElementsAre(Pair(FrameKind::ready, "")));
}

TEST(Frame, AFullOneIsOneFrame) {
    const std::string text(max_payload, 'a');
    EXPECT_THAT(frames_in(frames_of(FrameKind::output, text)),
                ElementsAre(Pair(FrameKind::output, text)));
}

TEST(Frame, ALongTextTakesSeveral) {
    const std::string text =
        std::string(max_payload, 'a') + std::string(max_payload, 'b') + "the rest";
    EXPECT_THAT(frames_in(frames_of(FrameKind::output, text)),
                ElementsAre(Pair(FrameKind::output, std::string(max_payload, 'a')),
                            Pair(FrameKind::output, std::string(max_payload, 'b')),
                            Pair(FrameKind::output, "the rest")));
}

TEST(TakeFrames, TakesBytesThatAreSplitAnywhere) {
    const std::string bytes = frames_of(FrameKind::ready, "") +
                              frames_of(FrameKind::output, "some\x9e text") +
                              frames_of(FrameKind::finished, "0");
    const Frames whole = frames_in(bytes);
    ASSERT_EQ(whole.size(), 3U);
    for (std::size_t step = 1; step < bytes.size(); ++step) {
        EXPECT_EQ(frames_in(bytes, step), whole) << step;
    }
}

TEST(TakeFrames, WaitsForTheLastByte) {
    const std::string bytes = frames_of(FrameKind::output, "text");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_THAT(frames_in(std::string_view(bytes).substr(0, size)), IsEmpty()) << size;
    }
}

TEST(TakeFrames, RefusesWhatIsNoFrame) {
    for (const std::string& bytes : {
             "Linux version 6.1"s,     // text
             "\x1e\x01\0\0\0\0"s,      // another magic
             "\x9e\0\0\0\0\0"s,        // kinds that there are not
             "\x9e\x09\0\0\0\0"s,      //
             "\x9e\xFF\0\0\0\0"s,      //
             "\x9e\x02\x01\x10\0\0"s,  // 4097 bytes
             "\x9e\x02\0\0\x01\0"s,    // 64 KiB
             "\x9e\x02\0\0\0\x80"s,    // 2 GiB
         }) {
        EXPECT_THAT(test::failure_of([&] { frames_in(bytes); }),
                    HasSubstr("sent something else than results"))
            << testing::PrintToString(bytes);
    }
}

TEST(TakeFrames, RefusesWhatIsNoFrameBehindOneThatIs) {
    Frames frames;
    std::string bytes = frames_of(FrameKind::ready, "") + "panic!";
    EXPECT_THROW(
        take_frames(bytes, [&](FrameKind kind,
                               std::string_view payload) { frames.emplace_back(kind, payload); }),
        Error);
    EXPECT_THAT(frames, ElementsAre(Pair(FrameKind::ready, "")));
}

}  // namespace
}  // namespace nestbed::vmm
