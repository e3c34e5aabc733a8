// A guest's format string and arguments: formatted or refused, and what our parser takes, {fmt}
// takes as well.

#include <fmt/args.h>
#include <fmt/format.h>

#include <vector>

#include "shared/channel/format_string.hpp"
#include "tests/fuzz/target.hpp"
#include "vmm/channel/format.hpp"

namespace nestbed {
namespace {

using channel::ArgumentKind;

struct FormatArguments {
    std::vector<vmm::Argument> values;
    std::vector<ArgumentKind> kinds;
};

FormatArguments arguments_from(fuzz::Choices& choices) {
    FormatArguments arguments;
    for (unsigned n = choices.below(channel::max_arguments + 1); n != 0; --n) {
        const auto kind = static_cast<ArgumentKind>(choices.below(5));
        arguments.kinds.push_back(kind);
        const auto number = [&] { return choices.value<std::uint64_t>(); };
        arguments.values.push_back(kind == ArgumentKind::string    ? vmm::Argument(choices.text())
                                   : kind == ArgumentKind::boolean ? vmm::Argument(choices.flag())
                                   : kind == ArgumentKind::address
                                       ? vmm::Argument(reinterpret_cast<const void*>(number()))
                                   : kind == ArgumentKind::signed_integer
                                       ? vmm::Argument(static_cast<std::int64_t>(number()))
                                       : vmm::Argument(number()));
    }
    return arguments;
}

/// Throws what {fmt} throws.
std::string formatted_by_fmt(const std::string& format, const FormatArguments& arguments) {
    fmt::dynamic_format_arg_store<fmt::format_context> store;
    for (const vmm::Argument& argument : arguments.values) {
        std::visit([&](const auto& value) { store.push_back(value); }, argument);
    }
    return fmt::vformat(format, store);
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(format) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    const FormatArguments arguments = arguments_from(choices);
    const std::string format(fuzz::text_of(choices.rest()));
    const std::string text = vmm::format(format, arguments.values);
    const auto problem =
        channel::problem_of(format.data(), format.data() + format.size(), arguments.kinds.data(),
                            static_cast<std::uint32_t>(arguments.kinds.size()));
    if (problem == channel::FormatProblem::none) {
        fuzz::require(text == formatted_by_fmt(format, arguments), "{fmt} makes the same of it");
    } else {
        fuzz::require(text.starts_with(format) &&
                          text.ends_with(std::string(channel::text_of(problem)) + "]"),
                      "a refusal shows the format and says why");
    }
}
