// A pipe, whose ends no program that is started from here inherits.
#pragma once

#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

struct Pipe {
    Descriptor reader;
    Descriptor writer;
};

/// Throws Error(kernel_refused).
Pipe make_pipe();

}  // namespace nestbed::vmm
