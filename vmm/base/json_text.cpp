#include "vmm/base/json_text.hpp"

#include <vector>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr int most_levels = 100;
constexpr std::size_t most_keys = 10'000;

}  // namespace

nlohmann::ordered_json parse_json(std::string_view text) {
    using Json = nlohmann::ordered_json;
    std::vector<std::size_t> keys(most_levels + 1);
    const auto check = [&](int depth, Json::parse_event_t event, const Json&) {
        if (depth >= most_levels) {
            throw_error(ErrorKind::input, "more than {} levels of JSON", most_levels);
        }
        const auto level = static_cast<std::size_t>(depth);
        if (event == Json::parse_event_t::object_start) {
            keys[level + 1] = 0;
        } else if (event == Json::parse_event_t::key && ++keys[level] > most_keys) {
            throw_error(ErrorKind::input, "an object with more than {} keys", most_keys);
        }
        return true;
    };
    return Json::parse(text, check);
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
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace nestbed::vmm
