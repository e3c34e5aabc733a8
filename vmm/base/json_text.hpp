// JSON as text: read where somebody else may have written it, and written where others read it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace nestbed::vmm {

/// Throws a nlohmann::json::exception for what is no JSON, Error(input) for what no report is like:
/// nested so deeply that whoever walks it would run out of stack, an object with so many keys that
/// looking each of them up would take for ever, or so many values that they would take all memory;
/// it names `file`, if that is not empty.
nlohmann::ordered_json parse_json(std::string_view text, std::string_view file = "");

/// What is wrong with somebody's JSON, in a few words.
std::string complaint_of(const nlohmann::json::exception& error);

/// A number that is not negative. Throws Error(input) naming `key`.
double seconds_in(const nlohmann::ordered_json& object, const char* key);

/// An exact number: not 52.5, and not -1, which would become 2^64 - 1. Throws Error(input) naming
/// `key`.
std::uint64_t unsigned_in(const nlohmann::ordered_json& object, const char* key);

/// Indented, with a final line end. Guests, paths and command lines may hold any bytes: what is not
/// UTF-8, as JSON must be, is replaced.
std::string json_file_text(const nlohmann::ordered_json& json);

}  // namespace nestbed::vmm
