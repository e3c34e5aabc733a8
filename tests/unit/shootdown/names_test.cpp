#include <gtest/gtest.h>

#include <set>
#include <string>

#include "shared/shootdown/protocol_names.hpp"
#include "shared/study/shootdown_axes.hpp"

namespace nestbed::shootdown {
namespace {

using study::FlushPrimitive;
using study::InitiatorSpaces;
using study::Routing;
using study::TargetState;

/// Of all its numbers, and of the next, which has none.
template <study::HasValues Id>
std::set<std::string> names_and_one_more() {
    std::set<std::string> names;
    for (std::uint64_t n = 0; n <= study::value_count<Id>; ++n) {
        names.insert(study::name_of(static_cast<Id>(n)));
    }
    return names;
}

TEST(ShootdownNames, AreThoseOfTheCommandLine) {
    EXPECT_EQ(
        names_and_one_more<ProtocolId>(),
        (std::set<std::string>{"global", "mailbox", "mailbox-overlapped", "scoreboard", "early-ack",
                               "generation", "deferred", "polled", "paravirtual", "nmi", "?"}));
    EXPECT_EQ(
        names_and_one_more<TargetState>(),
        (std::set<std::string>{"user", "spin", "hlt", "irqs-off", "lazy", "descheduled", "?"}));
    EXPECT_EQ(names_and_one_more<Routing>(),
              (std::set<std::string>{"unicast", "cluster", "all-but-self", "hypercall", "?"}));
    EXPECT_EQ(names_and_one_more<FlushPrimitive>(),
              (std::set<std::string>{"invlpg", "cr3", "pge", "invpcid-address", "invpcid-context",
                                     "invpcid-all", "invpcid-non-global", "?"}));
    EXPECT_EQ(names_and_one_more<InitiatorSpaces>(),
              (std::set<std::string>{"same", "disjoint", "?"}));
}

}  // namespace
}  // namespace nestbed::shootdown
