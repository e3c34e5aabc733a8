// Ownership of a file descriptor and of a memory mapping; system calls that signals interrupt.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <utility>

namespace nestbed::vmm {

/// Makes a system call again as long as a signal interrupts it.
template <typename Call>
auto uninterrupted(const Call& call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    int get() const { return fd_; }

  private:
    int fd_;
};

class Mapping {
  public:
    /// Takes over `size` bytes that MMAP returned at `address`.
    Mapping(void* address, std::size_t size) : bytes_(address, Unmap{size}) {}

    void* address() const { return bytes_.get(); }
    std::size_t size() const { return bytes_.get_deleter().size; }

    /// Gives the mapping up without unmapping it.
    void release() { static_cast<void>(bytes_.release()); }

  private:
    struct Unmap {
        std::size_t size;
        void operator()(void* address) const { ::munmap(address, size); }
    };
    std::unique_ptr<void, Unmap> bytes_;
};

}  // namespace nestbed::vmm
