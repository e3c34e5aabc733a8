#include <gtest/gtest.h>

#include <set>
#include <string>

#include "shared/shootdown/flush_primitive.hpp"
#include "shared/shootdown/initiator_spaces.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/routing.hpp"
#include "shared/shootdown/target_state.hpp"

namespace nestbed::shootdown {
namespace {

/// The names of the numbers 0 to `count`; the last has none.
template <typename Id>
std::set<std::string> names_up_to(std::uint64_t count) {
    std::set<std::string> names;
    for (std::uint64_t n = 0; n <= count; ++n) {
        names.insert(name_of(static_cast<Id>(n)));
    }
    return names;
}

TEST(ShootdownNames, AreThoseOfTheCommandLine) {
    EXPECT_EQ(
        names_up_to<ProtocolId>(protocol_count),
        (std::set<std::string>{"global", "mailbox", "mailbox-overlapped", "scoreboard", "early-ack",
                               "generation", "deferred", "polled", "paravirtual", "nmi", "?"}));
    EXPECT_EQ(
        names_up_to<TargetState>(target_state_count),
        (std::set<std::string>{"user", "spin", "hlt", "irqs-off", "lazy", "descheduled", "?"}));
    EXPECT_EQ(names_up_to<Routing>(routing_count),
              (std::set<std::string>{"unicast", "cluster", "all-but-self", "hypercall", "?"}));
    EXPECT_EQ(names_up_to<FlushPrimitive>(flush_primitive_count),
              (std::set<std::string>{"invlpg", "cr3", "pge", "invpcid-address", "invpcid-context",
                                     "invpcid-all", "invpcid-non-global", "?"}));
    EXPECT_EQ(names_up_to<InitiatorSpaces>(initiator_spaces_count - 1),
              (std::set<std::string>{"same", "disjoint"}));
}

}  // namespace
}  // namespace nestbed::shootdown
