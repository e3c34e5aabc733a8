#include "vmm/channel/format.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace nestbed::vmm {

namespace {

/// Why {fmt} must not see this format, or null: a width or precision is a length of the text to be
/// made, and a guest could ask for gigabytes.
const char* objection(const std::string& format) {
    constexpr int max_digits = 3;
    bool in_field = false;
    int digits = 0;
    for (std::size_t i = 0; i < format.size(); ++i) {
        const char c = format[i];
        if (in_field && c == '{') {
            return "a width taken from an argument";
        }
        if (c == '{' && i + 1 < format.size() && format[i + 1] == '{') {
            ++i;  // an escaped brace
        } else if (c == '{' || c == '}') {
            in_field = c == '{';
        }
        digits = in_field && std::isdigit(static_cast<unsigned char>(c)) != 0 ? digits + 1 : 0;
        if (digits > max_digits) {
            return "a number over 999";
        }
    }
    return nullptr;
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
    std::string problem;
    if (const char* reason = objection(format)) {
        problem = reason;
    } else {
        fmt::dynamic_format_arg_store<fmt::format_context> store;
        for (const Argument& argument : arguments) {
            std::visit([&](const auto& value) { store.push_back(value); }, argument);
        }
        try {
            return fmt::vformat(format, store);
        } catch (const fmt::format_error& error) {
            problem = error.what();
        }
    }
    std::string text = format;
    for (const Argument& argument : arguments) {
        text += " " + show(argument);
    }
    return text + " [not formatted: " + problem + "]";
}

}  // namespace nestbed::vmm
