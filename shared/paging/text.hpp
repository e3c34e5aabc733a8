#pragma once

#include <cstddef>
#include <cstdint>

namespace nestbed::paging {

/// A text of at most `Capacity` characters, in place: no heap, no libc, no end of memory.
///
/// What does not fit is cut off, and the text then ends in "..." and takes no more, so that a
/// reader sees it too.
template <std::size_t Capacity>
class Text {
    static_assert(Capacity >= 3, "a text that is cut off must hold its three dots");

  public:
    static constexpr std::size_t capacity = Capacity;

    /// Zero-terminated.
    constexpr const char* c_str() const { return characters_; }
    constexpr std::size_t size() const { return size_; }
    constexpr bool empty() const { return size_ == 0; }
    /// Whether something did not fit.
    constexpr bool truncated() const { return truncated_; }

    constexpr void clear() { *this = Text(); }

    constexpr Text& append(char character) {
        if (size_ < Capacity) {
            characters_[size_++] = character;
        } else {
            truncate();
        }
        return *this;
    }

    constexpr Text& append(const char* words) {
        for (; *words != '\0'; ++words) {
            append(*words);
        }
        return *this;
    }

    /// In decimal, with blanks before it up to `width` characters.
    constexpr Text& append_decimal(std::uint64_t number, std::size_t width = 0) {
        return append_number(number, 10, ' ', width);
    }

    /// As 0x and lower-case digits, with zeros before them up to `digits`.
    constexpr Text& append_hex(std::uint64_t number, std::size_t digits = 0) {
        return append("0x").append_number(number, 16, '0', digits);
    }

    /// A number of bytes in the greatest unit that leaves no fraction: "4 KiB", "3 MiB", "12 B".
    constexpr Text& append_size(std::uint64_t bytes) {
        constexpr const char* units[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
        std::size_t unit = 0;
        while (bytes != 0 && bytes % 1024 == 0) {
            bytes /= 1024;
            ++unit;
        }
        return append_decimal(bytes).append(units[unit]);
    }

    /// Blanks until the text is `column` characters long; nothing if it is already.
    constexpr Text& pad_to(std::size_t column) {
        while (size_ < column && !truncated_) {
            append(' ');
        }
        return *this;
    }

  private:
    constexpr Text& append_number(std::uint64_t number, unsigned base, char fill,
                                  std::size_t width) {
        constexpr std::size_t most_digits = 20;
        char digits[most_digits] = {};
        std::size_t count = 0;
        do {
            digits[count++] = "0123456789abcdef"[number % base];
            number /= base;
        } while (number != 0);
        for (std::size_t n = count; n < width && !truncated_; ++n) {
            append(fill);
        }
        while (count != 0) {
            append(digits[--count]);
        }
        return *this;
    }

    constexpr void truncate() {
        truncated_ = true;
        for (std::size_t n = Capacity - 3; n < Capacity; ++n) {
            characters_[n] = '.';
        }
    }

    char characters_[Capacity + 1] = {};
    std::size_t size_ = 0;
    bool truncated_ = false;
};

}  // namespace nestbed::paging
