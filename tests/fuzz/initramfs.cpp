// What a nested machine is given: an archive of files with any names, and its task, written and
// read back.

#include <fmt/format.h>

#include "tests/fuzz/target.hpp"
#include "vmm/base/error.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/nested/cpio.hpp"
#include "vmm/nested/init.hpp"

namespace nestbed {
namespace {

std::size_t field(std::string_view header, std::size_t number) {
    return std::stoul(std::string(header.substr(6 + 8 * number, 8)), nullptr, 16);
}

/// How many files there are in it; it must be whole.
std::size_t count_entries(std::string_view archive) {
    constexpr std::size_t header_bytes = 110;
    const auto padded = [](std::size_t bytes) { return (bytes + 3) / 4 * 4; };
    for (std::size_t count = 0;; ++count) {
        fuzz::require(archive.starts_with("070701") && archive.size() >= header_bytes,
                      "each file has a header");
        const std::size_t name_bytes = field(archive, 11);
        const std::size_t whole = padded(header_bytes + name_bytes) + padded(field(archive, 6));
        fuzz::require(name_bytes != 0 && whole <= archive.size(), "each file is whole");
        if (archive.substr(header_bytes, name_bytes - 1) == "TRAILER!!!") {
            fuzz::require(whole == archive.size(), "the trailer is the end");
            return count;
        }
        archive.remove_prefix(whole);
    }
}

void pack(fuzz::Choices& choices) {
    vmm::CpioArchive archive;
    std::size_t added = 0;
    while (!choices.none_left()) {
        const std::string path = choices.text();
        // No path that is ours has one.
        if (path.find('\0') == path.npos && path.find("TRAILER!!!") == path.npos) {
            archive.add("/" + path, S_IFREG | 0644, choices.text());
            ++added;
        }
    }
    const std::size_t count = count_entries(std::move(archive).finish());
    fuzz::require(added == 0 || count <= 256 * added, "folders are on the way to files");
}

void read_task(std::string_view bytes) {
    try {
        const vmm::Task task = vmm::task_from(bytes);
        fuzz::require(vmm::bytes_of(vmm::task_from(vmm::bytes_of(task))) == vmm::bytes_of(task),
                      "a task that was read can be read again");
    } catch (const vmm::Error&) {
        // It is no task.
    }
    try {
        const vmm::EmulatedMachine machine = vmm::emulated_machine_from(bytes);
        static_cast<void>(vmm::text_of(machine));
    } catch (const vmm::Error&) {
        // It is no description.
    }
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(initramfs) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    if (choices.flag()) {
        pack(choices);
    } else {
        read_task(fuzz::text_of(choices.rest()));
    }
}
