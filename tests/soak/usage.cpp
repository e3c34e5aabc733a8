#include "tests/soak/usage.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "vmm/base/kernel_file.hpp"

namespace nestbed::test {

namespace {

namespace fs = std::filesystem;

/// Of a folder that may go away meanwhile, with its process.
std::uint64_t entries_in(const fs::path& folder) {
    std::error_code gone;
    std::uint64_t count = 0;
    for (fs::directory_iterator entry(folder, gone); !gone && entry != fs::directory_iterator();
         entry.increment(gone)) {
        ++count;
    }
    return count;
}

/// The parent in /proc/PID/stat: behind the name, which may hold anything, and the state.
pid_t parent_in(const fs::path& stat) {
    const std::string line = vmm::first_line(stat).value_or("");
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) {
        return 0;
    }
    std::istringstream rest(line.substr(name_end + 1));
    std::string state;
    pid_t parent = 0;
    rest >> state >> parent;
    return parent;
}

std::uint64_t children_of(pid_t process) {
    std::error_code gone;
    std::uint64_t count = 0;
    for (fs::directory_iterator entry("/proc", gone); !gone && entry != fs::directory_iterator();
         entry.increment(gone)) {
        const std::string name = entry->path().filename();
        const bool is_process =
            std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
        count += is_process && parent_in(entry->path() / "stat") == process ? 1 : 0;
    }
    return count;
}

/// "RssAnon:     1234 kB", which one that has ended does not have.
std::optional<std::uint64_t> private_memory(const fs::path& folder) {
    std::ifstream file(folder / "status");
    const std::string key = "RssAnon:";
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key)) {
            return std::stoull(line.substr(key.size())) * 1024;
        }
    }
    return std::nullopt;
}

/// The most of `what` among the samples from `begin` to `end`.
std::uint64_t most(const std::vector<Usage>& samples, std::uint64_t Usage::*what, std::size_t begin,
                   std::size_t end) {
    std::uint64_t most = 0;
    for (std::size_t n = begin; n < end; ++n) {
        most = std::max(most, samples[n].*what);
    }
    return most;
}

}  // namespace

std::optional<Usage> usage_of(pid_t process) {
    const fs::path folder = fs::path("/proc") / std::to_string(process);
    const auto memory = private_memory(folder);
    if (!memory) {
        return std::nullopt;
    }
    return Usage{*memory, entries_in(folder / "fd"), entries_in(folder / "task"),
                 children_of(process)};
}

Usage usage_of_this_process() {
    Usage usage = usage_of(::getpid()).value_or(Usage{});
    const struct mallinfo2 heap = ::mallinfo2();
    usage.memory = heap.uordblks + heap.hblkhd;
    return usage;
}

void expect_flat(const std::vector<Usage>& samples, std::uint64_t memory) {
    const std::size_t tenth = samples.size() / 10;
    ASSERT_GT(tenth, 0U) << samples.size() << " samples are too few to compare";
    struct Held {
        const char* name;
        std::uint64_t Usage::*what;
        std::uint64_t more;
    };
    // A sample in the second tenth may have missed the moment when most was held.
    constexpr std::uint64_t missed = 8;
    for (const Held& held : {Held{"bytes of memory", &Usage::memory, memory},
                             Held{"descriptors", &Usage::descriptors, missed},
                             Held{"threads", &Usage::threads, missed},
                             Held{"child processes", &Usage::children, missed}}) {
        const std::uint64_t second = most(samples, held.what, tenth, 2 * tenth);
        const std::uint64_t last = most(samples, held.what, samples.size() - tenth, samples.size());
        EXPECT_LE(last, second + held.more) << held.name << ", second tenth and last";
        fmt::print("  {}: {} in the second tenth, {} in the last\n", held.name, second, last);
    }
}

}  // namespace nestbed::test
