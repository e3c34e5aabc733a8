#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "address.hpp"
#include "fatal.hpp"
#include "level.hpp"

namespace nestbed::paging {

/// What went wrong.
enum class ErrorKind : std::uint8_t {
    unaligned,            ///< An address is not a multiple of the page size.
    out_of_range,         ///< An index above 511, or an address above the width it must fit.
    not_canonical,        ///< A linear address is not canonical for the paging mode.
    not_exist,            ///< An entry on the way, or the mapping itself, is not present.
    duplicated,           ///< A page is mapped there already.
    unexpected_leaf,      ///< A large page lies where a table is needed to go on.
    unexpected_table,     ///< A table lies where the leaf of this size would be.
    malformed,            ///< A present entry has a form that its level does not allow.
    invalid_permission,   ///< x86 cannot express the permission, or a table above denies it.
    unsupported,          ///< The processor, as configured, has no such entry (1 GiB, NX).
    kernel_half,          ///< The upper half belongs to the kernel and is not this mapper's.
    out_of_frames,        ///< The frame source has no frame left for a table.
    not_addressable,      ///< A table lies outside the physical memory that the window shows.
    occupied,             ///< An entry is not present but not zero: software's, or detached.
    reclaim_pending,      ///< What was detached before is not reclaimed yet.
    not_mergeable,        ///< The pages below a table are not what one large page could map.
    other_address_space,  ///< A token names another address space.
    batch_full,           ///< A batch has no room for another frame.
};

/// The kind as a word for a message.
constexpr const char* name_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::unaligned:
            return "unaligned";
        case ErrorKind::out_of_range:
            return "out of range";
        case ErrorKind::not_canonical:
            return "not canonical";
        case ErrorKind::not_exist:
            return "not exist";
        case ErrorKind::duplicated:
            return "duplicated";
        case ErrorKind::unexpected_leaf:
            return "unexpected leaf";
        case ErrorKind::unexpected_table:
            return "unexpected table";
        case ErrorKind::malformed:
            return "malformed";
        case ErrorKind::invalid_permission:
            return "invalid permission";
        case ErrorKind::unsupported:
            return "unsupported";
        case ErrorKind::kernel_half:
            return "kernel half";
        case ErrorKind::out_of_frames:
            return "out of frames";
        case ErrorKind::not_addressable:
            return "not addressable";
        case ErrorKind::occupied:
            return "occupied";
        case ErrorKind::reclaim_pending:
            return "reclaim pending";
        case ErrorKind::not_mergeable:
            return "not mergeable";
        case ErrorKind::other_address_space:
            return "other address space";
        case ErrorKind::batch_full:
            return "batch full";
    }
    return "unknown";
}

/// An error with its place: what went wrong, for which addresses, at which level, each where known.
struct Error {
    ErrorKind kind;
    std::optional<Level> level{};
    /// The linear address that was asked for.
    std::optional<VirtAddr> virt{};
    /// The physical address it is about: a frame that was asked for or is in the way, or a table.
    std::optional<PhysAddr> phys{};

    friend constexpr bool operator==(const Error&, const Error&) = default;
};

/// A value or the error that kept it from being. Taking what is not there stops the program.
template <typename T>
class [[nodiscard]] Result {
  public:
    constexpr Result(T value) : value_(std::move(value)) {}
    constexpr Result(const Error& error) : error_(error) {}

    constexpr bool has_value() const { return value_.has_value(); }
    constexpr explicit operator bool() const { return has_value(); }

    constexpr T& value() & {
        require(has_value());
        return *value_;
    }
    constexpr const T& value() const& {
        require(has_value());
        return *value_;
    }
    constexpr T&& value() && {
        require(has_value());
        return std::move(*value_);
    }

    constexpr T& operator*() & { return value(); }
    constexpr const T& operator*() const& { return value(); }
    constexpr T&& operator*() && { return std::move(*this).value(); }
    constexpr T* operator->() { return &value(); }
    constexpr const T* operator->() const { return &value(); }

    constexpr const Error& error() const {
        require(!has_value());
        return *error_;
    }

  private:
    static constexpr void require(bool held) {
        if (!held) {
            nestbed_paging_fatal("paging: took the wrong side of a Result");
        }
    }

    std::optional<T> value_{};
    std::optional<Error> error_{};
};

/// Success with nothing to hand back, or the error that prevented it.
template <>
class [[nodiscard]] Result<void> {
  public:
    // Written out: `= default` would zero the whole object first.
    // NOLINTNEXTLINE(modernize-use-equals-default)
    constexpr Result() {}
    constexpr Result(const Error& error) : error_(error) {}

    constexpr bool has_value() const { return !error_.has_value(); }
    constexpr explicit operator bool() const { return has_value(); }

    constexpr const Error& error() const {
        if (has_value()) {
            nestbed_paging_fatal("paging: took the error of a Result that succeeded");
        }
        return *error_;
    }

  private:
    std::optional<Error> error_{};
};

}  // namespace nestbed::paging
