// What a person types as the value of an option: taken within its limits, or refused.

#include <limits>
#include <vector>

#include "tests/fuzz/target.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/near_words.hpp"
#include "vmm/base/values.hpp"
#include "vmm/run/filter.hpp"
#include "vmm/study/study.hpp"

namespace nestbed {
namespace {

void parse_numbers(const std::string& text, std::uint64_t least, std::uint64_t most) {
    const std::uint64_t number = vmm::parse_number("--option", text, least, most);
    fuzz::require(number >= least && number <= most, "a number is within its limits");
}

void parse_ranges(const std::string& text, std::uint64_t least, std::uint64_t most) {
    const auto numbers = vmm::parse_range("--option", text, least, most, true);
    fuzz::require(!numbers.empty() && numbers.size() <= 4096 && numbers.front() >= least &&
                      numbers.back() <= most && numbers.front() <= numbers.back(),
                  "a range is within its limits");
}

void parse_other(const std::string& text, std::uint64_t which) {
    switch (which % 5) {
        case 0:
            static_cast<void>(vmm::parse_size("--option", text));
            break;
        case 1: {
            const double share = vmm::parse_percent("--option", text);
            fuzz::require(share > 0 && share <= 10, "a percentage is within its limits");
            break;
        }
        case 2:
            fuzz::require(vmm::parse_seconds("--option", text).count() >= 1,
                          "a time is more than none");
            break;
        case 3:
            fuzz::require(vmm::parse_assignment("--option", text, 23).first.size() <= 23,
                          "a name is not too long");
            break;
        default:
            static_cast<void>(vmm::parse_memory("--option", text, 1 << 20, 1 << 30));
    }
}

void filter_tests(const std::string& text) {
    static const std::vector<vmm::GuestTest> tests{
        {"crash", "hang", "crash.cpp", 1, 0, {}, {"slow", "needs-pcid"}},
        {"mapping", "a_longer_name", "mapping.cpp", 2, 0, {}, {}}};
    const std::vector<const vmm::GuestTest*> all{&tests[0], &tests[1]};
    const bool is_tag = text.size() % 2 == 0;
    if (is_tag) {
        const vmm::TagFilter filter({text});
        static_cast<void>(filter.matches(tests[0].tags));
        filter.refuse_what_matches_nothing(all);
    } else {
        const vmm::Filter filter({text});
        static_cast<void>(filter.matches(tests[1].full_name()));
        filter.refuse_what_matches_nothing(all);
    }
}

/// Each axis of each study in turn.
void parse_axis(const std::string& text, std::uint64_t which) {
    const std::vector<vmm::Study>& studies = vmm::studies();
    const auto& axes = studies[which % studies.size()].axes;
    const vmm::Axis& axis = axes[which / studies.size() % axes.size()];
    for (const std::uint64_t number : axis.parse(text)) {
        fuzz::require(!axis.show(number).empty() && !axis.in_words(number).empty(),
                      "a value has a name");
    }
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(values) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    const std::uint8_t kind = choices.below(6);
    const std::uint64_t which = choices.value<std::uint16_t>();
    const std::string text(fuzz::text_of(choices.rest()));
    const std::uint64_t most = which % 4 == 0 ? std::numeric_limits<std::uint64_t>::max() : which;
    try {
        switch (kind) {
            case 0:
                return parse_numbers(text, which % 3, most);
            case 1:
                return parse_ranges(text, which % 3, most);
            case 2:
                return parse_other(text, which);
            case 3:
                return filter_tests(text);
            case 4:
                return parse_axis(text, which);
            default:
                static_cast<void>(vmm::did_you_mean(text, {"run", "matrix", "completion"}));
        }
    } catch (const vmm::Error& error) {
        fuzz::require(error.kind() == vmm::ErrorKind::usage, "a wrong value is wrong usage");
    }
}
