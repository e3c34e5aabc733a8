#include "vmm/loader/guest.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include "shared/channel/abi.hpp"
#include "shared/channel/ring.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t max_tests = 4096;
constexpr std::uint64_t max_file_size = 1U << 28;
constexpr std::size_t most_suites = 64;         ///< reports go over all tests for each
constexpr std::uint64_t most_name_bytes = 256;  ///< of a suite or a test, with its end
constexpr std::uint64_t most_tag_bytes = 1024;  ///< of a test, with the end of the string

std::string read_guest(const std::string& path) {
    // Looked at before it is opened: to open a pipe would wait for its writer.
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) {
        throw_error(ErrorKind::input, "{}: {}", path, error.message());
    }
    if (!std::filesystem::is_regular_file(status)) {
        throw_error(ErrorKind::input, "{}: not a guest ELF: {}", path,
                    std::filesystem::is_directory(status) ? "a directory" : "not a regular file");
    }
    if (std::filesystem::file_size(path, error) > max_file_size) {
        throw_error(ErrorKind::input, "{}: not a guest ELF: over {} MiB", path,
                    max_file_size >> 20);
    }
    return read_file(path, ErrorKind::input);
}

/// Suites and tests are C++ identifiers (GUEST_TEST). What is not would be at odds with filters and
/// reports, or with the terminal.
bool is_identifier(const std::string& name) {
    return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
        return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
    });
}

bool is_possible(const channel::DirtyLogging& logging) {
    using channel::DirtyLogKind;
    constexpr std::uint32_t least_ring_entries = 256;  // KVM: they fill a page
    switch (logging.kind) {
        case DirtyLogKind::none:
        case DirtyLogKind::bitmap:
            return logging.ring_entries == 0 && logging.initially_set <= 1;
        case DirtyLogKind::ring:
            return logging.ring_entries <= channel::max_dirty_ring_entries &&
                   (logging.ring_entries == 0 || (std::has_single_bit(logging.ring_entries) &&
                                                  logging.ring_entries >= least_ring_entries)) &&
                   logging.initially_set == 0;
    }
    return false;
}

/// What a test asks for and cannot have; empty if it can have everything.
std::string impossible_need(const channel::TestNeeds& needs) {
    if (needs.cpus < 1 || needs.cpus > channel::max_cpus) {
        return fmt::format("{} vCPUs; 1 to {} are possible", needs.cpus, channel::max_cpus);
    }
    if (needs.ring_records != 0 && (!std::has_single_bit(needs.ring_records) ||
                                    needs.ring_records > channel::max_ring_records)) {
        return fmt::format("rings of {} records; a power of two up to {} is possible",
                           needs.ring_records, channel::max_ring_records);
    }
    if (needs.timeout > channel::max_test_timeout) {
        return fmt::format("{} seconds; up to {} are possible", needs.timeout,
                           channel::max_test_timeout);
    }
    return is_possible(needs.dirty_logging) ? "" : "a dirty log that there is not";
}

std::vector<std::string> read_tags(const ElfImage& image, const GuestTest& test) {
    std::vector<std::string> tags;
    if (!test.needs.tags) {
        return tags;
    }
    const auto text = image.string_at(test.needs.tags.address, most_tag_bytes);
    image.require(text.has_value(),
                  "{}: its tags are outside the segments, or longer than {} characters",
                  test.full_name(), most_tag_bytes - 1);
    for (const std::string_view tag : split(*text, ' ')) {
        image.require(channel::is_tag(tag.data(), tag.data() + tag.size()),
                      "{}: its tag \"{}\" is no word like slow or needs-pcid", test.full_name(),
                      printable(tag));
        tags.emplace_back(tag);
    }
    return tags;
}

std::vector<GuestTest> read_tests(const ElfImage& image) {
    std::vector<GuestTest> tests;
    const std::uint64_t begin = image.note().tests_begin.address;
    const std::uint64_t end = image.note().tests_end.address;
    constexpr std::uint64_t size = sizeof(channel::TestDescriptor);
    image.require(begin <= end && (end - begin) % size == 0 && (end - begin) / size <= max_tests,
                  "the table of its tests has an impossible size");
    for (std::uint64_t at = begin; at < end; at += size) {
        const auto bytes = image.contents_from(at);
        image.require(bytes.size() >= size, "the table of its tests is outside its segments");
        channel::TestDescriptor descriptor{};
        std::memcpy(&descriptor, bytes.data(), size);
        const auto suite = image.string_at(descriptor.suite.address, most_name_bytes);
        const auto name = image.string_at(descriptor.name.address, most_name_bytes);
        const auto file = image.string_at(descriptor.file.address);
        image.require(suite && name && file,
                      "the name of a test is outside its segments, or longer than {} characters",
                      most_name_bytes - 1);
        image.require(is_identifier(*suite) && is_identifier(*name),
                      "the name of a test is not an identifier");
        GuestTest test{*suite, *name, *file, descriptor.line, at, descriptor.needs};
        test.impossible_need = impossible_need(test.needs);
        if (!test.impossible_need.empty()) {
            test.needs = {.tags = descriptor.needs.tags};
        }
        test.tags = read_tags(image, test);
        tests.push_back(std::move(test));
    }
    std::set<std::string> suites;
    for (const GuestTest& test : tests) {
        suites.insert(test.suite);
    }
    image.require(suites.size() <= most_suites, "{} suites; {} are possible", suites.size(),
                  most_suites);
    // The compiler lays descriptors out in any order; people expect that of the source.
    std::ranges::stable_sort(tests, {}, &GuestTest::line);
    return tests;
}

/// Named as its file: tests/apic.flat is the test apic.flat.
GuestTest test_of_file(const std::string& path) {
    const std::filesystem::path file = std::filesystem::path(path).filename();
    const std::string ending = file.extension().string();
    GuestTest test{.suite = file.stem().string(),
                   .name = ending.empty() ? "multiboot" : ending.substr(1),
                   .file = path,
                   .line = 0,
                   .descriptor = 0,
                   .needs = {}};
    test.pc.emplace();
    return test;
}

}  // namespace

Guest::Guest(std::string name, std::span<const std::byte> file)
    : name_(std::move(name)),
      file_(file),
      image_(std::make_unique<ElfImage>(name_, file)),
      tests_(read_tests(*image_)) {}

Guest Guest::read(const std::string& path) {
    auto contents = std::make_unique<std::string>(read_guest(path));
    const auto bytes = std::as_bytes(std::span(*contents));
    Guest guest = has_multiboot_header(bytes) ? of_multiboot(path, bytes, test_of_file(path))
                                              : Guest(path, bytes);
    guest.storage_ = std::move(contents);
    return guest;
}

Guest Guest::read_multiboot(const std::string& path, GuestTest test) {
    auto contents = std::make_unique<std::string>(read_guest(path));
    Guest guest = of_multiboot(path, std::as_bytes(std::span(*contents)), std::move(test));
    guest.storage_ = std::move(contents);
    return guest;
}

Guest Guest::of_multiboot(const std::string& path, std::span<const std::byte> file,
                          GuestTest test) {
    Guest guest = without_file(path, std::move(test));
    guest.file_ = file;
    guest.multiboot_ = std::make_unique<MultibootImage>(path, file);
    return guest;
}

Guest Guest::without_file(const std::string& path, GuestTest test) {
    Guest guest;
    guest.name_ = path;
    guest.tests_.push_back(std::move(test));
    return guest;
}

void Guest::give(const std::string& arguments, const std::vector<std::string>& environment) {
    for (GuestTest& test : tests_) {
        if (!test.pc) {
            continue;
        }
        test.pc->command_line += test.pc->command_line.empty() || arguments.empty() ? "" : " ";
        test.pc->command_line += arguments;
        for (const std::string& line : environment) {
            test.pc->environment += line + "\n";
        }
    }
}

const GuestTest& Guest::test_named(std::string_view name) const {
    const auto test = std::ranges::find(tests_, name, &GuestTest::name);
    if (test == tests_.end()) {
        throw_error(ErrorKind::input, "the guest {} has no test {}", name_, name);
    }
    return *test;
}

}  // namespace nestbed::vmm
