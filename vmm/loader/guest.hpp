// A guest: its ELF file and its tests. One of ours says which it holds; one that is not ours, which
// a multiboot loader starts, is a test by itself. The built-in suites are inside this program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/loader/elf_image.hpp"
#include "vmm/loader/multiboot_image.hpp"
#include "vmm/loader/pc_settings.hpp"

namespace nestbed::vmm {

struct GuestTest {
    std::string suite;
    std::string name;
    std::string file;
    std::uint64_t line;
    std::uint64_t descriptor;  ///< guest linear address of its TestDescriptor
    channel::TestNeeds needs;
    std::vector<std::string> tags = {};
    /// What it asks for that nobody could give it; empty if it can have everything. Its needs are
    /// none then.
    std::string impossible_need = {};
    /// The PC that it is run on, if the guest is not ours.
    std::optional<PcSettings> pc = {};
    std::string skip_reason = {};            ///< it is not to be run; empty: it is
    std::vector<std::string> warnings = {};  ///< for its log

    std::string full_name() const { return suite + "." + name; }
};

class Guest {
  public:
    /// A guest whose file stays where it is (the built-in ones).
    Guest(std::string name, std::span<const std::byte> file);

    /// A guest read from a path. Throws Error(input), naming the path and the cause.
    static Guest read(const std::string& path);
    /// One that is not ours, read from a path, as the test `test`. The same.
    static Guest read_multiboot(const std::string& path, GuestTest test);
    /// Without a file, for a test that is not to be run.
    static Guest without_file(const std::string& path, GuestTest test);

    const std::string& name() const { return name_; }
    std::span<const std::byte> file() const { return file_; }
    /// Of a guest of ours.
    const ElfImage& image() const { return *image_; }
    /// Null of a guest of ours.
    const MultibootImage* multiboot() const { return multiboot_.get(); }
    const std::vector<GuestTest>& tests() const { return tests_; }
    /// A test by its name without the suite's. Throws Error(input) if there is none.
    const GuestTest& test_named(std::string_view name) const;

    /// Words behind a foreign guest's command line, and lines of NAME=VALUE behind its environment.
    void give(const std::string& arguments, const std::vector<std::string>& environment);

  private:
    Guest() = default;
    static Guest of_multiboot(const std::string& path, std::span<const std::byte> file,
                              GuestTest test);

    std::string name_;
    std::unique_ptr<std::string> storage_;  ///< of a file that was read
    std::span<const std::byte> file_;
    std::unique_ptr<ElfImage> image_;
    std::unique_ptr<MultibootImage> multiboot_;
    std::vector<GuestTest> tests_;
};

struct BuiltinGuest {
    std::string_view name;
    std::span<const std::byte> file;
    bool is_suite;  ///< runs without being named (guest/suites/CMakeLists.txt)
};

std::span<const BuiltinGuest> builtin_guests();

}  // namespace nestbed::vmm
