// The emulator that a program has started, found in /proc.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/program/process.hpp"

namespace nestbed::test {

inline std::string contents(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

inline std::string name_of(const std::filesystem::path& process) {
    std::string name = contents(process / "comm");
    return name.substr(0, name.find('\n'));
}

/// Direct children of a process, by the names of their programs.
inline std::vector<std::pair<int, std::string>> children_of(int parent) {
    std::vector<std::pair<int, std::string>> children;
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator("/proc")) {
        const int id = std::atoi(entry.path().filename().c_str());
        const std::string status = contents(entry.path() / "status");
        if (id != 0 &&
            status.find("\nPPid:\t" + std::to_string(parent) + "\n") != std::string::npos) {
            children.emplace_back(id, name_of(entry.path()));
        }
    }
    return children;
}

/// The emulator that `process` has started, once it has: not one that is only asked for its
/// version.
inline int emulator_of(const Process& process) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
        for (const auto& [id, name] : children_of(process.id())) {
            const std::string arguments =
                contents(std::filesystem::path("/proc") / std::to_string(id) / "cmdline");
            const bool boots = arguments.find("-initrd") != std::string::npos ||
                               arguments.find("bochsrc") != std::string::npos;
            if (boots && (name.starts_with("qemu-system") || name.starts_with("bochs-bin"))) {
                return id;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return -1;
}

inline bool is_gone(int process) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (::kill(process, 0) == 0 && std::chrono::steady_clock::now() < deadline) {
        // A child of a killed parent stays until whoever inherits it looks after it.
        if (contents(std::filesystem::path("/proc") / std::to_string(process) / "status")
                .find("State:\tZ") != std::string::npos) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return ::kill(process, 0) != 0;
}

}  // namespace nestbed::test
