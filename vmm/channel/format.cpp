#include "vmm/channel/format.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace nestbed::vmm {

namespace {

/// Why {fmt} must not see this format, if there is a reason: a width or precision is a length of
/// the text to be made, and a guest could ask for gigabytes.
std::optional<const char*> objection(const std::string& format) {
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
    return std::nullopt;
}

}  // namespace

std::size_t RecordArguments::count() const {
    return std::min<std::size_t>(record_.argument_count, channel::max_arguments);
}

RecordArguments::Argument RecordArguments::argument(std::size_t n) const {
    const std::uint64_t value = record_.arguments[n];
    const std::uint32_t kind =
        record_.kinds >> (channel::kind_bits * n) & ((1U << channel::kind_bits) - 1);
    switch (static_cast<channel::ArgumentKind>(kind)) {
        case channel::ArgumentKind::signed_integer:
            return static_cast<std::int64_t>(value);
        case channel::ArgumentKind::boolean:
            return value != 0;
        case channel::ArgumentKind::address:
            return reinterpret_cast<const void*>(value);
        case channel::ArgumentKind::string:
            return memory_.read_string(value).value_or(fmt::format("<no string at {:#x}>", value));
        case channel::ArgumentKind::unsigned_integer:
            break;
    }
    return value;
}

std::string RecordArguments::show(std::size_t n) const {
    // Large unsigned values are nearly always addresses or entries.
    constexpr std::uint64_t readable = 1'000'000;
    const Argument value = argument(n);
    if (const auto* number = std::get_if<std::uint64_t>(&value); number && *number >= readable) {
        return fmt::format("{} ({:#x})", *number, *number);
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
        return fmt::format("\"{}\"", *text);
    }
    return std::visit([](const auto& plain) { return fmt::format("{}", plain); }, value);
}

std::string RecordArguments::format(const std::string& format) const {
    std::string problem;
    if (const auto reason = objection(format)) {
        problem = *reason;
    } else {
        fmt::dynamic_format_arg_store<fmt::format_context> store;
        for (std::size_t n = 0; n < count(); ++n) {
            std::visit([&](const auto& value) { store.push_back(value); }, argument(n));
        }
        try {
            return fmt::vformat(format, store);
        } catch (const fmt::format_error& error) {
            problem = error.what();
        }
    }
    std::string text = format;
    for (std::size_t n = 0; n < count(); ++n) {
        text += " " + show(n);
    }
    return text + " [not formatted: " + problem + "]";
}

}  // namespace nestbed::vmm
