// Values as bytes, for another process of this program, which may not be believed, or for later.
//
// What a structure consists of, `archive_fields` of its own says, found by its type and used in
// both directions:
//
//     template <typename Archive, ArchivedAs<Point> Value>
//     void archive_fields(Archive& archive, Value& point) { archive(point.x, point.y); }
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

/// `Value` is `T`, to be read, or `const T`, to be written.
template <typename Value, typename T>
concept ArchivedAs = std::same_as<std::remove_const_t<Value>, T>;

/// Those whose bytes are all that there is to them; any bytes are a value. Not bool and enums, of
/// which only some are.
template <typename T>
concept PlainNumber = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;

class ArchiveWriter {
  public:
    template <typename... Values>
    void operator()(const Values&... values) {
        (add(values), ...);
    }

    /// Bytes of a trivially copyable type, of which the reader checks what it must.
    template <typename T>
    requires std::is_trivially_copyable_v<T>
    void bytes_of(const T& value) { append(&value, sizeof value); }

    /// An enumerator up to `last`.
    template <typename Enum>
    void enumerator(const Enum& value, Enum) {
        add(static_cast<std::uint64_t>(value));
    }

    std::string take() { return std::move(bytes_); }

  private:
    void append(const void* data, std::size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
    }
    template <typename T>
    void add(const T& value) {
        if constexpr (std::same_as<T, bool>) {
            append(&value, 1);
        } else if constexpr (PlainNumber<T>) {
            append(&value, sizeof value);
        } else {
            archive_fields(*this, value);
        }
    }
    void add(const std::string& text) {
        add(std::uint64_t{text.size()});
        append(text.data(), text.size());
    }
    template <typename T>
    void add_all(const T& values) {
        add(std::uint64_t{values.size()});
        for (const auto& value : values) {
            add(value);
        }
    }
    template <typename T>
    void add(const std::vector<T>& values) {
        add_all(values);
    }
    template <typename T>
    void add(const std::set<T>& values) {
        add_all(values);
    }
    template <typename T>
    void add(const std::optional<T>& value) {
        add(value.has_value());
        if (value) {
            add(*value);
        }
    }
    template <typename First, typename Second>
    void add(const std::pair<First, Second>& pair) {
        add(pair.first);
        add(pair.second);
    }
    template <typename First, typename Second>
    void add(const std::variant<First, Second>& value) {
        add(value.index() == 1);
        std::visit([this](const auto& held) { this->add(held); }, value);
    }
    void add(const Error& error) {
        enumerator(error.kind(), ErrorKind::ours);
        add(std::string(error.what()));
    }

    std::string bytes_;
};

/// Throws Error(input) for bytes that no writer has made, and takes no more memory for them than a
/// small multiple of their size.
class ArchiveReader {
  public:
    /// `bytes` must outlive it.
    explicit ArchiveReader(std::string_view bytes) : left_(bytes) {}

    template <typename... Values>
    void operator()(Values&... values) {
        (get(values), ...);
    }

    template <typename T>
    requires std::is_trivially_copyable_v<T>
    void bytes_of(T& value) { std::memcpy(&value, piece(sizeof value).data(), sizeof value); }

    template <typename Enum>
    void enumerator(Enum& value, Enum last) {
        std::uint64_t number = 0;
        get(number);
        require(number <= static_cast<std::uint64_t>(last));
        value = static_cast<Enum>(number);
    }

    bool is_at_end() const { return left_.empty(); }

  private:
    static void require(bool condition) {
        if (!condition) {
            throw_error(ErrorKind::input, "these bytes are no archive");
        }
    }
    std::string_view piece(std::size_t size) {
        require(size <= left_.size());
        const std::string_view bytes = left_.substr(0, size);
        left_.remove_prefix(size);
        return bytes;
    }
    /// Each element has a byte at least.
    std::uint64_t get_count() {
        std::uint64_t count = 0;
        get(count);
        require(count <= left_.size());
        return count;
    }
    template <typename T>
    void get(T& value) {
        if constexpr (std::same_as<T, bool>) {
            const char byte = piece(1).front();
            require(byte == 0 || byte == 1);
            value = byte == 1;
        } else if constexpr (PlainNumber<T>) {
            bytes_of(value);
        } else {
            archive_fields(*this, value);
        }
    }
    void get(std::string& text) { text = piece(get_count()); }
    template <typename T>
    void get(std::vector<T>& values) {
        values.clear();
        for (std::uint64_t left = get_count(); left != 0; --left) {
            get(values.emplace_back());
        }
    }
    template <typename T>
    void get(std::set<T>& values) {
        values.clear();
        for (std::uint64_t left = get_count(); left != 0; --left) {
            T value{};
            get(value);
            values.insert(std::move(value));
        }
    }
    template <typename T>
    void get(std::optional<T>& value) {
        bool has_value = false;
        get(has_value);
        value.reset();
        if (has_value) {
            get(value.emplace());
        }
    }
    void get(std::optional<Error>& error) {
        bool has_value = false;
        get(has_value);
        error.reset();
        if (has_value) {
            ErrorKind kind{};
            std::string text;
            enumerator(kind, ErrorKind::ours);
            get(text);
            error.emplace(kind, text);
        }
    }
    template <typename First, typename Second>
    void get(std::pair<First, Second>& pair) {
        get(pair.first);
        get(pair.second);
    }
    template <typename First, typename Second>
    void get(std::variant<First, Second>& value) {
        bool is_second = false;
        get(is_second);
        if (is_second) {
            get(value.template emplace<1>());
        } else {
            get(value.template emplace<0>());
        }
    }

    std::string_view left_;
};

}  // namespace nestbed::vmm
