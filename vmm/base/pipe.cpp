#include "vmm/base/pipe.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_error(ErrorKind::kernel_refused, "cannot make a pipe: {}", std::strerror(errno));
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace nestbed::vmm
