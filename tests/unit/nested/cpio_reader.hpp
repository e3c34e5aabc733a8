// Reads a cpio archive as the kernel's init/initramfs.c does.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm::test {

struct CpioEntry {
    std::string name;
    std::string contents;
    std::uint64_t inode = 0;
    std::uint64_t mode = 0;
    std::uint64_t links = 0;
    std::uint64_t major = 0;  ///< of the device that it is
    std::uint64_t minor = 0;
};

class CpioReader {
  public:
    /// Fails the test if `archive` is none.
    explicit CpioReader(std::string_view archive) : archive_(archive) {
        while (at_ < archive_.size()) {
            CpioEntry entry = next();
            if (testing::Test::HasFailure()) {
                return;
            }
            if (entry.name == "TRAILER!!!") {
                EXPECT_EQ(at_, archive_.size()) << "the trailer is the end";
                return;
            }
            entries_.push_back(std::move(entry));
        }
        ADD_FAILURE() << "there is no trailer";
    }

    const std::vector<CpioEntry>& entries() const { return entries_; }

    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const CpioEntry& entry : entries_) {
            result.push_back(entry.name);
        }
        return result;
    }

    /// Fails the test if there is none.
    CpioEntry entry(std::string_view name) const {
        for (const CpioEntry& candidate : entries_) {
            if (candidate.name == name) {
                return candidate;
            }
        }
        ADD_FAILURE() << "there is no " << name;
        return {};
    }

  private:
    CpioEntry next() {
        EXPECT_EQ(at_ % 4, 0U);
        EXPECT_EQ(take(6), "070701");
        // inode mode uid gid links mtime size device(2) special(2) name-size check
        std::array<std::uint64_t, 13> fields{};
        for (std::uint64_t& field : fields) {
            const std::string digits = take(8);
            EXPECT_EQ(digits.find_first_not_of("0123456789abcdefABCDEF"), std::string::npos);
            field = std::strtoull(digits.c_str(), nullptr, 16);
        }
        CpioEntry entry{.name = take(fields[11]),
                        .contents = {},
                        .inode = fields[0],
                        .mode = fields[1],
                        .links = fields[4],
                        .major = fields[9],
                        .minor = fields[10]};
        EXPECT_TRUE(entry.name.ends_with('\0'));
        entry.name.resize(std::char_traits<char>::length(entry.name.c_str()));
        skip_padding();
        entry.contents = take(fields[6]);
        skip_padding();
        return entry;
    }

    std::string take(std::size_t count) {
        EXPECT_LE(count, archive_.size() - at_) << "it ends too early";
        const std::string_view taken = archive_.substr(at_, count);
        at_ += taken.size();
        return std::string(taken);
    }

    void skip_padding() {
        while (at_ % 4 != 0 && at_ < archive_.size()) {
            EXPECT_EQ(archive_[at_++], '\0');
        }
    }

    std::string_view archive_;
    std::size_t at_ = 0;
    std::vector<CpioEntry> entries_;
};

}  // namespace nestbed::vmm::test
