#include "vmm/channel/format.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "shared/channel/format_string.hpp"

namespace nestbed::vmm {

namespace {

using channel::ArgumentKind;

ArgumentKind kind_of(const Argument& argument) {
    // In the order of the variant's types.
    constexpr ArgumentKind kinds[] = {ArgumentKind::unsigned_integer, ArgumentKind::signed_integer,
                                      ArgumentKind::boolean, ArgumentKind::address,
                                      ArgumentKind::string};
    static_assert(std::size(kinds) == std::variant_size_v<Argument>);
    return kinds[argument.index()];
}

channel::FormatProblem problem_of(const std::string& format,
                                  const std::vector<Argument>& arguments) {
    std::vector<ArgumentKind> kinds;
    std::ranges::transform(arguments, std::back_inserter(kinds), kind_of);
    return channel::problem_of(format.data(), format.data() + format.size(), kinds.data(),
                               static_cast<std::uint32_t>(kinds.size()));
}

std::string formatted(const std::string& format, const std::vector<Argument>& arguments) {
    fmt::dynamic_format_arg_store<fmt::format_context> store;
    for (const Argument& argument : arguments) {
        std::visit([&](const auto& value) { store.push_back(value); }, argument);
    }
    return fmt::vformat(format, store);
}

Argument argument(channel::ArgumentKind kind, std::uint64_t value, const VirtualMemory& memory) {
    switch (kind) {
        case channel::ArgumentKind::signed_integer:
            return static_cast<std::int64_t>(value);
        case channel::ArgumentKind::boolean:
            return value != 0;
        case channel::ArgumentKind::address:
            return reinterpret_cast<const void*>(value);
        case channel::ArgumentKind::string:
            return memory.read_string(value).value_or(fmt::format("<no string at {:#x}>", value));
        case channel::ArgumentKind::unsigned_integer:
            break;
    }
    return value;
}

}  // namespace

std::vector<Argument> arguments_of(const channel::Record& record, const VirtualMemory& memory) {
    std::vector<Argument> arguments;
    for (std::uint32_t n = 0; n < channel::max_arguments && n < record.argument_count; ++n) {
        const auto kind = static_cast<channel::ArgumentKind>(
            record.kinds >> (channel::kind_bits * n) & ((1U << channel::kind_bits) - 1));
        arguments.push_back(argument(kind, record.arguments[n], memory));
    }
    return arguments;
}

std::string show(const Argument& argument) {
    // Large unsigned values are nearly always addresses or entries.
    constexpr std::uint64_t readable = 1'000'000;
    if (const auto* number = std::get_if<std::uint64_t>(&argument); number && *number >= readable) {
        return fmt::format("{} ({:#x})", *number, *number);
    }
    if (const auto* text = std::get_if<std::string>(&argument)) {
        return fmt::format("\"{}\"", *text);
    }
    return std::visit([](const auto& plain) { return fmt::format("{}", plain); }, argument);
}

std::string format(const std::string& format, const std::vector<Argument>& arguments) {
    const channel::FormatProblem problem = problem_of(format, arguments);
    std::string why = channel::text_of(problem);
    if (problem == channel::FormatProblem::none) {
        // If our parser takes what {fmt} does not, a guest's string must not end the whole run.
        try {
            return formatted(format, arguments);
        } catch (const fmt::format_error& error) {
            why = error.what();
        }
    }
    std::string text = format;
    for (const Argument& argument : arguments) {
        text += " " + show(argument);
    }
    return text + " [not formatted: " + why + "]";
}

}  // namespace nestbed::vmm
