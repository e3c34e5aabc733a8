// A pipe between this program and a child.
#pragma once

#include <string>

#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

class Pipe {
  public:
    /// Throws Error(no_kvm) if there are no descriptors left.
    Pipe();

    int reader() const { return reader_.get(); }
    int writer() const { return writer_.get(); }
    /// Once a child has it: without this the reader never sees the end.
    void close_writer() { writer_ = Descriptor(-1); }

  private:
    Descriptor reader_{-1};
    Descriptor writer_{-1};
};

/// Appends what there is to be read; waits if there is nothing yet. False at the end.
bool read_some(int fd, std::string& text);

/// What is in the pipe now, without waiting. No more than a pipe holds, so that this ends though
/// somebody goes on writing; all that a process has written if it has ended.
std::string rest_of(int fd);

}  // namespace nestbed::vmm
