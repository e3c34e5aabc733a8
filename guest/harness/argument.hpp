// Values on their way to the host, with how to show them.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "guest/kernel/constant_string.hpp"
#include "shared/channel/record.hpp"

namespace nestbed::guest {

/// An address type of shared/paging.
template <typename T>
concept HasRaw = requires(const T& value) {
    { value.raw() } -> std::same_as<std::uint64_t>;
};

template <typename T>
concept CharPointer =
    std::is_pointer_v<T> && std::same_as < std::remove_cv_t<std::remove_pointer_t<T>>,
char > ;

/// Not __int128, of which a record would have half.
template <typename T>
concept Number = (std::integral<T> && sizeof(T) <= sizeof(std::uint64_t)) || std::is_enum_v<T>;

/// What an Argument can be made of, after decay, besides strings.
template <typename T>
concept Showable = Number<T> || HasRaw<T> || std::is_null_pointer_v<T> ||
    (std::is_pointer_v<T> && !CharPointer<T>);

template <typename T>
concept Loggable = Showable<T> || CharPointer<T> || std::same_as<T, ConstantString>;

template <typename T>
requires Loggable<T>
consteval channel::ArgumentKind kind_of() {
    using enum channel::ArgumentKind;
    if constexpr (CharPointer<T> || std::same_as<T, ConstantString>) {
        return string;
    } else if constexpr (std::is_enum_v<T>) {
        return kind_of<std::underlying_type_t<T>>();
    } else if constexpr (std::same_as<T, bool>) {
        return boolean;
    } else if constexpr (std::integral<T>) {
        return std::signed_integral<T> ? signed_integer : unsigned_integer;
    } else {
        return address;
    }
}

class Argument {
  public:
    // Not explicit, all of them: whatever is logged becomes one.
    template <typename T>
    requires Showable<T>
    constexpr Argument(const T& value) : kind_(kind_of<T>()), bits_(bits_of(value)) {}
    consteval Argument(const char* text) : kind_(channel::ArgumentKind::string), text_(text) {}
    constexpr Argument(ConstantString text)
        : kind_(channel::ArgumentKind::string), text_(text.c_str()) {}

    constexpr channel::ArgumentKind kind() const { return kind_; }
    std::uint64_t value() const {
        return kind_ == channel::ArgumentKind::string ? reinterpret_cast<std::uint64_t>(text_)
                                                      : bits_;
    }

  private:
    template <typename T>
    static constexpr std::uint64_t bits_of(const T& value) {
        if constexpr (HasRaw<T>) {
            return value.raw();
        } else if constexpr (std::is_null_pointer_v<T>) {
            return 0;
        } else if constexpr (std::is_pointer_v<T>) {
            return reinterpret_cast<std::uint64_t>(value);
        } else if constexpr (std::is_enum_v<T>) {
            return bits_of(static_cast<std::underlying_type_t<T>>(value));
        } else if constexpr (std::signed_integral<T>) {
            return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        } else {
            return value;
        }
    }

    channel::ArgumentKind kind_;
    union {
        std::uint64_t bits_;
        const char* text_;  ///< of a string: an address is no constant number
    };
};

/// A value of an expectation: a pointer to characters is an address there, for what it points to
/// may be gone when the host would read it.
template <typename T>
requires Showable<T> || CharPointer<T>
constexpr Argument shown(const T& value) {
    if constexpr (CharPointer<T>) {
        return static_cast<const volatile void*>(value);
    } else {
        return value;
    }
}
constexpr Argument shown(ConstantString value) { return value; }

}  // namespace nestbed::guest
