#include "vmm/base/json_text.hpp"

#include <algorithm>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_levels = 100;
constexpr std::size_t most_keys = 10'000;
constexpr std::size_t most_json_values = 32'000'000;

/// Behind the string that begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        at += text[at] == '\\' ? 1 : 0;
    }
    return at;
}

/// Before anything is made of it. It need not be JSON: what the parser comes to before it finds
/// that out is within the limits.
void check_limits(std::string_view text, std::string_view file) {
    std::vector<std::size_t> keys(1);  // of the objects and lists that are open
    std::size_t values = 1;
    for (std::size_t at = 0; at < text.size(); ++at) {
        switch (text[at]) {
            case '"':
                at = end_of_string(text, at);
                break;
            case '{':
            case '[':
                keys.push_back(0);
                ++values;
                break;
            case '}':
            case ']':
                keys.resize(std::max<std::size_t>(keys.size() - 1, 1));
                break;
            case ':':
                ++keys.back();
                break;
            case ',':
                ++values;
                break;
            default:
                break;
        }
        if (keys.size() > most_levels) {
            throw_error(ErrorKind::input, "{}more than {} levels of JSON", file, most_levels);
        }
        if (keys.back() > most_keys) {
            throw_error(ErrorKind::input, "{}an object with more than {} keys", file, most_keys);
        }
        if (values > most_json_values) {
            throw_error(ErrorKind::input, "{}more than {} values", file, most_json_values);
        }
    }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view file) {
    check_limits(text, file.empty() ? "" : std::string(file) + ": ");
    return Json::parse(text);
}

std::string complaint_of(const nlohmann::json::exception& error) {
    constexpr std::size_t most = 200;
    std::string_view said = error.what();
    // "[json.exception.parse_error.101] " means something to programmers only.
    if (const std::size_t end = said.find("] "); said.starts_with('[') && end != said.npos) {
        said.remove_prefix(end + 2);
    }
    return shortened(said, most);
}

double seconds_in(const nlohmann::ordered_json& object, const char* key) {
    const nlohmann::ordered_json& value = object.at(key);
    if (!value.is_number() || value < 0) {
        throw_error(ErrorKind::input, "{} must be a number that is not negative", key);
    }
    return value;
}

std::uint64_t unsigned_in(const nlohmann::ordered_json& object, const char* key) {
    const nlohmann::ordered_json& value = object.at(key);
    if (!value.is_number_unsigned()) {
        throw_error(ErrorKind::input, "{} must be a whole number that is not negative", key);
    }
    return value;
}

std::string json_file_text(const nlohmann::ordered_json& json) {
    return json_printable(json.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace nestbed::vmm
