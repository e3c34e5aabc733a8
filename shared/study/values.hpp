// The values of an axis by name: one table that guest, host and help texts read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nestbed::study {

/// One value: what it is called on the command line and in results, and what it means.
template <typename Id>
struct Value {
    Id id;
    const char* name;
    const char* explanation;
};
template <typename Id>
Value(Id, const char*, const char*) -> Value<Id>;

/// All values of an enumeration, in the order of their numbers, from 0 on: the number travels as a
/// guest's parameter. Specialised beside each enumeration:
///
///     template <>
///     inline constexpr std::array study::values_of<Routing>{
///         study::Value{Routing::unicast, "unicast", "a write to the ICR for each target"}, …};
template <typename Id>
inline constexpr std::nullptr_t values_of = nullptr;

template <typename Id>
concept HasValues = requires {
    values_of<Id>.size();
};

template <HasValues Id>
constexpr std::size_t value_count = values_of<Id>.size();

/// Holds for each table, or `index` would find another value than was asked for.
template <HasValues Id>
constexpr bool are_in_order() {
    for (std::size_t n = 0; n < value_count<Id>; ++n) {
        if (static_cast<std::size_t>(values_of<Id>[n].id) != n) {
            return false;
        }
    }
    return true;
}

/// "?" of a number that is no value's.
template <HasValues Id>
constexpr const char* name_of(Id id) {
    static_assert(are_in_order<Id>());
    const auto index = static_cast<std::size_t>(id);
    return index < value_count<Id> ? values_of<Id>[index].name : "?";
}

}  // namespace nestbed::study
