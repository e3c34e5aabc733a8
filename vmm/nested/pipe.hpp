// Pipes between this program and a child.
#pragma once

#include <poll.h>

#include <functional>
#include <string>
#include <vector>

#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

class Pipe {
  public:
    /// Throws Error(kernel_refused) if there are no descriptors left.
    Pipe();

    int reader() const { return reader_.get(); }
    int writer() const { return writer_.get(); }
    /// Once a child has it: without this the reader never sees the end.
    void close_writer() { writer_ = Descriptor(-1); }

  private:
    Descriptor reader_{-1};
    Descriptor writer_{-1};
};

/// Reads several pipes side by side.
class PipeReaders {
  public:
    /// Is given a reader's place among the others and what came from it.
    using Take = std::function<void(std::size_t place, const std::string& text)>;

    PipeReaders(const std::vector<int>& readers, Take take);

    /// Waits a moment and takes what has come.
    void read();
    /// Takes what is in the pipes now. No more than a pipe holds, so that this ends though somebody
    /// goes on writing; all that a process has written if it has ended.
    void read_rest();
    /// True once all have come to their ends.
    bool ended() const;

  private:
    std::vector<pollfd> streams_;
    Take take_;
};

}  // namespace nestbed::vmm
