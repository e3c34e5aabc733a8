// What a guest's CPUs say that they wait for: circles, nobody, CPUs that there are not.

#include <vector>

#include "tests/fuzz/target.hpp"
#include "vmm/diagnose/waiting.hpp"

FUZZ_TARGET(waiting) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    std::vector<channel::Wait> waits;
    do {
        channel::Wait& wait = waits.emplace_back();
        const std::uint8_t kind = choices.byte();
        wait.kind = kind == 255 ? choices.value<channel::WaitKind>()
                                : static_cast<channel::WaitKind>(kind % 3);
        const std::uint8_t number = choices.byte();
        wait.number = number == 255 ? choices.value<std::uint32_t>() : number;
        wait.place = {choices.byte()};
    } while (!choices.none_left() && waits.size() < 64);
    const vmm::Waiting waiting(waits);
    fuzz::require(waiting.last_to_wait_for() < waits.size(), "the last of them is one of them");
    fuzz::require(waiting.texts().size() <= waits.size(), "there is a line at most for each");
}
