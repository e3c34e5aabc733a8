#include "vmm/base/error.hpp"

#include <array>
#include <filesystem>
#include <new>
#include <system_error>

namespace nestbed::vmm {

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
        return {ErrorKind::io, error.what()};
    } catch (const std::system_error& error) {
        return {ErrorKind::kernel_refused, error.what()};  // a thread that cannot be made
    } catch (const std::bad_alloc&) {
        return {ErrorKind::kernel_refused, "there is no memory left"};
    } catch (const std::exception& error) {
        return {ErrorKind::ours, error.what()};
    } catch (...) {
        return {ErrorKind::ours, "an exception of no known type"};
    }
}

}  // namespace nestbed::vmm
