// A thread, or the error that says which one there cannot be.
#pragma once

#include <string_view>
#include <thread>
#include <utility>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

/// Runs `work` in a thread. `which` follows "the thread" in the Error that is thrown if there can
/// be none.
template <typename Work>
std::jthread start_thread(std::string_view which, Work&& work) {
    try {
        return std::jthread(std::forward<Work>(work));
    } catch (...) {  // no thread, or no memory for its state
        throw_error(ErrorKind::kernel_refused, "cannot start the thread {}: {}", which,
                    current_error().what());
    }
}

}  // namespace nestbed::vmm
