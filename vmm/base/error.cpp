#include "vmm/base/error.hpp"

#include <array>
#include <filesystem>
#include <new>
#include <system_error>

namespace nestbed::vmm {

namespace {

/// "/a/b: Permission denied", as all others of ours.
std::string text_of(const std::filesystem::filesystem_error& error) {
    return error.path1().empty() ? error.code().message()
                                 : error.path1().string() + ": " + error.code().message();
}

/// The C++ library throws it where a thread cannot be made, and says of it EAGAIN's words alone.
std::string text_of(const std::system_error& error) {
    return error.code() == std::errc::resource_unavailable_try_again
               ? "no thread can be made: the limit of processes (ulimit -u, or pids.max of the "
                 "cgroup) or of memory (ulimit -v) is reached"
               : error.what();
}

Error no_memory() {
    return {ErrorKind::kernel_refused,
            "there is no memory left (or a limit of it, such as ulimit -v, is reached)"};
}

}  // namespace

const char* name_of(ErrorKind kind) {
    static constexpr std::array names{"usage",          "input", "host_lacks",
                                      "kernel_refused", "io",    "ours"};
    return names.at(static_cast<std::size_t>(kind));
}

Error current_error() {
    try {
        throw;
    } catch (const Error& error) {
        return error;
    } catch (const std::filesystem::filesystem_error& error) {
        return {ErrorKind::io, text_of(error)};
    } catch (const std::system_error& error) {
        return {ErrorKind::kernel_refused, text_of(error)};
    } catch (const std::bad_alloc&) {
        return no_memory();
    } catch (const std::length_error&) {
        return no_memory();  // what says so holds more than any memory has
    } catch (const std::exception& error) {
        return {ErrorKind::ours,
                fmt::format("a bug of nestbed, please report it: {}", error.what())};
    } catch (...) {
        return {ErrorKind::ours,
                "a bug of nestbed, please report it: an exception of no known type"};
    }
}

}  // namespace nestbed::vmm
