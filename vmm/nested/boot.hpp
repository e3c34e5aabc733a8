// One life of a nested machine: from its emulator's start to its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

enum class BootEnd {
    finished,     ///< the command ended; its exit code is there
    hung,         ///< nothing was heard of the machine for too long
    broken,       ///< the machine, or its emulator, ended before the command did
    interrupted,  ///< by us
};

struct BootResult {
    BootEnd end = BootEnd::broken;
    int code = 0;                              ///< the command's
    std::string reason;                        ///< why it is not `finished`
    bool any_output = false;                   ///< the command wrote something
    std::map<std::size_t, std::string> files;  ///< brought back, by their numbers
    std::vector<std::string> console;          ///< the kernel's last lines
    std::uint32_t retries = 0;                 ///< boots before it that hung
};

/// Is told what the command in the machine writes, as it comes.
class NestedObserver {
  public:
    virtual ~NestedObserver() = default;

    /// What is being done before that: "nested machine: booting".
    virtual void preparing(std::string_view what) = 0;
    virtual void ready() = 0;
    virtual void output(std::string_view text) = 0;
    virtual void error(std::string_view text) = 0;
    virtual void progress(std::string_view line) = 0;
    /// A machine hung before the command had written anything; another one follows.
    virtual void retrying(const BootResult& hung) = 0;
};

struct BootStart {
    std::string emulator;  ///< its name, for messages
    std::vector<std::string> command;
    int input = -1;                       ///< its descriptor 0; -1: it has no input
    std::filesystem::path directory{};    ///< to run it in; empty: here
    std::chrono::milliseconds silence{};  ///< the machine hangs if it says nothing for so long
    /// Finds, in all that the emulator has written, why it ended; empty: it did not say.
    std::function<std::string(const std::string& said)> complaint_in{};
};

/// Runs the emulator to its end. Whatever happens, its process is gone afterwards.
BootResult boot(const BootStart& start, NestedObserver& observer, const std::stop_token& stop);

}  // namespace nestbed::vmm
