// A guest: its ELF file and the tests that it says it holds. The built-in suites are inside this
// program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/loader/elf_image.hpp"

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

    std::string full_name() const { return suite + "." + name; }
};

class Guest {
  public:
    /// A guest whose file stays where it is (the built-in ones).
    Guest(std::string name, std::span<const std::byte> file);

    /// A guest read from a path. Throws Error(input), naming the path and the cause.
    static Guest read(const std::string& path);

    const ElfImage& image() const { return *image_; }
    const std::vector<GuestTest>& tests() const { return tests_; }
    /// A test by its name without the suite's. Throws Error(input) if there is none.
    const GuestTest& test_named(std::string_view name) const;

  private:
    std::unique_ptr<std::string> storage_;  ///< of a file that was read
    std::unique_ptr<ElfImage> image_;
    std::vector<GuestTest> tests_;
};

struct BuiltinGuest {
    std::string_view name;
    std::span<const std::byte> file;
    bool is_suite;  ///< runs without being named (guest/suites/CMakeLists.txt)
};

std::span<const BuiltinGuest> builtin_guests();

}  // namespace nestbed::vmm
